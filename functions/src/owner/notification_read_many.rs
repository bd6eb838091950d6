//! `POST /owner/notifications/read`: marks several notifications as read, for all owners of the
//! mess. Those that were read before keep their first time, and unknown ones are left out, so a
//! repeat changes nothing.

use std::collections::BTreeSet;

use serde::Serialize;
use thali_domain::Unacceptable;
use thali_domain::ids::NotificationId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, PAGE_ITEMS_MAX, Problem, Request, Response, schema,
};
use thali_platform::store::retry_overtaken;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "notification-read-many",
    &["/owner/notifications/read"],
    Access::Owner,
    handler!(read),
)
.summary("Marks up to 100 notifications as read; a repeat changes nothing")
.takes(schema::<ReadNotifications>)
.answers(200, schema::<NotificationsRead>);

/// The notifications to mark.
#[derive(eserde::Deserialize, ToSchema)]
struct ReadNotifications {
    #[eserde(compat)]
    #[schema(schema_with = several_ids)]
    notification_ids: NotificationIds,
}

/// 1 to [`PAGE_ITEMS_MAX`] notifications.
#[derive(serde::Deserialize)]
#[serde(try_from = "Vec<NotificationId>")]
struct NotificationIds(BTreeSet<NotificationId>);

impl TryFrom<Vec<NotificationId>> for NotificationIds {
    type Error = Unacceptable;

    fn try_from(ids: Vec<NotificationId>) -> Result<Self, Self::Error> {
        if (1..=PAGE_ITEMS_MAX).contains(&ids.len()) {
            Ok(Self(ids.into_iter().collect()))
        } else {
            Err(Unacceptable(format!("must be 1 to {PAGE_ITEMS_MAX} items")))
        }
    }
}

fn several_ids() -> Array {
    let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^ntf_"));
    ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(PAGE_ITEMS_MAX)).build()
}

/// What was marked.
#[derive(Serialize, ToSchema)]
struct NotificationsRead {
    /// How many of them nobody had read before.
    marked: usize,
}

async fn read(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let ReadNotifications { notification_ids: NotificationIds(ids) } = request.json()?;
    let stamp = caller.stamp(app, request);
    let (ids, stamp) = (&ids, &stamp);
    let marked =
        retry_overtaken(|_| async move { app.store.notifications_read(mess, ids, stamp).await });
    Ok(Response::ok(&NotificationsRead { marked: marked.await? }))
}
