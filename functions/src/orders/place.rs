//! `POST /api/orders`: orders items of the menu. One transaction reserves the portions and stores
//! the pending order; the `order-processor` redeems the tokens afterwards. Replays of one
//! `Idempotency-Key` return the first order.

use thali_domain::ids::OrderId;
use thali_domain::orders::basket::{Basket, ReserveRefusal, Reserved};
use thali_domain::orders::limits::ORDER_ITEMS_MAX;
use thali_domain::orders::menu::{Item, Quantity, Sku};
use thali_domain::orders::order::Order;
use thali_platform::app::App;
use thali_platform::clock::random_bytes;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Problem, RATE_SUBMISSION, Request, Response, Session,
    schema,
};
use thali_platform::problems;
use thali_platform::store::{Attempt, IdempotencyKey, Operation, Stamp, StoreError};
use utoipa::ToSchema;

use super::cached;
use super::view::OrderView;
use crate::repeats::{commit_once, first_outcome, id_time};

pub static ENDPOINT: Endpoint = Endpoint::post(
    "order-place",
    &["/api/orders", "/api/orders/create"],
    Access::Student,
    handler!(place),
)
.rate(RATE_SUBMISSION)
.operation_id("order-create")
.summary("Orders items of the menu; the tokens are redeemed a moment later")
.takes(schema::<PlaceOrder>)
.answers(202, schema::<OrderView>)
.refuses(&["out_of_stock", "order_too_large"])
.replays();

#[derive(eserde::Deserialize, ToSchema)]
struct PlaceOrder {
    #[schema(min_items = 1, max_items = 20)]
    items: Vec<Entry>,
}

/// One item, and how many portions of it. The price is the menu's.
#[derive(eserde::Deserialize, ToSchema)]
#[schema(as = OrderEntry)]
struct Entry {
    #[serde(alias = "productId")]
    #[eserde(compat)]
    sku: Sku,
    #[eserde(compat)]
    quantity: Quantity,
}

async fn place(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let PlaceOrder { items } = request.json()?;
    let skus = items.iter().map(|entry| entry.sku.clone()).collect();
    let basket = basket(items)?;
    let key = request.idempotency_key(&basket.to_string())?;
    let new = NewOrder { session, skus, basket, key, stamp: caller.stamp(app, request) };
    let (order, replayed) = commit(app, &new).await?;
    Ok(Response::accepted(&OrderView::from(order)).replayed_if(replayed))
}

fn basket(entries: Vec<Entry>) -> Result<Basket, Problem> {
    let entries = entries.into_iter().map(|entry| (entry.sku, entry.quantity)).collect();
    let basket = Basket::new(entries);
    let basket = basket.map_err(|refusal| Problem::invalid_field("items", refusal))?;
    basket.map_err(|bad| {
        Problem::invalid_field(&format!("items[{}].quantity", bad.index), bad.refusal)
    })
}

/// An order that a student requests.
struct NewOrder<'a> {
    session: &'a Session,
    /// The SKUs in the order in which the request lists them, for the indices in errors.
    skus: Vec<Sku>,
    basket: Basket,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// Decides and writes; reads and decides again if other requests were faster. The first attempt
/// does not read all shards of the stocks (`items_without_shards`), so a refusal needs a second
/// attempt.
async fn commit(app: &App, new: &NewOrder<'_>) -> Result<(Order, bool), Problem> {
    commit_once(
        || replay(app, new),
        |attempt| menu(app, new, attempt),
        |attempt, menu| async move {
            let (order, reserved) = match decide(new, &menu, attempt) {
                Ok(decided) => decided,
                Err(_) if attempt == 1 => return Ok(Attempt::Again),
                Err(refusal) => return Err(refusal),
            };
            let key = new.key.as_ref();
            let placed = app.store.order_place(&order, &reserved, key, &new.stamp).await?;
            if placed == Attempt::Done(()) {
                cached::remember(app, &order).await;
            }
            Ok(placed.map(|()| order))
        },
    )
    .await
}

async fn menu(app: &App, new: &NewOrder<'_>, attempt: u32) -> Result<Vec<Item>, StoreError> {
    let (mess, skus) = (&new.session.mess_id, new.basket.entries().map(|(sku, _)| sku));
    match attempt {
        1 => app.store.items_without_shards(mess, skus).await,
        _ => app.store.items_get(mess, skus).await,
    }
}

fn decide(
    new: &NewOrder<'_>,
    menu: &[Item],
    attempt: u32,
) -> Result<(Order, Vec<Reserved>), Problem> {
    let reserved = new.basket.reserve(menu, &random_bytes::<ORDER_ITEMS_MAX>());
    let reserved = reserved.map_err(|refusal| refused(new, refusal))?;
    let Session { account_id, mess_id, .. } = new.session;
    let order_id = OrderId::of(*account_id, id_time(new.stamp.at, attempt));
    let lines = reserved.iter().map(|reserved| reserved.line.clone()).collect();
    let order = Order::place(order_id, *account_id, mess_id.clone(), lines, new.stamp.at)?;
    Ok((order, reserved))
}

fn refused(new: &NewOrder<'_>, refusal: ReserveRefusal) -> Problem {
    match refusal {
        ReserveRefusal::OutOfStock(short) => problems::out_of_stock(&short),
        ReserveRefusal::UnknownItems(unknown) => {
            let entries = new.skus.iter().enumerate();
            let unknown = entries.filter(|(_, sku)| unknown.contains(sku)).map(|(index, _)| {
                FieldError::new(&format!("items[{index}].sku"), "is not on the menu")
            });
            Problem::invalid_fields(unknown.collect())
        }
    }
}

/// The order that an earlier request with the same idempotency key placed.
async fn replay(app: &App, new: &NewOrder<'_>) -> Result<Option<Order>, Problem> {
    let NewOrder { session, key, .. } = new;
    let (account, operation) = (session.account_id, Operation::PlaceOrder);
    let Some(id) = first_outcome(app, account, operation, key.as_ref()).await? else {
        return Ok(None);
    };
    Ok(app.store.order_get(&session.mess_id, id).await?)
}
