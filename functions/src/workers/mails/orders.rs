//! Mails about orders of items. A student without an address gets none.

use thali_domain::orders::order::{FailureReason, OrderLine};
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::super::messages::{EndedOrder, FailedOrder};
use super::{Error, addressee_if_any, compose, mail_templates, meal_tokens};

/// One item of an order, and what one portion of it costs.
struct Line<'a> {
    name: &'a str,
    quantity: u16,
    price: String,
}

impl<'a> From<&'a OrderLine> for Line<'a> {
    fn from(line: &'a OrderLine) -> Self {
        let price = meal_tokens(line.price_tokens.get());
        Self { name: line.name.as_str(), quantity: line.quantity, price }
    }
}

#[derive(Clone, Copy)]
struct Order<'a> {
    mess: &'a str,
    name: &'a str,
    lines: &'a [Line<'a>],
    total: &'a str,
    status: &'a str,
    id: &'a str,
}
impl<'a> Order<'a> {
    /// The order as a mail shows it, with its formatted `texts`.
    fn of(mess: &'a str, name: &'a str, status: &'a str, texts: &'a Texts<'a>) -> Self {
        let Texts { lines, total, id } = texts;
        Self { mess, name, lines, total, status, id }
    }
}

/// The formatted texts of an order.
struct Texts<'a> {
    lines: Vec<Line<'a>>,
    total: String,
    id: String,
}

impl<'a> From<&'a EndedOrder> for Texts<'a> {
    fn from(order: &'a EndedOrder) -> Self {
        Self {
            lines: order.lines.iter().map(Into::into).collect(),
            total: meal_tokens(order.total_tokens),
            id: order.order_id.to_string(),
        }
    }
}

mail_templates!(
    Order: ProcessedText = "mail/order_processed.txt",
    ProcessedHtml = "mail/order_processed.html"
);

/// The mail about an order that was paid with tokens and can be collected.
pub async fn processed(app: &App, mess: &str, order: &EndedOrder) -> Result<Option<Mail>, Error> {
    let Some((name, email)) = addressee_if_any(app, order.account_id).await? else {
        return Ok(None);
    };
    let texts = Texts::from(order);
    let view = Order::of(mess, &name, "Processed", &texts);
    let subject = format!("Your order at {mess} is processed");
    compose(&email, subject, &ProcessedText(view), &ProcessedHtml(view)).map(Some)
}

#[derive(Clone, Copy)]
struct Failed<'a> {
    order: Order<'a>,
    what_happened: &'a str,
    what_to_do: &'a str,
}
mail_templates!(
    Failed: FailedText = "mail/order_failed.txt",
    FailedHtml = "mail/order_failed.html"
);

/// The mail about a failed order: why it failed, and what the student can do.
pub async fn failed(app: &App, mess: &str, failed: &FailedOrder) -> Result<Option<Mail>, Error> {
    let FailedOrder { order, failure } = failed;
    let Some((name, email)) = addressee_if_any(app, order.account_id).await? else {
        return Ok(None);
    };
    let texts = Texts::from(order);
    let (what_happened, what_to_do) = in_words(*failure);
    let order = Order::of(mess, &name, "Failed", &texts);
    let view = Failed { order, what_happened, what_to_do };
    let subject = format!("Your order at {mess} has failed");
    compose(&email, subject, &FailedText(view), &FailedHtml(view)).map(Some)
}

/// What happened, and what the student can do.
const fn in_words(failure: FailureReason) -> (&'static str, &'static str) {
    match failure {
        FailureReason::InsufficientTokens => {
            ("you have fewer tokens than it costs", "Buy tokens, then order again.")
        }
        FailureReason::AccountClosed => {
            ("your account there is not active", "If you think that it should be, ask the mess.")
        }
        FailureReason::ItemUnavailable => (
            "something in it was taken off the menu",
            "See what else is on the menu, then order again.",
        ),
        FailureReason::MessUnknown => {
            ("the mess no longer takes part", "There is nothing that you need to do.")
        }
    }
}
