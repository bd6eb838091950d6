//! `POST /owner/notifications/{notification_id}/read`: marks a notification as read, for all
//! owners of the mess. A repeated request keeps the first time.

use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;

use super::notification_view::NotificationView;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "notification-read",
    &["/owner/notifications/{notification_id}/read"],
    Access::Owner,
    handler!(read),
)
.summary("Marks a notification as read; a repeat changes nothing")
.answers(200, schema::<NotificationView>)
.refuses(&["notification_not_found"]);

async fn read(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let id = request.param("notification_id").ok_or_else(problems::notification_not_found)?;
    let stamp = caller.stamp(app, request);
    let read = app.store.notification_read(mess, id, &stamp).await?;
    let read = read.ok_or_else(problems::notification_not_found)?;
    Ok(Response::ok(&NotificationView::from(read)))
}
