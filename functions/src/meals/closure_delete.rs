//! `DELETE /api/v1/closures/{closure_id}`: an owner reopens the mess, from the next scan on. Past
//! days stay closed, because statements count them: a closure that has begun is shortened to its
//! past days.

use futures_util::try_join;
use thali_domain::ids::ClosureId;
use thali_domain::meals::closures::{CancelledClosure, reopen};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response};
use thali_platform::problems;
use thali_platform::store::retry_overtaken;

pub static ENDPOINT: Endpoint = Endpoint::delete(
    "closure-delete",
    &["/api/v1/closures/{closure_id}"],
    Access::Owner,
    handler!(closure_delete),
)
.summary("Withdraws a closure from the next scan on; days that are over stay closed")
.answers_nothing(204)
.refuses(&["closure_not_found", "closure_ended", "mess_not_found"]);

async fn closure_delete(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Response, Problem> {
    let id = request.param::<ClosureId>("closure_id").ok_or_else(problems::closure_not_found)?;
    let mess = &caller.session()?.mess_id;
    let stamp = caller.stamp(app, request);
    retry_overtaken(|_| async {
        let store = &app.store;
        let (mess, closure) = try_join!(store.mess_get(mess), store.closure_get(mess, id))?;
        let mess = mess.ok_or_else(problems::mess_not_found)?;
        let closure = closure.ok_or_else(problems::closure_not_found)?;
        let reopened = match reopen(&mess, &closure.open(), stamp.at) {
            None => return Err(problems::closure_ended()),
            Some(CancelledClosure::Whole) => store.closure_delete(&closure, &stamp).await?,
            Some(CancelledClosure::After(day)) => {
                store.closure_shorten(&closure, day, &stamp).await?
            }
        };
        Ok(reopened.map(|()| Response::no_content()))
    })
    .await
}
