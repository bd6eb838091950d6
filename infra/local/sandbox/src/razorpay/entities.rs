//! Razorpay's entities, field by field as the API answers them, and the state that
//! holds them. The same form is written to the state file.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::fill;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::webhooks::Event;

/// Orders kept; the oldest go first, with all that belongs to them. It bounds the state
/// file, which is written whole.
const ORDERS_MAX: usize = 2_000;

/// Everything the account holds, each list oldest first.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct State {
    pub(super) orders: Vec<Order>,
    /// The orders whose payments are captured at once. The others are of an account that
    /// captures by hand.
    #[serde(default)]
    pub(super) captured_at_once: HashSet<String>,
    pub(super) payments: Vec<Payment>,
    pub(super) refunds: Vec<Refund>,
    /// How refunds begin.
    #[serde(default)]
    pub(super) refunds_begin: RefundProgress,
    pub(super) refund_keys: Vec<RefundKey>,
    pub(super) events: Vec<Event>,
}

impl State {
    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    pub(super) fn payment(&self, id: &str) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.id == id)
    }

    /// Adds an order, and forgets the oldest where there are too many.
    pub(super) fn order_add(&mut self, order: Order) {
        if self.orders.len() >= ORDERS_MAX {
            let gone = self.orders.remove(0);
            self.order_forget(&gone.id);
        }
        self.orders.push(order);
    }

    fn order_forget(&mut self, order_id: &str) {
        self.captured_at_once.remove(order_id);
        let is_gone = |payment: &Payment| payment.order_id == order_id;
        let gone: Vec<String> = self
            .payments
            .iter()
            .filter(|payment| is_gone(payment))
            .map(|payment| payment.id.clone())
            .collect();
        self.payments.retain(|payment| !is_gone(payment));
        self.refunds.retain(|refund| !gone.contains(&refund.payment_id));
        self.refund_keys.retain(|key| !gone.contains(&key.payment_id));
        self.events.retain(|event| !gone.contains(&event.payment_id));
    }
}

/// `created` until someone tries to pay, `attempted` until someone has paid.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OrderStatus {
    Created,
    Attempted,
    Paid,
}

/// <https://razorpay.com/docs/api/orders/entity/>
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) entity: String,
    pub(super) amount: u64,
    pub(super) amount_paid: u64,
    pub(super) amount_due: u64,
    pub(super) currency: String,
    pub(super) receipt: Option<String>,
    pub(super) offer_id: Option<String>,
    pub(super) status: OrderStatus,
    pub(super) attempts: u32,
    pub(super) notes: Notes,
    pub(super) created_at: u64,
}

/// `created` is a moment inside Checkout and never seen here.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PaymentStatus {
    Authorized,
    Captured,
    Refunded,
    Failed,
}

/// How much of a payment went back.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundStatus {
    Partial,
    Full,
}

/// <https://razorpay.com/docs/api/payments/entity/>, paid by UPI.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) entity: String,
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) status: PaymentStatus,
    pub(super) order_id: String,
    pub(super) invoice_id: Option<String>,
    pub(super) international: bool,
    pub(super) method: String,
    pub(super) amount_refunded: u64,
    pub(super) refund_status: Option<RefundStatus>,
    pub(super) captured: bool,
    pub(super) description: Option<String>,
    pub(super) card_id: Option<String>,
    pub(super) bank: Option<String>,
    pub(super) wallet: Option<String>,
    pub(super) vpa: Option<String>,
    pub(super) email: String,
    pub(super) contact: String,
    pub(super) notes: Notes,
    /// Razorpay's fee with its tax, known once the payment is captured.
    pub(super) fee: Option<u64>,
    pub(super) tax: Option<u64>,
    /// `customer` where the customer pays the fee on top of the order's amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fee_bearer: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) error_description: Option<String>,
    pub(super) error_source: Option<String>,
    pub(super) error_step: Option<String>,
    pub(super) error_reason: Option<String>,
    pub(super) acquirer_data: Map<String, Value>,
    pub(super) created_at: u64,
}

/// How far a refund got.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundProgress {
    Pending,
    #[default]
    Processed,
    Failed,
}

/// <https://razorpay.com/docs/api/refunds/entity/>, processed at once as in test mode,
/// unless the control call wants refunds to begin as pending.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) entity: String,
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) payment_id: String,
    pub(super) notes: Notes,
    pub(super) receipt: Option<String>,
    pub(super) acquirer_data: Map<String, Value>,
    pub(super) created_at: u64,
    pub(super) batch_id: Option<String>,
    pub(super) status: RefundProgress,
    pub(super) speed_processed: String,
    pub(super) speed_requested: String,
}

/// The first request under one `X-Refund-Idempotency`.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct RefundKey {
    pub(super) key: String,
    pub(super) payment_id: String,
    pub(super) body: Value,
    pub(super) refund_id: String,
}

/// Notes of a merchant. An empty set is the empty *list* on the wire: Razorpay's
/// backend has one kind of array.
#[derive(Clone, Default)]
pub(super) struct Notes(pub(super) Map<String, Value>);

impl Serialize for Notes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            serializer.collect_seq::<[(); 0]>([])
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Notes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(notes) => Ok(Self(notes)),
            _ => Ok(Self::default()),
        }
    }
}

/// Unix seconds, as every `created_at` is.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// Fourteen random base62 characters, which follow the prefix in all of Razorpay's ids.
pub(super) fn random_id() -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = [0_u8; 14];
    fill(&mut bytes).expect("the kernel gives random bytes");
    // 256 is not a multiple of 62, so the first characters are a little likelier.
    // Ids need to be unique here, not secret.
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}
