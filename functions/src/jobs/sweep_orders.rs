//! `sweep-orders`: re-queues orders that were accepted but not processed, because a record of
//! the stream or a message was lost, or the processor gave up. The job marks each order as
//! overdue; the relay makes a message from the mark, as it does from a new order.

use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use thali_domain::orders::order::{FIRST_SWEEP_AFTER, OrderStatus};
use thali_platform::app::App;
use thali_platform::store::StoreError;
use thali_platform::store::keys::{self, Key};
use thali_platform::worker::Job;

use super::{Count, Run, walk};

pub static JOB: Job = Job {
    name: "sweep-orders",
    parts: &[],
    metrics: &[],
    run: |app, event| Box::pin(run(app, event)),
};

/// How many partitions of the index are processed concurrently.
const AT_ONCE: usize = 8;

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Counts {
    /// Orders that have waited for more than a minute.
    waiting: Count,
    /// Orders that were re-queued.
    swept: Count,
    /// Failed reads and writes; the next run tries them again.
    errors: Count,
}

async fn run(app: &App, _event: &Value) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    let sweep = Sweep { run: Run::begin(app, &JOB), did: Counts::default() };
    stream::iter(0..keys::SHARDS)
        .map(|shard| sweep.partition(shard))
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
    Ok(serde_json::to_value(sweep.did)?)
}

/// One run, and what it has done so far.
struct Sweep<'a> {
    run: Run<'a>,
    did: Counts,
}

impl Sweep<'_> {
    async fn partition(&self, shard: u8) {
        let before = self.run.app.clock.now() - FIRST_SWEEP_AFTER;
        walk(
            || self.run.is_out_of_time(),
            &self.did.errors,
            |start| self.run.app.store.orders_pending(shard, before, start),
            |key| self.order(key),
        )
        .await;
    }

    async fn order(&self, key: Key) -> Result<(), StoreError> {
        let store = &self.run.app.store;
        let Some(order) = store.order_at(&key).await? else { return Ok(()) };
        // The index may lag behind the table.
        if order.status != OrderStatus::Pending {
            return Ok(());
        }
        self.did.waiting.add_one();
        let stamp = self.run.stamp();
        if order.is_overdue(stamp.at) && store.order_sweep(&order, &stamp).await? {
            self.did.swept.add_one();
            let order_id = order.order_id;
            tracing::warn!(%order_id, created_at = %order.created_at, "an order is overdue");
        }
        Ok(())
    }
}
