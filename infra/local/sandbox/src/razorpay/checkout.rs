//! The checkout page: stands for Razorpay's Checkout in a browser, with plain forms and
//! nothing loaded from elsewhere.
//!
//! `GET /razorpay/checkout/{order_id}?callback_url=…` offers to pay or to fail. The
//! result is shown; with a callback address it is posted there as Razorpay posts it:
//! `razorpay_payment_id`, `razorpay_order_id` and `razorpay_signature`, or
//! `error[code]` and its siblings
//! (<https://razorpay.com/docs/payments/payment-gateway/callback-url/>). The webhooks of
//! what happened are delivered in the background.

use std::fmt::Write;

use axum::extract::{Form, Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Razorpay;
use super::control::Refused;
use super::entities::{Order, OrderStatus, Payment, PaymentStatus};
use super::payments::Outcome;

#[derive(Deserialize)]
pub(super) struct Address {
    callback_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Submitted {
    outcome: Button,
    callback_url: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Button {
    Pay,
    Fail,
}

/// `GET /checkout/{order_id}`.
pub(super) async fn page(
    Shared(razorpay): Shared<Razorpay>,
    Path(order_id): Path<String>,
    Query(address): Query<Address>,
) -> Response {
    let Some(order) = razorpay.read(|state| state.order(&order_id).cloned()) else {
        return refused(&Refused::order_unknown(&order_id));
    };
    match callback_check(address.callback_url) {
        Ok(callback_url) => {
            document(StatusCode::OK, "Pay", &order_body(&order, callback_url.as_deref()))
        }
        Err(why) => refused(&why),
    }
}

/// `POST /checkout/{order_id}`.
pub(super) async fn submit(
    Shared(razorpay): Shared<Razorpay>,
    Path(order_id): Path<String>,
    Form(submitted): Form<Submitted>,
) -> Response {
    let outcome = match submitted.outcome {
        Button::Pay => Outcome::Captured,
        Button::Fail => Outcome::Failed,
    };
    let paid = callback_check(submitted.callback_url).and_then(|callback_url| {
        let (payment, events) = razorpay.order_pay(&order_id, outcome.into())?;
        Ok((callback_url, payment, events))
    });
    match paid {
        Ok((callback_url, payment, events)) => {
            razorpay.webhooks().deliver_in_background(events);
            let signature = razorpay.checkout_signature(&order_id, &payment.id);
            result(&payment, &signature, callback_url.as_deref())
        }
        Err(why) => refused(&why),
    }
}

/// A callback is a web address: nothing that a browser would run.
fn callback_check(callback_url: Option<String>) -> Result<Option<String>, Refused> {
    match callback_url.filter(|url| !url.is_empty()) {
        Some(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
            Err(Refused::conflict("callback_url must begin with http:// or https://"))
        }
        callback_url => Ok(callback_url),
    }
}

fn order_body(order: &Order, callback_url: Option<&str>) -> String {
    let amount = escape(&money(order.amount, &order.currency));
    let id = escape(&order.id);
    if order.status == OrderStatus::Paid {
        return format!(
            "<p class=amount>{amount}</p><p role=status>Order <code>{id}</code> is paid.</p>"
        );
    }
    let callback = callback_url.map(|url| hidden("callback_url", url)).unwrap_or_default();
    format!(
        "<p class=amount>{amount}</p>\
         <p>Order <code>{id}</code></p>\
         <form method=post>{callback}\
         <button name=outcome value=pay class=pay>Pay</button> \
         <button name=outcome value=fail>Fail</button></form>\
         <p class=hint>No money moves: this is the local sandbox.</p>"
    )
}

fn result(payment: &Payment, signature: &str, callback_url: Option<&str>) -> Response {
    let failed = payment.status == PaymentStatus::Failed;
    let title = if failed { "Payment failed" } else { "Payment successful" };
    let fields = if failed {
        failure_fields(payment)
    } else {
        vec![
            ("razorpay_payment_id", payment.id.clone()),
            ("razorpay_order_id", payment.order_id.clone()),
            ("razorpay_signature", signature.to_owned()),
        ]
    };
    let body = match callback_url {
        Some(url) => callback_body(url, &fields),
        None => shown_body(&fields, failed),
    };
    document(StatusCode::OK, title, &body)
}

fn failure_fields(payment: &Payment) -> Vec<(&'static str, String)> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let metadata = json!({ "payment_id": payment.id, "order_id": payment.order_id });
    vec![
        ("error[code]", text(&payment.error_code)),
        ("error[description]", text(&payment.error_description)),
        ("error[source]", text(&payment.error_source)),
        ("error[step]", text(&payment.error_step)),
        ("error[reason]", text(&payment.error_reason)),
        ("error[metadata]", metadata.to_string()),
    ]
}

/// A form that sends itself to the merchant; the button is for a browser without scripts.
fn callback_body(url: &str, fields: &[(&str, String)]) -> String {
    let mut inputs = String::new();
    for (name, value) in fields {
        inputs.push_str(&hidden(name, value));
    }
    format!(
        "<p role=status>Going back to the shop.</p>\
         <form method=post action=\"{}\" id=back>{inputs}<button class=pay>Continue</button></form>\
         <script>document.getElementById('back').submit()</script>",
        escape(url)
    )
}

fn shown_body(fields: &[(&str, String)], failed: bool) -> String {
    let mut body = String::from("<dl>");
    for (name, value) in fields {
        // Writing to a string cannot fail.
        let _ = write!(body, "<dt>{}</dt><dd><code>{}</code></dd>", escape(name), escape(value));
    }
    body.push_str("</dl>");
    if failed {
        body.push_str("<p><a href=\"\">Try again</a></p>");
    }
    body
}

fn refused(why: &Refused) -> Response {
    let body = format!("<p role=alert>Sorry: {}.</p>", escape(why.why()));
    document(why.status(), "Not possible", &body)
}

fn document(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>{title} · Razorpay sandbox</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>",
        title = escape(title)
    );
    (status, Html(page)).into_response()
}

const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center}\
main{width:min(24rem,100vw - 4rem);padding:1.5rem;border:1px solid #8888;border-radius:.75rem}\
h1{font-size:1.25rem;margin:0}\
.amount{font-size:2rem;font-weight:600;margin:.5rem 0}\
code{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem}\
button{font:inherit;padding:.5rem 1.25rem;border:1px solid #888;border-radius:.5rem;cursor:pointer}\
.pay{background:#0b5cad;border-color:#0b5cad;color:#fff}\
:focus-visible{outline:3px solid #e69500;outline-offset:2px}\
.hint{font-size:.875rem}";

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=hidden name=\"{}\" value=\"{}\">", escape(name), escape(value))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `₹1,25,000.00`, grouped as in India: the last three digits, then pairs.
fn money(paise: u64, currency: &str) -> String {
    let rupees = (paise / 100).to_string();
    let mut grouped = String::new();
    for (index, digit) in rupees.chars().enumerate() {
        let left = rupees.len() - index;
        if index > 0 && left >= 3 && left % 2 == 1 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if currency == "INR" { "₹".to_owned() } else { format!("{currency} ") };
    format!("{sign}{grouped}.{:02}", paise % 100)
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn money_is_grouped_as_in_india() {
        let cases = [
            (100, "₹1.00"),
            (50_005, "₹500.05"),
            (100_000, "₹1,000.00"),
            (123_456_789, "₹12,34,567.89"),
            (1_250_000_000, "₹1,25,00,000.00"),
        ];
        for (paise, shown) in cases {
            assert_eq!(money(paise, "INR"), shown);
        }
    }
}
