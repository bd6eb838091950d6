//! The checkout page: stands for Razorpay's Checkout in a browser, with plain forms and
//! nothing loaded from elsewhere.
//!
//! `GET /razorpay/checkout/{order_id}?callback_url=…` offers to pay or to fail. The
//! result is shown; with a callback address it is posted there as Razorpay posts it:
//! `razorpay_payment_id`, `razorpay_order_id` and `razorpay_signature`, or
//! `error[code]` and its siblings
//! (<https://razorpay.com/docs/payments/payment-gateway/callback-url/>). The webhooks of
//! what happened are delivered in the background.
//!
//! `GET /razorpay/v1/checkout.js` is the script with which a page opens this checkout in a
//! frame, with `?embedded_in=` its own origin. The result is then told to that origin.

use std::fmt::Write;

use axum::extract::{Form, Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Razorpay;
use super::control::Refused;
use super::entities::{Order, OrderStatus, Payment, PaymentStatus};
use super::payments::Outcome;

#[derive(Deserialize)]
pub(super) struct Address {
    callback_url: Option<String>,
    embedded_in: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Submitted {
    outcome: Button,
    callback_url: Option<String>,
    embedded_in: Option<String>,
}

/// Where the result goes, beside being shown.
#[derive(Default)]
struct Receiver {
    /// The address to which the browser posts it.
    callback_url: Option<String>,
    /// The origin of the page around the frame, which gets it in a message.
    embedded_in: Option<String>,
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
    match receiver(address.callback_url, address.embedded_in) {
        Ok(receiver) => document(StatusCode::OK, "Pay", &order_body(&order, &receiver)),
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
    let paid = receiver(submitted.callback_url, submitted.embedded_in).and_then(|receiver| {
        let (payment, events) = razorpay.order_pay(&order_id, outcome.into())?;
        Ok((receiver, payment, events))
    });
    match paid {
        Ok((receiver, payment, events)) => {
            razorpay.webhooks().deliver_in_background(events);
            let signature = razorpay.checkout_signature(&order_id, &payment.id);
            result(&payment, &signature, &receiver)
        }
        Err(why) => refused(&why),
    }
}

/// `GET /v1/checkout.js`, which needs no key: browsers load it.
pub(super) async fn script() -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("checkout.js"))
        .into_response()
}

/// Both are web addresses: nothing that a browser would run.
fn receiver(
    callback_url: Option<String>,
    embedded_in: Option<String>,
) -> Result<Receiver, Refused> {
    let web = |name: &str, url: Option<String>| match url.filter(|url| !url.is_empty()) {
        Some(url) if !(url.starts_with("http://") || url.starts_with("https://")) => {
            Err(Refused::conflict(&format!("{name} must begin with http:// or https://")))
        }
        url => Ok(url),
    };
    Ok(Receiver {
        callback_url: web("callback_url", callback_url)?,
        embedded_in: web("embedded_in", embedded_in)?,
    })
}

fn order_body(order: &Order, receiver: &Receiver) -> String {
    let amount = escape(&money(order.amount, &order.currency));
    let id = escape(&order.id);
    let close = receiver.embedded_in.as_deref().map(close_button).unwrap_or_default();
    if order.status == OrderStatus::Paid {
        return format!(
            "<p class=amount>{amount}</p><p role=status>Order <code>{id}</code> is paid.</p>{close}"
        );
    }
    let carried = carried(receiver);
    format!(
        "<p class=amount>{amount}</p>\
         <p>Order <code>{id}</code></p>\
         <form method=post>{carried}\
         <button name=outcome value=pay class=pay>Pay</button> \
         <button name=outcome value=fail>Fail</button></form>\
         {close}<p class=hint>No money moves: this is the local sandbox.</p>"
    )
}

/// The fields with which the receiver goes from page to page.
fn carried(receiver: &Receiver) -> String {
    let fields = [("callback_url", &receiver.callback_url), ("embedded_in", &receiver.embedded_in)];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    given.map(|(name, value)| hidden(name, value)).collect()
}

/// A script that sends a message to the page around the frame.
fn telling(origin: &str, message: &Value) -> String {
    // In a script, `<` could end the element.
    let literal = |value: &Value| value.to_string().replace('<', "\\u003c");
    format!("parent.postMessage({},{})", literal(message), literal(&json!(origin)))
}

fn close_button(origin: &str) -> String {
    let tell = telling(origin, &json!({ "kind": "dismissed" }));
    format!("<p><button onclick=\"{}\">Close</button></p>", escape(&tell))
}

fn result(payment: &Payment, signature: &str, receiver: &Receiver) -> Response {
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
    let body = match receiver {
        Receiver { embedded_in: Some(origin), .. } => embedded_body(origin, payment, &fields),
        Receiver { callback_url: Some(url), .. } => callback_body(url, &fields),
        Receiver { .. } => shown_body(&fields, failed),
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

/// Tells the page around the frame what happened. After a failure one can try again here.
fn embedded_body(origin: &str, payment: &Payment, fields: &[(&str, String)]) -> String {
    let failed = payment.status == PaymentStatus::Failed;
    let message = if failed {
        let description = payment.error_description.clone().unwrap_or_default();
        json!({ "kind": "failed", "error": { "description": description } })
    } else {
        let paid: serde_json::Map<_, _> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({ "kind": "paid", "payment": paid })
    };
    let tell = telling(origin, &message);
    if failed {
        let again = format!("?embedded_in={}", escape(origin));
        let close = close_button(origin);
        return format!("<p><a href=\"{again}\">Try again</a></p>{close}<script>{tell}</script>");
    }
    format!("<p role=status>Going back to the shop.</p><script>{tell}</script>")
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
