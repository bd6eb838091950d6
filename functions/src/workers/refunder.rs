//! `refunder`: requests from Razorpay the refunds that owners asked for. If a message is delivered
//! twice, late, or after the webhook, the refund is already finished, or the same refund is
//! requested again, and Razorpay pays it only once.

use thali_domain::payments::refunds::RefundState;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::store::Stamp;
use thali_platform::worker::{Consumer, MessageFuture};

use super::messages::RefundMessage;
use crate::payments::refunding::push;

pub static CONSUMER: Consumer = Consumer {
    name: "refunder",
    parts: &[Part::Cache, Part::Razorpay],
    handle: |app, body| Box::pin(refund(app, body)) as MessageFuture<'_>,
};

/// The message names a refund that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no such refund")]
struct Missing;

async fn refund(app: &App, body: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let message: RefundMessage = serde_json::from_str(body)?;
    let refund = app.store.refund_get(message.account_id, message.refund_id).await?;
    let refund = refund.ok_or(Missing)?;
    if refund.state != RefundState::Pending {
        return Ok(());
    }
    let stamp = Stamp {
        actor: CONSUMER.name.to_owned(),
        request_id: refund.refund_id.to_string(),
        at: app.clock.now(),
    };
    push(app, &refund, &stamp).await?;
    Ok(())
}
