//! `POST /create-order`: creates an order at Razorpay for a number of tokens, at the mess's price.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use thali_domain::ids::RazorpayOrderId;
use thali_domain::mess::Mess;
use thali_domain::money::Paise;
use thali_domain::payments::settlement::CURRENCY;
use thali_domain::tokens::purchases::{Purchase, PurchaseSize, PurchaseState, Waiting};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_SUBMISSION, Request, Response, Session, schema,
};
use thali_platform::problems;
use thali_platform::store::{IdempotencyKey, Operation};
use utoipa::ToSchema;

use crate::repeats::first_outcome;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "create-order",
    &["/create-order", "/create-order/"],
    Access::Student,
    handler!(create_order),
)
.rate(RATE_SUBMISSION)
.needs(&[Part::Razorpay])
.summary("Creates an order for tokens, at the mess's price")
.takes(schema::<CreateOrder>)
.answers(201, schema::<Created<'_>>)
.refuses(&["mess_not_found", "partner_unavailable"])
.replays();

#[derive(eserde::Deserialize, ToSchema)]
struct CreateOrder {
    #[serde(alias = "tokenCount")]
    #[eserde(compat)]
    token_count: PurchaseSize,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TokenOrder)]
struct Created<'a> {
    order_id: RazorpayOrderId,
    amount_paise: Paise,
    #[schema(pattern = "^INR$")]
    currency: &'static str,
    token_count: u16,
    razorpay_key_id: &'a str,
}

async fn create_order(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let wanted: CreateOrder = request.json()?;
    let key = request.idempotency_key(&wanted.token_count.get().to_string())?;
    // Not `commit_once`: there is nothing to decide again, and each attempt would create another
    // order at Razorpay.
    let (first, mess) = futures_util::try_join!(replay(app, session, key.as_ref()), async {
        Ok(app.store.mess_get(&session.mess_id).await?)
    },)?;
    if let Some(first) = first {
        return Ok(answer(app, &first).replayed_if(true));
    }
    let mess = mess.ok_or_else(problems::mess_not_found)?;
    let purchase = order(app, session, &mess, wanted.token_count).await?;
    let stamp = caller.stamp(app, request);
    if app.store.purchase_create(&purchase, key.as_ref(), &stamp).await? {
        return Ok(answer(app, &purchase));
    }
    // The same key came twice at once and the other request won. The order that was just created
    // at Razorpay is never paid.
    let first = replay(app, session, key.as_ref()).await?;
    let first =
        first.ok_or_else(|| Problem::unavailable("busy", "Too much at once; try again."))?;
    Ok(answer(app, &first).replayed_if(true))
}

/// The purchase that an earlier request with the same idempotency key made.
async fn replay(
    app: &App,
    session: &Session,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Purchase>, Problem> {
    let account = session.account_id;
    let Some(order_id) = first_outcome(app, account, Operation::CreateOrder, key).await? else {
        return Ok(None);
    };
    Ok(app.store.purchase_get(account, &order_id).await?)
}

/// Creates the order at Razorpay. Returns its purchase, which is not stored yet.
async fn order(
    app: &App,
    session: &Session,
    mess: &Mess,
    size: PurchaseSize,
) -> Result<Purchase, Problem> {
    let price = mess.token_price_paise;
    let amount = price.checked_times(size.get()).expect("500 times a token's price fits");
    let receipt = app.clock.ulid().to_string();
    let partner = app.razorpay();
    let order_id =
        partner.order_create(amount, &receipt, session.account_id, &session.mess_id).await?;
    Ok(Purchase {
        order_id,
        account_id: session.account_id,
        mess_id: session.mess_id.clone(),
        token_count: size.get(),
        price,
        amount,
        validity_days: mess.token_validity_days,
        created_at: app.clock.now(),
        state: PurchaseState::Created(Waiting::default()),
        redeemed: BTreeSet::new(),
        refunded: BTreeSet::new(),
        refund_id: None,
        refunding: None,
        mismatches: BTreeMap::new(),
    })
}

fn answer(app: &App, purchase: &Purchase) -> Response {
    Response::created(&Created {
        order_id: purchase.order_id.clone(),
        amount_paise: purchase.amount,
        currency: CURRENCY,
        token_count: purchase.token_count,
        razorpay_key_id: app.razorpay().key_id(),
    })
}
