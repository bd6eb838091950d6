//! `order-processor`: redeems the tokens for a pending order, or fails the order and returns its
//! portions to the stock. If a message is delivered twice, late, or after the student cancelled
//! the order, the order is no longer pending and nothing changes.

use futures_util::try_join;
use thali_domain::orders::menu::Item;
use thali_domain::orders::order::{Order, OrderStatus, Processing, ProcessingInputs};
use thali_domain::tokens::purchases::Purchase;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::store::{Account, Attempt, Consistency, Stamp, StoreError, retry_overtaken};
use thali_platform::worker::{Consumer, MessageFuture};

use super::messages::OrderMessage;
use crate::orders::{cached, returning};
use crate::tokens::counted;

pub static CONSUMER: Consumer = Consumer {
    name: "order-processor",
    parts: &[Part::Cache],
    handle: |app, body| Box::pin(process(app, body)) as MessageFuture<'_>,
};

/// The message names an order that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no such order")]
struct Missing;

async fn process(app: &App, body: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let message: &OrderMessage = &serde_json::from_str(body)?;
    retry_overtaken(|attempt| async move {
        let order = app.store.order_get(&message.mess_id, message.order_id).await?;
        let order = order.ok_or(Missing)?;
        if order.status != OrderStatus::Pending {
            // The run that processed the order may have died before this step.
            counted::changed(app, order.account_id).await;
            return Ok(Attempt::Done(()));
        }
        // The first read of the tokens may be outdated. That is enough to redeem them, because
        // the write is conditional; an order never fails because of this read.
        let consistency = if attempt == 1 { Consistency::Eventual } else { Consistency::Strong };
        let known = Box::pin(OrderData::read(app, &order, consistency)).await?;
        Ok(decide(app, &order, &known, consistency).await?)
    })
    .await
}

/// The data on which the processing of an order is decided.
struct OrderData {
    account: Option<Account>,
    mess_exists: bool,
    menu: Vec<Item>,
    purchases: Vec<Purchase>,
}

impl OrderData {
    async fn read(app: &App, order: &Order, consistency: Consistency) -> Result<Self, StoreError> {
        let store = &app.store;
        let items = async {
            let skus = order.lines.iter().map(|line| &line.sku);
            match consistency {
                Consistency::Eventual => store.items_without_shards(&order.mess_id, skus).await,
                Consistency::Strong => store.items_get(&order.mess_id, skus).await,
            }
        };
        let (account, mess, menu, purchases) = try_join!(
            store.account_get(order.account_id, Consistency::Strong),
            store.mess_get(&order.mess_id),
            items,
            store.purchases_of(order.account_id, consistency),
        )?;
        Ok(Self { account, mess_exists: mess.is_some(), menu, purchases })
    }
}

/// Redeems the tokens for the order, or fails the order. It fails only after strong reads.
async fn decide(
    app: &App,
    order: &Order,
    known: &OrderData,
    consistency: Consistency,
) -> Result<Attempt<()>, StoreError> {
    let now = app.clock.now();
    let account = known.account.as_ref().filter(|account| account.mess_id == order.mess_id);
    let circumstances = ProcessingInputs {
        account: account.map(|account| account.status),
        mess_exists: known.mess_exists,
        menu: &known.menu,
        purchases: &known.purchases,
    };
    let request_id = order.order_id.to_string();
    let stamp = Stamp { actor: CONSUMER.name.to_owned(), request_id, at: now };
    match order.process(&circumstances, now) {
        Processing::Redeem(redemption) => {
            let processed = order.processed(&redemption, now);
            cached::forget(app, &processed).await;
            let purchases = &known.purchases;
            let written = app.store.order_process(order, &processed, purchases, &stamp).await?;
            if written == Attempt::Done(()) {
                counted::changed(app, order.account_id).await;
                tracing::info!(order_id = %order.order_id, tokens = order.total, "processed");
            }
            Ok(written)
        }
        Processing::Fail(_) if consistency == Consistency::Eventual => Ok(Attempt::Again),
        Processing::Fail(reason) => {
            let failed = order.failed(reason, now);
            cached::forget(app, &failed).await;
            let shards = returning::shards(order, &known.menu);
            let written = app.store.order_release(order, &failed, &shards, &stamp).await?;
            if written == Attempt::Done(()) {
                tracing::info!(order_id = %order.order_id, ?reason, "failed");
            }
            Ok(written)
        }
    }
}
