//! `GET /owner/dashboard`: an overview for owners. All reads are concurrent, and each count that
//! could grow without bound stops at a limit.

use std::collections::BTreeMap;

use futures_util::try_join;
use serde::Serialize;
use thali_domain::days::MealDate;
use thali_domain::ids::MessId;
use thali_domain::meals::entitlement::Entitlement;
use thali_domain::mess::{Meal, Mess};
use thali_domain::money::Paise;
use thali_domain::orders::menu::{Item, ItemName, Sku};
use thali_domain::owner::headcount::{Expected, Tally, expected};
use thali_domain::owner::notifications::{LOW_STOCK, News};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{COUNT_MAX, Consistency, Member, StoreError};
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("dashboard", &["/owner/dashboard"], Access::Owner, handler!(dashboard))
        .summary("Today's meals and sales, and what waits for an owner; counts stop at 1,000")
        .answers(200, schema::<Dashboard>)
        .refuses(&["mess_not_found"]);

const WARNINGS_MAX: usize = 100;

/// How many items of the menu are read at once.
const MENU_PAGE: usize = 100;

/// What an owner wants to see first.
#[derive(Serialize, ToSchema)]
struct Dashboard {
    /// Today, at the mess.
    date: MealDate,
    meals: BTreeMap<Meal, MealToday>,
    /// Students who wait for approval, counted to 1,000.
    pending_approvals: usize,
    /// Payments of cycles that wait for an owner's decision, counted up to 1,000.
    pending_payments: usize,
    sales_today: Sales,
    /// Items that can be ordered and have fewer than ten portions, the fewest first: at most a
    /// hundred, of the first thousand items.
    stock_warnings: Vec<StockWarning>,
    /// How many of the newest 1,000 notifications nobody has read.
    unread_notifications: usize,
}

/// A meal today.
#[derive(Serialize, ToSchema)]
struct MealToday {
    /// Number of students to cook for.
    expected: u32,
    /// Students who were let in.
    admitted: u32,
    /// Scans that were refused.
    refused: u32,
}

/// What was sold today.
#[derive(Serialize, ToSchema)]
struct Sales {
    /// Tokens that were bought.
    tokens: u64,
    /// What was paid for them.
    amount_paise: Paise,
    /// Orders that were paid with tokens.
    orders: u64,
}

/// An item that runs low.
#[derive(Serialize, ToSchema)]
struct StockWarning {
    sku: Sku,
    name: ItemName,
    stock: u32,
}

async fn dashboard(app: &App, caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    let (store, id) = (&app.store, &caller.session()?.mess_id);
    let now = app.clock.now();
    // First the date at the mess, on which the other reads depend.
    let gate = store.gate_get(id, Consistency::Strong).await?;
    let gate = gate.ok_or_else(problems::mess_not_found)?;
    let date = gate.mess.date_at(now);
    let (students, tallies, pending_approvals, pending_payments, sales_today, warnings, unread) = try_join!(
        store.members_all(id),
        store.day_tallies(id, date),
        store.approvals_pending(id),
        store.cycles_pending(id),
        sales(app, &gate.mess, date),
        stock_warnings(app, id),
        store.notifications_unread(id, now),
    )?;
    let students: Vec<Entitlement> = students.iter().map(Member::entitlement).collect();
    let today = |(meal, count): (Meal, Expected)| {
        let Tally { admitted, refused } = &tallies[&meal];
        let (admitted, refused) = (*admitted, refused.values().sum());
        (meal, MealToday { expected: count.expected, admitted, refused })
    };
    let meals = expected(&gate, &students, date).into_iter().map(today).collect();
    Ok(Response::ok(&Dashboard {
        date,
        meals,
        pending_approvals,
        pending_payments,
        sales_today,
        stock_warnings: warnings,
        unread_notifications: unread,
    }))
}

/// What was sold on a day, counted from the owners' notifications: purchases and orders are
/// stored by student, and only their notifications are stored by mess.
async fn sales(app: &App, mess: &Mess, date: MealDate) -> Result<Sales, StoreError> {
    let (from, until) = (mess.day_begins(date), mess.day_begins(date.plus_days(1)));
    let (mut tokens, mut paise, mut orders) = (0, 0_u64, 0);
    for told in app.store.notifications_between(&mess.mess_id, from, until).await? {
        match told.news {
            News::TokenBought { count, amount_paise, .. } => {
                tokens += u64::from(count);
                paise = paise.saturating_add(amount_paise.get());
            }
            News::OrderProcessed { .. } => orders += 1,
            _ => {}
        }
    }
    Ok(Sales { tokens, amount_paise: Paise::new(paise), orders })
}

async fn stock_warnings(app: &App, mess: &MessId) -> Result<Vec<StockWarning>, StoreError> {
    let (mut low, mut after) = (Vec::new(), None::<Sku>);
    for _ in 0..COUNT_MAX / MENU_PAGE {
        let items = app.store.items_page(mess, after.as_ref(), MENU_PAGE).await?;
        let is_last = items.len() < MENU_PAGE;
        after = items.last().map(|item| item.sku.clone());
        low.extend(items.into_iter().filter(|item| item.available && item.stock() < LOW_STOCK));
        if is_last {
            break;
        }
    }
    low.sort_by_cached_key(|item| (item.stock(), item.sku.clone()));
    low.truncate(WARNINGS_MAX);
    let warning = |item: Item| StockWarning { stock: item.stock(), sku: item.sku, name: item.name };
    Ok(low.into_iter().map(warning).collect())
}
