//! `GET /api/orders/ready`: the orders that wait to be handed over, with the names of the
//! students, for the counter.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{AccountStatus, Name, RollNo, RoomNo};
use thali_domain::days::MealDate;
use thali_domain::ids::AccountId;
use thali_domain::orders::order::Order;
use thali_domain::staff::plates::Diner;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Page, Problem, QueryParameter, Request, Response, schema,
};
use thali_platform::problems;
use thali_platform::store::{Member, ReadyPage};
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
    let accounts: BTreeSet<AccountId> = orders.iter().map(|order| order.account_id).collect();
    let members = app.store.members_found(mess_id, &Vec::from_iter(accounts)).await?;
    let students: HashMap<AccountId, Member> =
        members.into_iter().map(|member| (member.account_id, member)).collect();
    let view = |order: Order| ReadyOrder {
        processed_at: order.processed_at,
        student: students.get(&order.account_id).map(|member| member.diner().into()),
        order: order.into(),
    };
    // Nobody comes for what a student ordered who has deleted the account.
    let comes = |order: &Order| {
        let student = students.get(&order.account_id);
        student.is_none_or(|student| student.status != AccountStatus::Deleted)
    };
    let views: Vec<ReadyOrder> = orders.into_iter().filter(comes).map(view).collect();
    let next = next.map(|place| Page::cursor(&place.to_string()));
    Ok(Response::page(&views, next))
}
