//! `POST /payments/{order_id}/refund`: an owner refunds unredeemed tokens, or a payment that paid
//! for no tokens. The tokens are reserved, or the payment is marked, here; the `refunder` requests
//! the refund from Razorpay. Replays of one `Idempotency-Key` return the first refund. If nothing
//! is left to refund, the same request returns the latest refund.

use serde::Serialize;
use thali_domain::ids::{AccountId, RazorpayOrderId, RazorpayPaymentId, RefundId};
use thali_domain::payments::mismatches::{PaymentRefund, refund as decide_payment};
use thali_domain::payments::refunds::{Refund, RefundRequest, Requested, request as decide};
use thali_domain::tokens::purchases::{Purchase, PurchaseSize};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, Session, schema};
use thali_platform::problems;
use thali_platform::store::{Attempt, IdempotencyKey, Operation, Stamp, retry_overtaken};
use utoipa::ToSchema;

use super::view::RefundView;
use crate::repeats::first_outcome;
use crate::tokens::counted;

pub static ENDPOINT: Endpoint =
    Endpoint::post("refund", &["/payments/{order_id}/refund"], Access::Owner, handler!(refund))
        .summary("Refunds unredeemed tokens of a purchase, or a payment that bought none")
        .takes_optional(schema::<RefundTokens>)
        .answers(202, schema::<Refunded>)
        .refuses(&[
            "order_not_found",
            "not_refundable",
            "refund_in_progress",
            "insufficient_tokens",
        ])
        .replays();

/// What to refund. Of a paid purchase: this many tokens, or all unredeemed ones if left out, or
/// without a body; with `payment_id` another payment than the one that paid for it. Of an unpaid
/// purchase: this payment, or the oldest that waits for a decision.
#[derive(Default, eserde::Deserialize, ToSchema)]
struct RefundTokens {
    #[serde(default, alias = "tokenCount")]
    #[eserde(compat)]
    token_count: Option<PurchaseSize>,
    /// Not together with `token_count`: a payment is refunded in full.
    #[serde(default, alias = "paymentId", alias = "razorpay_payment_id")]
    #[eserde(compat)]
    payment_id: Option<RazorpayPaymentId>,
}

#[derive(Serialize, ToSchema)]
struct Refunded {
    refund: RefundView,
}

async fn refund(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let RefundTokens { token_count, payment_id } = request.json_if_any()?.unwrap_or_default();
    if token_count.is_some() && payment_id.is_some() {
        return Err(Problem::invalid_field("payment_id", "does not go together with token_count"));
    }
    let order_id: RazorpayOrderId =
        request.param("order_id").ok_or_else(problems::order_not_found)?;
    let count = token_count.map(PurchaseSize::get);
    let asked = match (count, &payment_id) {
        (Some(count), _) => count.to_string(),
        (None, Some(payment_id)) => payment_id.to_string(),
        (None, None) => "all".to_owned(),
    };
    let key = request.idempotency_key(&format!("{asked} of {order_id}"))?;
    let stamp = caller.stamp(app, request);
    let asked = RefundRequest {
        refund_id: RefundId::from_ulid(app.clock.ulid()),
        count,
        payment_id,
        requested_by: session.account_id,
        requested_at: stamp.at,
    };
    let asking = Asking { session, order_id, asked, key, stamp };
    let (refund, replayed) = commit(app, &asking).await?;
    counted::changed(app, refund.account_id).await;
    Ok(Response::accepted(&Refunded { refund: refund.into() }).replayed_if(replayed))
}

/// The refund that an owner requests.
struct Asking<'a> {
    session: &'a Session,
    order_id: RazorpayOrderId,
    asked: RefundRequest,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// Decides and reserves; reads and decides again if tokens were redeemed, or another refund was
/// requested, at the same time. Returns the refund, and whether an earlier request made it.
async fn commit(app: &App, asking: &Asking<'_>) -> Result<(Refund, bool), Problem> {
    retry_overtaken(|_| async {
        let purchase = app.store.purchase_find(&asking.order_id).await?;
        let ours = |purchase: &Purchase| purchase.mess_id == asking.session.mess_id;
        let purchase = purchase.filter(ours).ok_or_else(problems::order_not_found)?;
        // Not `commit_once`: a refund is stored under its student, so the purchase must be read
        // before the first refund can be. This order also means that no refusal below comes from
        // this same request, sent twice at once.
        if let Some(first) = replay(app, asking, purchase.account_id).await? {
            return Ok(Attempt::Done((first, true)));
        }
        let refund = match requested(app, &purchase, &asking.asked).await? {
            Requested::New(refund) => refund,
            Requested::Replay(latest) => return Ok(Attempt::Done((latest, true))),
        };
        let key = asking.key.as_ref();
        let requested = app.store.refund_request(&purchase, &refund, key, &asking.stamp).await?;
        Ok(requested.map(|()| (refund, false)))
    })
    .await
}

/// Decides what the request refunds: a payment if it names one, or if the purchase has no tokens.
async fn requested(
    app: &App,
    purchase: &Purchase,
    asked: &RefundRequest,
) -> Result<Requested, Problem> {
    let earlier = async |refund_id| app.store.refund_get(purchase.account_id, refund_id).await;
    let is_unpaid = purchase.lot().is_none() && asked.count.is_none();
    if asked.payment_id.is_none() && !is_unpaid {
        let latest = match purchase.refund_id {
            Some(latest) => earlier(latest).await?,
            None => None,
        };
        return Ok(decide(purchase, latest, asked)?);
    }
    match decide_payment(purchase, asked)? {
        PaymentRefund::New(refund) => Ok(Requested::New(*refund)),
        PaymentRefund::Before(refund_id) => {
            // Both were written in one transaction.
            let refund = earlier(refund_id).await?.ok_or_else(problems::order_not_found)?;
            Ok(Requested::Replay(refund))
        }
    }
}

/// The refund that an earlier request with the same idempotency key made. The key is stored under
/// the owner, the refund under the student. The earlier request named the same order, so `student`
/// is the refund's.
async fn replay(
    app: &App,
    asking: &Asking<'_>,
    student: AccountId,
) -> Result<Option<Refund>, Problem> {
    let (owner, key) = (asking.session.account_id, asking.key.as_ref());
    let Some(id) = first_outcome(app, owner, Operation::Refund, key).await? else {
        return Ok(None);
    };
    Ok(app.store.refund_get(student, id).await?)
}
