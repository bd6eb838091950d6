//! Webhooks: the events of the account, their signature, their delivery and its retries.
//!
//! An event is made when something happens and keeps its id and its body for ever, so
//! that a repeat is byte for byte the same. As with Razorpay, an event is a snapshot: a
//! `payment.authorized` says `authorized` even if it arrives after the capture.
//!
//! The events of one change are first tried one after another, in the order in which
//! they happened; whatever fails is tried again later by itself, so that order is only
//! usual, not promised. The control calls choose another order, or repeat an event.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::entities::{Order, Payment, Refund, now, random_id};
use super::{ACCOUNT_ID, RazorpayConfig, signature};
use crate::server::until_dropped;

/// Finished attempts that are remembered for whoever asks.
const DELIVERIES_MAX: usize = 1_000;

/// The longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The events that the account is subscribed to.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum EventName {
    /// The money is held.
    #[serde(rename = "payment.authorized")]
    PaymentAuthorized,
    /// The money is taken.
    #[serde(rename = "payment.captured")]
    PaymentCaptured,
    /// The attempt failed, as far as is known.
    #[serde(rename = "payment.failed")]
    PaymentFailed,
    /// A captured payment covers the order.
    #[serde(rename = "order.paid")]
    OrderPaid,
    /// A refund was asked for.
    #[serde(rename = "refund.created")]
    RefundCreated,
    /// A refund is on its way to the customer.
    #[serde(rename = "refund.processed")]
    RefundProcessed,
    /// A refund could not be made; the money is the merchant's again.
    #[serde(rename = "refund.failed")]
    RefundFailed,
}

/// Something that happened to a payment, ready to be sent.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Event {
    /// What `x-razorpay-event-id` carries, the same in every delivery.
    pub(super) id: String,
    pub(super) name: EventName,
    pub(super) payment_id: String,
    /// The exact bytes that are signed and sent.
    body: String,
}

impl Event {
    pub(super) fn of_payment(name: EventName, payment: &Payment) -> Self {
        Self::new(name, payment, &["payment"], &json!({ "payment": { "entity": payment } }))
    }

    pub(super) fn of_order(name: EventName, payment: &Payment, order: &Order) -> Self {
        let payload = json!({ "payment": { "entity": payment }, "order": { "entity": order } });
        Self::new(name, payment, &["payment", "order"], &payload)
    }

    pub(super) fn of_refund(name: EventName, payment: &Payment, refund: &Refund) -> Self {
        let payload = json!({ "refund": { "entity": refund }, "payment": { "entity": payment } });
        Self::new(name, payment, &["refund", "payment"], &payload)
    }

    fn new(name: EventName, payment: &Payment, contains: &[&str], payload: &Value) -> Self {
        let body = json!({
            "entity": "event",
            "account_id": ACCOUNT_ID,
            "event": name,
            "contains": contains,
            "payload": payload,
            "created_at": now(),
        });
        Self { id: random_id(), name, payment_id: payment.id.clone(), body: body.to_string() }
    }
}

/// One attempt to deliver an event, and how it ended.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// Which event.
    pub event: EventName,
    /// Its id, the same for every attempt and every repeat.
    pub event_id: String,
    /// The payment it is about.
    pub payment_id: String,
    /// 1 for the first attempt of a delivery.
    pub attempt: u32,
    /// What the receiver answered; `null` where no answer came in time.
    pub status: Option<u16>,
    /// Why no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Delivery {
    /// Whether the receiver took it, which any 2xx says.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// The webhook of the account.
pub(crate) struct Webhooks {
    client: reqwest::Client,
    secret: String,
    url: RwLock<Option<String>>,
    attempts_max: u32,
    backoff: Duration,
    finished: Mutex<VecDeque<Delivery>>,
    stopped: watch::Receiver<()>,
}

impl Webhooks {
    pub(super) fn new(config: &RazorpayConfig, stopped: watch::Receiver<()>) -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(config.webhook_timeout)
            // A webhook is not to be led elsewhere, and goes to loopback past any proxy.
            .redirect(Policy::none())
            .no_proxy()
            .user_agent("Razorpay-Webhook/v1")
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            client,
            secret: config.webhook_secret.clone(),
            url: RwLock::new(config.webhook_url.clone()),
            attempts_max: config.webhook_attempts_max,
            backoff: config.webhook_backoff,
            finished: Mutex::default(),
            stopped,
        })
    }

    pub(crate) fn url_set(&self, url: &str) {
        *self.url.write().unwrap_or_else(PoisonError::into_inner) = Some(url.to_owned());
    }

    fn url(&self) -> Option<String> {
        self.url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether anything can be delivered at all.
    pub(super) fn has_url(&self) -> bool {
        self.url().is_some()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.iter().cloned().collect()
    }

    /// Delivers the events and returns at once.
    pub(super) fn deliver_in_background(self: &Arc<Self>, events: Vec<Event>) {
        let webhooks = Arc::clone(self);
        self.spawn(async move {
            webhooks.deliver(events).await;
        });
    }

    /// Tries each event once, in this order, and returns how that went; what was not
    /// accepted is tried again in the background.
    pub(super) async fn deliver(self: &Arc<Self>, events: Vec<Event>) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for event in events {
            let Some(delivery) = self.attempt(&event, &self.secret, 1).await else {
                return deliveries;
            };
            if !delivery.is_accepted() {
                let webhooks = Arc::clone(self);
                let secret = self.secret.clone();
                self.spawn(async move { webhooks.retry(&event, &secret).await });
            }
            deliveries.push(delivery);
        }
        deliveries
    }

    /// Delivers one event `times` times at once, without retries, and returns how each
    /// went. At once, because that is the case that a receiver gets wrong.
    pub(super) async fn repeat(
        self: &Arc<Self>,
        event: &Event,
        times: u32,
        secret: Option<&str>,
    ) -> Vec<Delivery> {
        let mut attempts = tokio::task::JoinSet::new();
        for _ in 0..times {
            let webhooks = Arc::clone(self);
            let event = event.clone();
            let secret = secret.unwrap_or(&self.secret).to_owned();
            attempts.spawn(async move { webhooks.attempt(&event, &secret, 1).await });
        }
        attempts.join_all().await.into_iter().flatten().collect()
    }

    /// Delivers one event `times` times after a delay, retried like any other.
    pub(super) fn repeat_late(
        self: &Arc<Self>,
        event: &Event,
        times: u32,
        secret: Option<&str>,
        delay: Duration,
    ) {
        for _ in 0..times {
            let webhooks = Arc::clone(self);
            let event = event.clone();
            let secret = secret.unwrap_or(&self.secret).to_owned();
            self.spawn(async move {
                tokio::time::sleep(delay).await;
                let first = webhooks.attempt(&event, &secret, 1).await;
                if first.is_some_and(|delivery| !delivery.is_accepted()) {
                    webhooks.retry(&event, &secret).await;
                }
            });
        }
    }

    /// The attempts after the first, until one is accepted or there were enough.
    async fn retry(&self, event: &Event, secret: &str) {
        let mut wait = self.backoff;
        for attempt in 2..=self.attempts_max {
            tokio::time::sleep(wait).await;
            match self.attempt(event, secret, attempt).await {
                Some(delivery) if !delivery.is_accepted() => {}
                _ => return,
            }
            wait = (wait * 2).min(BACKOFF_MAX);
        }
        tracing::warn!(event_id = event.id, "a webhook was given up");
    }

    /// One attempt; `None` where the account has no webhook.
    async fn attempt(&self, event: &Event, secret: &str, attempt: u32) -> Option<Delivery> {
        let url = self.url()?;
        let answer = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("x-razorpay-event-id", &event.id)
            .header("x-razorpay-signature", signature::webhook(secret, event.body.as_bytes()))
            .body(event.body.clone())
            .send()
            .await;
        let delivery = Delivery {
            event: event.name,
            event_id: event.id.clone(),
            payment_id: event.payment_id.clone(),
            attempt,
            status: answer.as_ref().ok().map(|response| response.status().as_u16()),
            error: answer.err().map(|error| error.to_string()),
        };
        tracing::info!(
            event = ?delivery.event,
            event_id = delivery.event_id,
            attempt,
            status = delivery.status,
            error = delivery.error,
            "webhook",
        );
        self.remember(delivery.clone());
        Some(delivery)
    }

    fn remember(&self, delivery: Delivery) {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        if finished.len() >= DELIVERIES_MAX {
            finished.pop_front();
        }
        finished.push_back(delivery);
    }

    /// Runs a delivery beside the requests, until the sandbox stops.
    fn spawn(&self, delivery: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = delivery => {}
                () = until_dropped(stopped) => {}
            }
        });
    }
}
