//! `POST /api/items/{sku}/stock`: adds a delivery to an item's stock, or takes portions out
//! of it. Replays of one `Idempotency-Key` return the first outcome.

use serde::Serialize;
use thali_domain::orders::menu::Sku;
use thali_domain::orders::stock::{StockDelta, change};
use thali_platform::app::App;
use thali_platform::clock::random_bytes;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, Session, schema};
use thali_platform::problems;
use thali_platform::store::{
    Attempt, CONTENTION_TRIES_MAX, IdempotencyKey, Operation, Stamp, StockCondition,
};
use utoipa::ToSchema;

use crate::repeats::{commit_once, first_outcome};

pub static ENDPOINT: Endpoint =
    Endpoint::post("item-stock", &["/api/items/{sku}/stock"], Access::Owner, handler!(stock))
        .summary("Adds portions to an item's stock, or takes some out")
        .takes(schema::<ChangeStock>)
        .answers(200, schema::<Stocked>)
        .refuses(&["item_not_found", "stock_negative", "stock_limit"])
        .replays();

#[derive(eserde::Deserialize, ToSchema)]
struct ChangeStock {
    /// Number of portions to add, or to remove if negative; not 0.
    #[eserde(compat)]
    delta: StockDelta,
}

#[derive(Serialize, ToSchema)]
struct Stocked {
    /// How many portions there are after the change.
    stock: u32,
}

async fn stock(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let ChangeStock { delta } = request.json()?;
    let sku: Sku = request.param("sku").ok_or_else(problems::item_not_found)?;
    let key = request.idempotency_key(&format!("{delta} of {sku}"))?;
    let wanted = StockRequest { session, sku, delta, key, stamp: caller.stamp(app, request) };
    let (stock, replayed) = commit(app, &wanted).await?;
    Ok(Response::ok(&Stocked { stock }).replayed_if(replayed))
}

/// The change of an item's stock that an owner requests.
struct StockRequest<'a> {
    session: &'a Session,
    sku: Sku,
    delta: StockDelta,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// How many attempts require that the stock has not changed since it was read.
const EXACT_TRIES: u32 = CONTENTION_TRIES_MAX / 4;

/// Decides and writes; reads and decides again if the stock changed meanwhile. Returns the new
/// stock, and whether it is the outcome of an earlier request.
///
/// The first attempts require that the stock is unchanged since it was read: then the returned
/// number is exact. While an item sells a hundred times a second, hardly any of them succeeds. An
/// exact number is not worth failing for, so later attempts require only
/// [`StockCondition::Sufficient`]. Their number ignores the sales of the last few milliseconds.
async fn commit(app: &App, wanted: &StockRequest<'_>) -> Result<(u32, bool), Problem> {
    let StockRequest { session, sku, delta, key, stamp } = wanted;
    let (owner, mess, key) = (session.account_id, &session.mess_id, key.as_ref());
    commit_once(
        || first_outcome(app, owner, Operation::ChangeStock, key),
        |_| app.store.item_get(mess, sku),
        |attempt, item| async move {
            let item = item.ok_or_else(problems::item_not_found)?;
            let [first] = random_bytes();
            let change = change(&item, *delta, first)?;
            let exact = attempt <= EXACT_TRIES;
            let condition = if exact { StockCondition::AsRead } else { StockCondition::Sufficient };
            let (store, key) = (&app.store, key.map(|key| (owner, key)));
            let changed = store.stock_change(mess, &item, &change, condition, key, stamp).await?;
            Ok(Attempt::of(changed.then_some(change.stock)))
        },
    )
    .await
}
