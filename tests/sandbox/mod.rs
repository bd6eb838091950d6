//! Tests of the Razorpay sandbox itself. Tests of the product that use the sandbox are elsewhere.
//!
//! This file has the sandbox under test, the receiver of its webhooks, and the tests of its start
//! and stop.

mod faults;
mod payments;
mod sdk;
mod webhooks;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use sha2::Sha256;
use thali_sandbox::{RazorpayConfig, Sandbox, SandboxConfig};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

const KEY_ID: &str = "rzp_test_key";
const KEY_SECRET: &str = "key-secret";
const WEBHOOK_SECRET: &str = "webhook-secret";
const AMOUNT: u64 = 50_000;

/// The time limit of waits, far above what any of them takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A sandbox, its client, and the receiver of its webhooks.
struct Fixture {
    sandbox: Sandbox,
    client: Client,
    receiver: Receiver,
}

impl Fixture {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    async fn start_with(state: Option<PathBuf>) -> Self {
        let receiver = Receiver::start().await;
        let sandbox = Sandbox::start(SandboxConfig {
            state,
            razorpay: RazorpayConfig {
                key_id: KEY_ID.to_owned(),
                key_secret: KEY_SECRET.to_owned(),
                webhook_secret: WEBHOOK_SECRET.to_owned(),
                webhook_url: Some(receiver.url.clone()),
                webhook_backoff: Duration::from_millis(10),
                webhook_timeout: Duration::from_secs(5),
                webhook_attempts_max: 3,
            },
            ..SandboxConfig::default()
        })
        .await
        .expect("the sandbox starts");
        Self {
            sandbox,
            client: Client::builder().no_proxy().build().expect("a plain client can be built"),
            receiver,
        }
    }

    /// Calls Razorpay's API; the call must succeed.
    async fn api_get(&self, path: &str) -> Value {
        let response = self.api_send("GET", path, &Value::Null, &[]).await;
        let response = response.expect("the sandbox answers");
        assert_eq!(response.status(), 200, "GET {path}");
        body(response).await
    }

    async fn api_post(&self, path: &str, sent: Value) -> Response {
        let response = self.api_send("POST", path, &sent, &[]).await;
        response.expect("the sandbox answers")
    }

    async fn api_send(
        &self,
        method: &str,
        path: &str,
        sent: &Value,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<Response> {
        let url = format!("{}/v1{path}", self.sandbox.razorpay_url());
        let method = method.parse().expect("an HTTP method");
        let mut request = self.client.request(method, url).basic_auth(KEY_ID, Some(KEY_SECRET));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !sent.is_null() {
            request = request.json(sent);
        }
        request.send().await
    }

    /// Makes a control call, which must succeed.
    async fn control(&self, path: &str, sent: Value) -> Value {
        let response = self.control_send("POST", path, &sent).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        body(response).await
    }

    async fn control_send(&self, method: &str, path: &str, sent: &Value) -> Response {
        let url = format!("{}/sandbox{path}", self.sandbox.razorpay_url());
        let method = method.parse().expect("an HTTP method");
        let request = self.client.request(method, url).json(sent);
        request.send().await.expect("the sandbox answers")
    }

    async fn order(&self) -> String {
        let options = json!({ "automatic_expiry_period": 12, "refund_speed": "normal" });
        let payment = json!({ "capture": "automatic", "capture_options": options });
        let sent = json!({ "amount": AMOUNT, "currency": "INR", "payment": payment });
        let order = body(self.api_post("/orders", sent).await).await;
        text(&order, "id")
    }

    /// Pays an order and returns what the checkout would give the browser.
    async fn pay(&self, order_id: &str, how: Value) -> Value {
        self.control(&format!("/orders/{order_id}/pay"), how).await
    }

    async fn fault(&self, fault: Value) {
        let response = self.control_send("PUT", "/faults", &fault).await;
        assert_eq!(response.status(), 200, "{fault}");
    }
}

/// A webhook as it arrived.
#[derive(Clone)]
struct Received {
    event_id: String,
    signature: String,
    body: String,
}

impl Received {
    fn event(&self) -> String {
        text(&self.json(), "event")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a webhook is JSON")
    }

    /// Whether the signature is valid for the body, computed here and not by the sandbox.
    fn is_signed_with(&self, secret: &str) -> bool {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key length does");
        mac.update(self.body.as_bytes());
        hex::encode(mac.finalize().into_bytes()) == self.signature
    }
}

/// The receiver of webhooks: records every webhook and answers with the statuses of
/// [`Receiver::answer_next`].
#[derive(Clone)]
struct Receiver {
    url: String,
    received: Arc<watch::Sender<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let receiver = Self {
            url: format!("http://{address}/webhooks/razorpay"),
            received: Arc::new(watch::Sender::new(Vec::new())),
            answers: Arc::default(),
        };
        let router =
            Router::new().route("/webhooks/razorpay", post(receive)).with_state(receiver.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        receiver
    }

    /// Sets the statuses for the next webhooks; later ones get 200.
    fn answer_next(&self, answers: impl IntoIterator<Item = StatusCode>) {
        let mut queue = self.answers.lock().expect("no test panicked here");
        queue.extend(answers);
    }

    fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Waits until at least `count` webhooks arrived.
    async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.subscribe();
        let arrived = received.wait_for(|received| received.len() >= count);
        let arrived = timeout(DEADLINE, arrived).await.map(|all| all.map(|all| all.clone()));
        match arrived {
            Ok(Ok(received)) => received,
            _ => panic!("{} of {count} webhooks arrived", self.received().len()),
        }
    }

    /// The names of the events that arrived, in the order of arrival.
    fn events(&self) -> Vec<String> {
        self.received().iter().map(Received::event).collect()
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| {
        let value = headers.get(name).expect("every webhook has its two headers");
        value.to_str().expect("they are ASCII").to_owned()
    };
    let webhook = Received {
        event_id: header("x-razorpay-event-id"),
        signature: header("x-razorpay-signature"),
        body: String::from_utf8(body.to_vec()).expect("a webhook is UTF-8"),
    };
    receiver.received.send_modify(|all| all.push(webhook));
    let mut answers = receiver.answers.lock().expect("no test panicked here");
    answers.pop_front().unwrap_or(StatusCode::OK)
}

async fn body(response: Response) -> Value {
    response.json().await.expect("the sandbox answers JSON")
}

fn text(value: &Value, field: &str) -> String {
    let found = value[field].as_str();
    found.unwrap_or_else(|| panic!("{field} in {value}")).to_owned()
}

fn statuses(answer: &Value) -> Vec<u64> {
    let deliveries = answer["deliveries"].as_array().expect("a list of deliveries");
    deliveries.iter().filter_map(|delivery| delivery["status"].as_u64()).collect()
}

#[tokio::test]
async fn a_restart_with_a_state_file_keeps_orders_payments_and_refund_keys() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("sandbox.json");
    let first = Fixture::start_with(Some(file.clone())).await;
    let order_id = first.order().await;
    let checkout = first.pay(&order_id, json!({ "outcome": "captured" })).await;
    let payment = format!("/payments/{}", text(&checkout, "payment_id"));
    let (refund, sent) = (format!("{payment}/refund"), json!({ "amount": 100 }));
    let key = [("x-refund-idempotency", "refund-key-3")];
    let refunded = first.api_send("POST", &refund, &sent, &key).await;
    let refunded = body(refunded.expect("the sandbox answers")).await;
    let before =
        (first.api_get(&format!("/orders/{order_id}")).await, first.api_get(&payment).await);
    drop(first.client);
    first.sandbox.stop().await.expect("the sandbox stops");

    let second = Fixture::start_with(Some(file)).await;
    let after =
        (second.api_get(&format!("/orders/{order_id}")).await, second.api_get(&payment).await);
    assert_eq!(after, before);
    let again = second.api_send("POST", &refund, &sent, &key).await;
    assert_eq!(body(again.expect("the sandbox answers")).await, refunded);
    let asked = json!({ "event": "order.paid", "payment_id": checkout["payment_id"] });
    assert_eq!(statuses(&second.control("/webhooks", asked).await), [200]);
}

#[tokio::test]
async fn a_stopped_sandbox_has_closed_its_port() {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.expect("the sandbox starts");
    let health = format!("{}/health", sandbox.url());
    let client = Client::builder().no_proxy().build().expect("a plain client can be built");
    let alive = client.get(&health).send().await.expect("the sandbox answers");
    assert_eq!(alive.status(), 200);

    sandbox.stop().await.expect("the sandbox stops");
    let error = client.get(&health).send().await.expect_err("nobody listens");
    assert!(error.is_connect(), "{error:?}");
}
