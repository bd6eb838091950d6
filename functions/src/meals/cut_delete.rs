//! `DELETE /api/v1/mess-cuts/{cut_id}`: a student cancels a cut, before the cutoff of its first
//! day.

use futures_util::try_join;
use thali_domain::ids::CutId;
use thali_domain::meals::cuts::changeable_until;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};
use thali_platform::problems;
use thali_platform::store::{Attempt, retry_overtaken};

pub static ENDPOINT: Endpoint = Endpoint::delete(
    "cut-delete",
    &["/api/v1/mess-cuts/{cut_id}"],
    Access::Student,
    handler!(cut_delete),
)
.summary("Cancels a cut, until the mess's cutoff on the day before its first day")
.answers_nothing(204)
.refuses(&["cut_not_found", "cutoff_passed", "mess_not_found"]);

async fn cut_delete(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let cut_id = request.param::<CutId>("cut_id").ok_or_else(problems::cut_not_found)?;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let (store, mess) = (&app.store, &session.mess_id);
        let (mess, cut) = try_join!(store.mess_get(mess), store.cut_get(mess, cut_id))?;
        let mess = mess.ok_or_else(problems::mess_not_found)?;
        let cut = cut.filter(|cut| cut.account_id == session.account_id);
        let cut = cut.ok_or_else(problems::cut_not_found)?;
        changeable_until(&mess, cut.from, stamp.at)?;
        match store.cut_delete(&cut, &stamp).await? {
            Attempt::Done(false) => Err(problems::cut_not_found()),
            deleted => Ok(deleted.map(|_| Response::no_content())),
        }
    })
    .await
}
