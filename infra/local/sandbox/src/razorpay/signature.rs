//! Razorpay's two signatures: HMAC-SHA256 in lowercase hex
//! (<https://razorpay.com/docs/webhooks/validate-test/>).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The signature that Checkout hands back: `order_id|payment_id` under the key's secret.
#[must_use]
pub fn checkout(key_secret: &str, order_id: &str, payment_id: &str) -> String {
    hmac_sha256_hex(key_secret, format!("{order_id}|{payment_id}").as_bytes())
}

/// The signature of a webhook: its raw body under the webhook's secret.
#[must_use]
pub fn webhook(webhook_secret: &str, body: &[u8]) -> String {
    hmac_sha256_hex(webhook_secret, body)
}

fn hmac_sha256_hex(key: &str, message: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}
