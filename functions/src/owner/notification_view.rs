//! A notification as owners see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::NotificationId;
use thali_domain::owner::notifications::{News, Notification};
use utoipa::ToSchema;

/// A notification; its other members depend on its kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notification)]
pub struct NotificationView {
    notification_id: NotificationId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    read_at: Option<Timestamp>,
    #[serde(flatten)]
    news: News,
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        let Notification { notification_id, at, read_at, news, .. } = notification;
        Self { notification_id, at, read_at, news }
    }
}
