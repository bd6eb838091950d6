//! Razorpay: creates orders, looks up and captures payments, creates refunds, checks signatures. Formats
//! and signatures follow Razorpay's API reference; amounts are in paise.

use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thali_domain::ids::{
    AccountId, MessId, RazorpayOrderId, RazorpayPaymentId, RazorpayRefundId, RefundId,
};
use thali_domain::money::Paise;
use thali_domain::payments::refunds::{PartnerRefund, PartnerRefundStatus, Refund};
use thali_domain::payments::settlement::{CURRENCY, Payment, PaymentStatus};

use crate::auth::{hmac_hex, same_secret};
use crate::config::RazorpayConfig;

/// The time limit of one call. The caller also reads before it and writes after it, while a
/// person waits.
const WAIT_MAX: Duration = Duration::from_secs(4);

/// For how many minutes after the order Razorpay captures an authorized payment by itself. Five
/// days: for as long as Razorpay asks banks about payments whose end is unknown.
const CAPTURE_MINUTES: u32 = 7_200;

/// A client of Razorpay's API.
pub struct Razorpay {
    http: reqwest::Client,
    config: RazorpayConfig,
}

/// A call to Razorpay that returned no usable response.
#[derive(Debug, thiserror::Error)]
pub enum RazorpayError {
    /// Razorpay was unreachable or too slow, or its response was malformed; a retry may succeed.
    #[error("Razorpay cannot be reached or is failing")]
    Unavailable(#[source] reqwest::Error),
    /// Razorpay returned a server error or "too many requests"; a retry may succeed.
    #[error("Razorpay answered {0}")]
    Failing(StatusCode),
    /// Razorpay refused the request with any other status.
    #[error("Razorpay refused the request with {0}")]
    Refused(StatusCode),
}

/// Razorpay's response to the creation of an order.
#[derive(Debug, Deserialize)]
struct OrderEntity {
    id: RazorpayOrderId,
}

/// A payment, as the API returns it and as webhooks carry it.
#[derive(Debug, Deserialize)]
pub struct PaymentEntity {
    id: RazorpayPaymentId,
    order_id: Option<RazorpayOrderId>,
    amount: Paise,
    currency: String,
    status: PaymentStatus,
    method: Option<String>,
    /// A fee of another form counts as no fee, as does every unexpected value below.
    #[serde(default)]
    fee: serde_json::Value,
    #[serde(default)]
    fee_bearer: serde_json::Value,
    #[serde(default)]
    customer_fee: serde_json::Value,
    #[serde(default)]
    customer_fee_gst: serde_json::Value,
    #[serde(default)]
    amount_refunded: serde_json::Value,
}

impl PaymentEntity {
    /// The fee that the customer pays on top of the order's amount, as far as Razorpay lists it:
    /// the customer's share with its tax, or else the whole fee (which includes its tax) if the
    /// customer bears it. See <https://razorpay.com/docs/payments/dynamic-convenience-fees/>.
    fn customer_fee(&self) -> Option<Paise> {
        let fee = if let Some(share) = self.customer_fee.as_u64() {
            share.checked_add(self.customer_fee_gst.as_u64().unwrap_or(0))
        } else if self.fee_bearer.as_str() == Some("customer") {
            self.fee.as_u64()
        } else {
            None
        };
        fee.map(Paise::new)
    }
}

impl From<PaymentEntity> for Payment {
    fn from(entity: PaymentEntity) -> Self {
        let customer_fee = entity.customer_fee();
        let refunded = Paise::new(entity.amount_refunded.as_u64().unwrap_or(0));
        let PaymentEntity { id, order_id, amount, currency, status, method, .. } = entity;
        Self { payment_id: id, order_id, amount, refunded, customer_fee, currency, status, method }
    }
}

/// A refund, as the API returns it and as webhooks carry it.
#[derive(Debug, Deserialize)]
pub struct RefundEntity {
    id: RazorpayRefundId,
    payment_id: RazorpayPaymentId,
    amount: Paise,
    currency: String,
    status: PartnerRefundStatus,
    /// An empty array if there are no notes.
    #[serde(default)]
    notes: serde_json::Value,
}

impl RefundEntity {
    /// Our refund that the notes name. `None` for a refund made in Razorpay's dashboard.
    #[must_use]
    pub fn noted(&self) -> Option<(AccountId, RefundId)> {
        let note = |name: &str| self.notes[name].as_str();
        let account = AccountId::parse(note("account_id")?).ok()?;
        Some((account, RefundId::parse(note("refund_id")?).ok()?))
    }
}

impl From<RefundEntity> for PartnerRefund {
    fn from(entity: RefundEntity) -> Self {
        let RefundEntity { id, payment_id, amount, currency, status, notes: _ } = entity;
        Self { razorpay_refund_id: id, payment_id, amount, currency, status }
    }
}

/// A list, as the API returns it.
#[derive(Debug, Deserialize)]
struct Collection<T> {
    items: Vec<T>,
}

impl RazorpayError {
    /// Whether Razorpay will always refuse the same request, as far as the status shows. A wrong
    /// key (401, 403) is not final, because the operator can correct it; a timeout (408) and a
    /// conflict (409) are temporary.
    ///
    /// For the creation of a refund the status is not enough: while Razorpay is busy with the
    /// payment it returns a 400 too, with a description that asks to try again later.
    #[must_use]
    pub fn is_final(&self) -> bool {
        const PASSING: [StatusCode; 4] = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::CONFLICT,
        ];
        let Self::Refused(status) = self else { return false };
        status.is_client_error() && !PASSING.contains(status)
    }
}

impl Razorpay {
    /// Prepares a client without connecting.
    pub fn new(config: RazorpayConfig) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder().timeout(WAIT_MAX).build()?;
        Ok(Self { http, config })
    }

    /// The public half of the key, which the browser's checkout needs.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.config.key_id
    }

    /// Creates an order for `amount` and returns its id. Razorpay captures its payments by itself,
    /// whatever the account's setting is, and gives back what is authorized too late. The notes name the account and the
    /// mess, for operators who look at the order in Razorpay's dashboard.
    pub async fn order_create(
        &self,
        amount: Paise,
        receipt: &str,
        account: AccountId,
        mess: &MessId,
    ) -> Result<RazorpayOrderId, RazorpayError> {
        let order = serde_json::json!({
            "amount": amount,
            "currency": CURRENCY,
            "receipt": receipt,
            "notes": { "account_id": account, "mess_id": mess },
            "payment": {
                "capture": "automatic",
                "capture_options": {
                    "automatic_expiry_period": CAPTURE_MINUTES,
                    "manual_expiry_period": CAPTURE_MINUTES,
                    "refund_speed": "normal",
                },
            },
        });
        let request = self.http.post(format!("{}/v1/orders", self.config.url)).json(&order);
        Ok(self.answer::<OrderEntity>(request).await?.id)
    }

    pub async fn payment_fetch(&self, id: &RazorpayPaymentId) -> Result<Payment, RazorpayError> {
        let request = self.http.get(format!("{}/v1/payments/{id}", self.config.url));
        Ok(self.answer::<PaymentEntity>(request).await?.into())
    }

    /// Takes the money of an authorized payment: all of it, because Razorpay captures no part.
    pub async fn payment_capture(&self, payment: &Payment) -> Result<Payment, RazorpayError> {
        let wanted = serde_json::json!({ "amount": payment.amount, "currency": payment.currency });
        let url = format!("{}/v1/payments/{}/capture", self.config.url, payment.payment_id);
        Ok(self.answer::<PaymentEntity>(self.http.post(url).json(&wanted)).await?.into())
    }

    /// All payment attempts for an order, including failed ones.
    pub async fn order_payments(
        &self,
        id: &RazorpayOrderId,
    ) -> Result<Vec<Payment>, RazorpayError> {
        let request = self.http.get(format!("{}/v1/orders/{id}/payments", self.config.url));
        let found: Collection<PaymentEntity> = self.answer(request).await?;
        Ok(found.items.into_iter().map(Into::into).collect())
    }

    /// Requests a refund. Repeated requests for the same refund get the same response, and
    /// Razorpay pays it once. The notes identify the refund in its webhooks.
    pub async fn refund_create(&self, refund: &Refund) -> Result<PartnerRefund, RazorpayError> {
        let wanted = serde_json::json!({
            "amount": refund.amount,
            "receipt": refund.refund_id,
            "notes": {
                "account_id": refund.account_id,
                "order_id": refund.order_id,
                "refund_id": refund.refund_id,
            },
        });
        let url = format!("{}/v1/payments/{}/refund", self.config.url, refund.payment_id);
        let request = self.http.post(url).json(&wanted);
        let request = request.header("x-refund-idempotency", refund.refund_id.to_string());
        Ok(self.answer::<RefundEntity>(request).await?.into())
    }

    pub async fn refund_fetch(
        &self,
        id: &RazorpayRefundId,
    ) -> Result<PartnerRefund, RazorpayError> {
        let request = self.http.get(format!("{}/v1/refunds/{id}", self.config.url));
        Ok(self.answer::<RefundEntity>(request).await?.into())
    }

    /// Looks for `refund` among the last hundred refunds of its payment.
    pub async fn refund_find(
        &self,
        refund: &Refund,
    ) -> Result<Option<PartnerRefund>, RazorpayError> {
        let Refund { payment_id, .. } = refund;
        let url = format!("{}/v1/payments/{payment_id}/refunds?count=100", self.config.url);
        let request = self.http.get(url);
        let found: Collection<RefundEntity> = self.answer(request).await?;
        let ours = Some((refund.account_id, refund.refund_id));
        Ok(found.items.into_iter().find(|entity| entity.noted() == ours).map(Into::into))
    }

    /// Whether `signature` is the one that the checkout gives to the browser after a payment:
    /// HMAC-SHA256 of `order_id|payment_id` under the key's secret.
    #[must_use]
    pub fn checkout_signature_is_valid(
        &self,
        order_id: &RazorpayOrderId,
        payment_id: &RazorpayPaymentId,
        signature: &str,
    ) -> bool {
        checkout_signature_is_valid(&self.config.key_secret, order_id, payment_id, signature)
    }

    async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, RazorpayError> {
        let request =
            request.basic_auth(&self.config.key_id, Some(self.config.key_secret.expose_secret()));
        let answer = request.send().await.map_err(RazorpayError::Unavailable)?;
        match answer.status() {
            status if status.is_success() => {
                answer.json().await.map_err(RazorpayError::Unavailable)
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(RazorpayError::Failing(status))
            }
            status => Err(RazorpayError::Refused(status)),
        }
    }
}

fn checkout_signature_is_valid(
    secret: &SecretString,
    order_id: &RazorpayOrderId,
    payment_id: &RazorpayPaymentId,
    signature: &str,
) -> bool {
    same_secret(&hmac_hex(secret, format!("{order_id}|{payment_id}").as_bytes()), signature)
}

/// Whether a webhook's raw body was signed with one of `secrets`. There are two while the
/// secret is being changed, because older events are still signed with the old one.
#[must_use]
pub fn webhook_signature_is_valid(secrets: &[SecretString], body: &[u8], signature: &str) -> bool {
    secrets.iter().any(|secret| same_secret(&hmac_hex(secret, body), signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fee_that_the_customer_bears_counts_as_listed() {
        let fee = |more: serde_json::Value| {
            let mut entity = serde_json::json!({
                "id": "pay_1", "amount": 51_180, "currency": "INR", "status": "captured",
            });
            let members = entity.as_object_mut().expect("an object");
            members.extend(more.as_object().expect("an object").clone());
            let entity: PaymentEntity = serde_json::from_value(entity).expect("readable");
            Payment::from(entity).customer_fee.map(Paise::get)
        };
        for (more, expected) in [
            (serde_json::json!({}), None),
            (serde_json::json!({ "fee": 1_180, "tax": 180 }), None),
            (serde_json::json!({ "fee": 1_180, "fee_bearer": "platform" }), None),
            (serde_json::json!({ "fee": 1_180, "fee_bearer": "customer" }), Some(1_180)),
            (serde_json::json!({ "fee": null, "fee_bearer": "customer" }), None),
            (serde_json::json!({ "fee": "1180", "fee_bearer": "customer" }), None),
            (serde_json::json!({ "fee": -1, "fee_bearer": "customer" }), None),
            (serde_json::json!({ "fee": 1_180, "fee_bearer": ["customer"] }), None),
            (serde_json::json!({ "customer_fee": 1_000, "customer_fee_gst": 180 }), Some(1_180)),
            (serde_json::json!({ "customer_fee": 1_000 }), Some(1_000)),
            (serde_json::json!({ "customer_fee_gst": 180 }), None),
            (serde_json::json!({ "customer_fee": u64::MAX, "customer_fee_gst": 1 }), None),
            (
                serde_json::json!({ "customer_fee": 500, "fee": 1_180, "fee_bearer": "customer" }),
                Some(500),
            ),
        ] {
            assert_eq!(fee(more.clone()), expected, "{more}");
        }
    }

    #[test]
    fn a_published_checkout_signature_is_accepted() {
        let good = checkout_signature_is_valid(
            &"EnLs21M47BllR3X8PSFtjtbd".into(),
            &RazorpayOrderId::parse("order_IEIaMR65cu6nz3").expect("an id"),
            &RazorpayPaymentId::parse("pay_IH4NVgf4Dreq1l").expect("an id"),
            "0d4e745a1838664ad6c9c9902212a32d627d68e917290b0ad5f08ff4561bc50f",
        );
        assert!(good);
    }

    #[test]
    fn a_webhook_signature_under_any_of_the_secrets_is_accepted() {
        let body = br#"{"a":1,"b":2,"c":{"d":3}}"#;
        let signature = "2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc";
        assert!(webhook_signature_is_valid(&["new".into(), "123456".into()], body, signature));
        assert!(!webhook_signature_is_valid(&["new".into()], body, signature));
        assert!(!webhook_signature_is_valid(&["123456".into()], b"{}", signature));
    }
}
