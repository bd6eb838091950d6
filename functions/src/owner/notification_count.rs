//! `GET /owner/notifications/unread`: how many notifications nobody has read.

use serde::Serialize;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "notification-count",
    &["/owner/notifications/unread"],
    Access::Owner,
    handler!(count),
)
.summary("How many notifications nobody has read")
.answers(200, schema::<UnreadNotifications>);

/// What owners have not read.
#[derive(Serialize, ToSchema)]
struct UnreadNotifications {
    /// The unread ones among the newest 1000.
    unread: usize,
}

async fn count(app: &App, caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let unread = app.store.notifications_unread(mess, app.clock.now()).await?;
    Ok(Response::ok(&UnreadNotifications { unread }))
}
