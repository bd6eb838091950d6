//! What owners are told of a change. It is derived from the two images alone; what they do
//! not say, such as the student's name, the notifier adds.

use serde::Deserialize;
use serde_json::{Map, Value};
use thali_domain::accounts::identity::{Name, RollNo};
use thali_domain::days::MealDate;
use thali_domain::ids::{AccountId, CycleId, OrderId, RazorpayOrderId, SubmissionId, TokenId};
use thali_domain::money::Paise;
use thali_domain::orders::menu::{ItemName, Sku};
use thali_domain::owner::notifications::{News, fell_low, scan_conflict};
use thali_platform::store::plate_of_image;

use super::change::Change;

/// The parts of a purchase that are told.
#[derive(Deserialize)]
struct PurchaseImage {
    order_id: RazorpayOrderId,
    account_id: AccountId,
    token_count: u16,
    amount_paise: Paise,
}

/// The parts of a submission that are told.
#[derive(Deserialize)]
struct SubmissionImage {
    submission_id: SubmissionId,
    account_id: AccountId,
    token_ids: Vec<TokenId>,
}

/// The parts of an order that are told.
#[derive(Deserialize)]
struct OrderImage {
    order_id: OrderId,
    account_id: AccountId,
    total_tokens: u16,
}

/// The parts of a cycle that are told.
#[derive(Deserialize)]
struct CycleImage {
    cycle_id: CycleId,
    account_id: AccountId,
    #[serde(default)]
    name: Option<Name>,
    #[serde(default)]
    roll_no: Option<RollNo>,
    from: MealDate,
    to: MealDate,
    amount_paise: Paise,
}

/// The parts of an account that are told. Not its e-mail address or telephone number.
#[derive(Deserialize)]
struct AccountImage {
    account_id: AccountId,
    name: Name,
    #[serde(default)]
    roll_no: Option<RollNo>,
}

/// The parts of an item of the menu, or of a further shard of its stock, that are told.
#[derive(Deserialize)]
struct StockImage {
    sku: Sku,
    stock: u32,
    layout: u32,
    #[serde(default)]
    name: Option<ItemName>,
    #[serde(default)]
    stock_shards: Option<u8>,
}

/// What owners are told of a change, if anything.
pub(super) fn news(change: &Change) -> Option<News> {
    let after = || change.after.clone().map(Value::Object);
    let is_new = change.before.is_none();
    match change.text("kind")? {
        "purchase" if change.became("state").is_some_and(|state| state == "captured") => {
            let PurchaseImage { order_id, account_id, token_count: count, amount_paise } =
                change.read(after()?)?;
            Some(News::TokenBought { order_id, account_id, name: None, count, amount_paise })
        }
        "submission" if is_new => {
            let SubmissionImage { submission_id, account_id, token_ids } = change.read(after()?)?;
            let count = u16::try_from(token_ids.len()).unwrap_or(u16::MAX);
            Some(News::TokensSubmitted { submission_id, account_id, name: None, count })
        }
        "order" if change.became("status").is_some_and(|status| status == "Processed") => {
            let OrderImage { order_id, account_id, total_tokens: count } = change.read(after()?)?;
            Some(News::OrderProcessed { order_id, account_id, name: None, count })
        }
        "cycle" if is_new => {
            let CycleImage { cycle_id, account_id, name, roll_no, from, to, amount_paise } =
                change.read(after()?)?;
            Some(News::PaymentUploaded {
                cycle_id,
                account_id,
                name,
                roll_no,
                from,
                to,
                amount_paise,
            })
        }
        "account" if change.became("status").is_some_and(|it| it == "pending_approval") => {
            let AccountImage { account_id, name, roll_no } = change.read(after()?)?;
            Some(News::StudentWaiting { account_id, name: Some(name), roll_no })
        }
        "plate" => conflict(change),
        "item" | "stock" => low_stock(change),
        _ => None,
    }
}

fn conflict(change: &Change) -> Option<News> {
    let plate = |image: &Map<String, Value>| {
        let read = plate_of_image(image.clone()).ok();
        if read.is_none() {
            tracing::error!(event_id = change.event_id, "a plate cannot be read");
        }
        read
    };
    let before = match &change.before {
        Some(before) => Some(plate(before)?),
        None => None,
    };
    scan_conflict(before.as_ref(), &plate(change.after.as_ref()?)?)
}

/// That an item's stock has fallen low. Of a stock that is spread, that one of its shards
/// has: how much there is in all of them is not in the images. Portions that are moved
/// between shards, which makes another layout, are not gone.
fn low_stock(change: &Change) -> Option<News> {
    let before: StockImage = change.read(Value::Object(change.before.clone()?))?;
    let after: StockImage = change.read(Value::Object(change.after.clone()?))?;
    let fell = before.layout == after.layout && fell_low(before.stock, after.stock);
    let name = after.name.filter(|_| after.stock_shards == Some(1));
    fell.then_some(News::StockLow { sku: after.sku, name, stock: after.stock })
}
