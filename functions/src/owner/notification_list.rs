//! `GET /owner/notifications`: the notifications of a mess's owners, newest first.

use std::str::FromStr;

use thali_domain::Unacceptable;
use thali_domain::ids::NotificationId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, Schemas, schema,
};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::notification_view::NotificationView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("notification-list", &["/owner/notifications"], Access::Owner, handler!(list))
        .summary(
            "What owners are told, newest first; a page may be short and have another behind it",
        )
        .query(&[QueryParameter {
            name: UNREAD,
            description: "Only what nobody has read",
            schema: Unread::schema,
        }])
        .answers_page(schema::<NotificationView>);

const UNREAD: &str = "unread";

/// Whether the list has only unread notifications.
struct Unread(bool);

impl Unread {
    fn schema(_: &mut Schemas) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

impl FromStr for Unread {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let flag = text.parse().map_err(|_| Unacceptable("must be true or false".to_owned()))?;
        Ok(Self(flag))
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess = &caller.session()?.mess_id;
    let page = request.page_with(&[UNREAD])?;
    let before: Option<NotificationId> = page.after_id()?;
    let unread = request.query(UNREAD)?.is_some_and(|Unread(unread)| unread);
    let now = app.clock.now();
    let found = app.store.notifications_page(mess, before, unread, page.reach(), now).await?;
    let (items, next) = page.cut_in_order(found.items, |item| item.notification_id.to_string());
    // If much was read and little found, the next page begins where this one stopped reading.
    let next = next.or_else(|| found.next.map(|last| Page::cursor(&last.to_string())));
    let views: Vec<NotificationView> = items.into_iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
