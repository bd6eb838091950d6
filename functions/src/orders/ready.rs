//! `GET /api/orders/ready`: the orders that wait to be handed over, with the names of the
//! students, for the counter.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{Name, RollNo, RoomNo};
use thali_domain::days::MealDate;
use thali_domain::staff::plates::Diner;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::ReadyPage;
use utoipa::ToSchema;

use super::view::OrderView;

pub static ENDPOINT: Endpoint =
    Endpoint::get("order-ready-list", &["/api/orders/ready"], Access::Staff, handler!(list))
        .summary("The orders that wait to be handed over, the oldest first")
        .query(&[QueryParameter {
            name: FROM,
            description: "The first day on which they were placed; any day without it",
            schema: schema::<MealDate>,
        }])
        .answers_page(schema::<ReadyOrder>)
        .refuses(&["mess_not_found"]);

const FROM: &str = "from";

/// An order that waits to be handed over.
#[derive(Serialize, ToSchema)]
struct ReadyOrder {
    #[serde(flatten)]
    order: OrderView,
    /// Since when it can be handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    processed_at: Option<Timestamp>,
    /// Who ordered it, if the mess still has the student.
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<OrderingStudent>,
}

/// The student who ordered.
#[derive(Serialize, ToSchema)]
struct OrderingStudent {
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_no: Option<RollNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_no: Option<RoomNo>,
}

impl From<Diner> for OrderingStudent {
    fn from(diner: Diner) -> Self {
        let Diner { name, roll_no, room_no, .. } = diner;
        Self { name, roll_no, room_no }
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let mess_id = caller.mess_id()?;
    let page = request.page_with(&[FROM])?;
    let after = page.after_id()?;
    let since = match request.query::<MealDate>(FROM)? {
        Some(day) => {
            let mess = app.store.mess_get(mess_id).await?.ok_or_else(problems::mess_not_found)?;
            Some(mess.day_begins(day))
        }
        None => None,
    };
    let limit = page.reach() - 1;
    let ReadyPage { orders, next } = app.store.orders_ready(mess_id, since, after, limit).await?;
    let accounts = orders.iter().map(|order| order.account_id).collect();
    let students = app.store.diners_of(mess_id, accounts).await?;
    let view = |order: thali_domain::orders::order::Order| ReadyOrder {
        processed_at: order.processed_at,
        student: students.get(&order.account_id).cloned().map(Into::into),
        order: order.into(),
    };
    let views: Vec<ReadyOrder> = orders.into_iter().map(view).collect();
    let next = next.map(|place| Page::cursor(&place.to_string()));
    Ok(Response::page(&views, next))
}
