//! `GET /student/profile`: the student's own account, with the fields that lists of accounts
//! leave out.

use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::Consistency;

use super::view::Profile;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "profile-get",
    &["/student/profile", "/student/profile-data"],
    Access::Applicant,
    handler!(profile_get),
)
.needs(&[Part::Blobs])
.summary("The student's own account")
.answers(200, schema::<Profile>);

async fn profile_get(app: &App, caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let account_id = caller.session()?.account_id;
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.ok_or_else(Problem::unauthenticated)?;
    Ok(Response::ok(&Profile::of(app, account).await?))
}
