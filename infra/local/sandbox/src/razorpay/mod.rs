//! Razorpay: one merchant account with one key and one webhook.
//!
//! | path | file |
//! |---|---|
//! | `POST /v1/orders`, `GET /v1/orders/{id}`, `GET /v1/orders/{id}/payments` | `orders.rs` |
//! | `GET /v1/payments/{id}`, `POST /v1/payments/{id}/capture` | `payments.rs` |
//! | `POST /v1/payments/{id}/refund`, `GET /v1/payments/{id}/refunds`, `…/refunds/{refund_id}`, `GET /v1/refunds/{id}` | `refunds.rs` |
//! | `GET` and `POST /checkout/{order_id}`, `GET /v1/checkout.js` | `checkout.rs` |
//! | `/sandbox/…`, which Razorpay does not have | `control.rs`, [`crate::faults`] |
//!
//! Entities, limits and errors follow <https://razorpay.com/docs/api/>; `entities.rs`
//! holds the entities, `errors.rs` the error shape, `input.rs` the checks of what comes
//! in, `signature.rs` the two signatures. What happens to a payment happens in
//! `payments.rs`, whoever asks for it, and makes the events that `webhooks.rs` delivers.

mod checkout;
mod control;
mod entities;
mod errors;
mod input;
mod orders;
mod payments;
mod refunds;
pub mod signature;
mod webhooks;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

pub(crate) use self::entities::State;
use self::errors::ApiError;
use self::webhooks::Webhooks;
pub use self::webhooks::{Delivery, EventName};
use crate::faults::{self, Faults};
use crate::store::Store;

/// The account that the events name.
const ACCOUNT_ID: &str = "acc_ThaliSandbox01";

/// The merchant account's keys and its webhook.
#[derive(Clone)]
pub struct RazorpayConfig {
    /// Basic auth's user, `rzp_test_…`.
    pub key_id: String,
    /// Basic auth's password, and the key of the checkout signature.
    pub key_secret: String,
    /// The key of the webhooks' signature.
    pub webhook_secret: String,
    /// Where webhooks go; without it events are recorded and not delivered.
    pub webhook_url: Option<String>,
    /// How long the receiver has to answer. Razorpay gives it five seconds.
    pub webhook_timeout: Duration,
    /// How often an event is tried in all, the first attempt included.
    pub webhook_attempts_max: u32,
    /// The wait before the second attempt; it doubles with each further one. Razorpay
    /// goes on for a day; the default ends after about a minute.
    pub webhook_backoff: Duration,
}

impl Default for RazorpayConfig {
    fn default() -> Self {
        Self {
            key_id: "rzp_test_ThaliSandbox01".to_owned(),
            key_secret: "sandbox-key-secret".to_owned(),
            webhook_secret: "sandbox-webhook-secret".to_owned(),
            webhook_url: None,
            webhook_timeout: Duration::from_secs(5),
            webhook_attempts_max: 8,
            webhook_backoff: Duration::from_millis(500),
        }
    }
}

/// The merchant account, shared by all its handlers.
#[derive(Clone)]
pub(crate) struct Razorpay(Arc<Account>);

struct Account {
    key_id: String,
    key_secret: String,
    store: Arc<Store>,
    webhooks: Arc<Webhooks>,
}

impl Razorpay {
    pub(crate) fn new(
        config: RazorpayConfig,
        store: Arc<Store>,
        stopped: watch::Receiver<()>,
    ) -> io::Result<Self> {
        let webhooks = Arc::new(Webhooks::new(&config, stopped)?);
        Ok(Self(Arc::new(Account {
            key_id: config.key_id,
            key_secret: config.key_secret,
            store,
            webhooks,
        })))
    }

    pub(crate) fn webhooks(&self) -> &Arc<Webhooks> {
        &self.0.webhooks
    }

    /// What Checkout hands back beside the two ids.
    fn checkout_signature(&self, order_id: &str, payment_id: &str) -> String {
        signature::checkout(&self.0.key_secret, order_id, payment_id)
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.0.store.read(|state| look(&state.razorpay))
    }

    fn change<T, E: From<io::Error>>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        self.0.store.change(|state| change(&mut state.razorpay))
    }
}

/// Everything under `/razorpay`.
pub(crate) fn router(razorpay: Razorpay) -> Router {
    let faults = Faults::new(|status| ApiError::from_status(status).into_response());
    let api = Router::new()
        .route("/orders", post(orders::create))
        .route("/orders/{id}", get(orders::fetch))
        .route("/orders/{id}/payments", get(orders::payments))
        .route("/payments/{id}", get(payments::fetch))
        .route("/payments/{id}/capture", post(payments::capture))
        .route("/payments/{id}/refund", post(refunds::create))
        .route("/payments/{id}/refunds", get(refunds::of_payment))
        .route("/payments/{id}/refunds/{refund_id}", get(refunds::fetch_of_payment))
        .route("/refunds/{id}", get(refunds::fetch))
        .fallback(url_unknown)
        .method_not_allowed_fallback(url_unknown)
        .layer(from_fn_with_state(razorpay.clone(), authenticate))
        // Outermost, so that a fault also meets a client with a wrong key.
        .layer(from_fn_with_state(faults.clone(), faults::inject))
        .with_state(razorpay.clone());
    // Partners' scripts come from elsewhere than their API: it needs no key and has no faults.
    let api = api.merge(Router::new().route("/checkout.js", get(checkout::script)));
    let control = Router::new()
        .route("/orders/{id}/pay", post(control::pay))
        .route("/payments/{id}/capture", post(control::capture))
        .route("/refunds", put(control::refunds_begin))
        .route("/refunds/{id}/end", post(control::refund_end))
        .route("/webhooks", get(control::deliveries).post(control::deliver))
        .with_state(razorpay.clone())
        .merge(faults::control(faults));
    let checkout = Router::new()
        .route("/{id}", get(checkout::page).post(checkout::submit))
        .with_state(razorpay);
    Router::new().nest("/v1", api).nest("/sandbox", control).nest("/checkout", checkout)
}

async fn url_unknown() -> ApiError {
    ApiError::bad_request("The requested URL was not found on the server.")
}

/// Basic auth with the key's id and secret. Like Razorpay, it takes the scheme in this
/// one spelling only (<https://razorpay.com/docs/api/authentication/>).
async fn authenticate(
    Shared(razorpay): Shared<Razorpay>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|header| header.to_str().ok())
        .and_then(|header| header.strip_prefix("Basic "))
        .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok())
        .unwrap_or_default();
    let expected = format!("{}:{}", razorpay.0.key_id, razorpay.0.key_secret);
    if bool::from(given.ct_eq(expected.as_bytes())) {
        Ok(next.run(request).await)
    } else {
        Err(ApiError::unauthenticated())
    }
}

/// A list as Razorpay answers it.
fn collection<T: Serialize>(items: &[T]) -> Json<Value> {
    Json(json!({ "entity": "collection", "count": items.len(), "items": items }))
}

/// An HTTP answer with a JSON body of no particular shape.
fn answer(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}
