//! `POST /payments/{order_id}/refund`: an owner refunds unredeemed tokens. The tokens are reserved
//! here; the `refunder` requests the refund from Razorpay. Replays of one `Idempotency-Key` return
//! the first refund. If nothing is left to refund, the same request returns the latest refund.

use serde::Serialize;
use thali_domain::ids::{AccountId, RazorpayOrderId, RefundId};
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
        .summary("Refunds unredeemed tokens of a purchase")
        .takes_optional(schema::<RefundTokens>)
        .answers(202, schema::<Refunded>)
        .refuses(&[
            "order_not_found",
            "not_refundable",
            "refund_in_progress",
            "insufficient_tokens",
        ])
        .replays();

/// Number of tokens to refund; all unredeemed tokens if left out, or without a body.
#[derive(Default, eserde::Deserialize, ToSchema)]
struct RefundTokens {
    #[serde(default, alias = "tokenCount")]
    #[eserde(compat)]
    token_count: Option<PurchaseSize>,
}

#[derive(Serialize, ToSchema)]
struct Refunded {
    refund: RefundView,
}

async fn refund(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let RefundTokens { token_count } = request.json_if_any()?.unwrap_or_default();
    let order_id: RazorpayOrderId =
        request.param("order_id").ok_or_else(problems::order_not_found)?;
    let count = token_count.map(PurchaseSize::get);
    let asked = count.map_or_else(|| "all".to_owned(), |count| count.to_string());
    let key = request.idempotency_key(&format!("{asked} of {order_id}"))?;
    let stamp = caller.stamp(app, request);
    let asked = RefundRequest {
        refund_id: RefundId::from_ulid(app.clock.ulid()),
        count,
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
        let latest = match purchase.refund_id {
            Some(latest) => app.store.refund_get(purchase.account_id, latest).await?,
            None => None,
        };
        let refund = match decide(&purchase, latest, &asking.asked)? {
            Requested::New(refund) => refund,
            Requested::Replay(latest) => return Ok(Attempt::Done((latest, true))),
        };
        let key = asking.key.as_ref();
        let requested = app.store.refund_request(&purchase, &refund, key, &asking.stamp).await?;
        Ok(requested.map(|()| (refund, false)))
    })
    .await
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
