//! Mails about payments and tokens.

use thali_domain::mess::Mess;
use thali_domain::money::Paise;
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::super::messages;
use super::{
    Error, addressee, addressee_unless_deleted, compose, local_time, mail_templates, meal_tokens,
};

#[derive(Clone, Copy)]
struct Receipt<'a> {
    mess: &'a str,
    name: &'a str,
    tokens: &'a str,
    amount: &'a str,
    good_until: &'a str,
    order_id: &'a str,
}
mail_templates!(Receipt: ReceiptText = "mail/receipt.txt", ReceiptHtml = "mail/receipt.html");

/// The receipt for bought tokens; none if the account was deleted before the payment arrived.
pub async fn receipt(
    app: &App,
    mess: &Mess,
    bought: &messages::Receipt,
) -> Result<Option<Mail>, Error> {
    let Some((name, email)) = addressee_unless_deleted(app, bought.account_id).await? else {
        return Ok(None);
    };
    let tokens = meal_tokens(bought.token_count);
    let view = Receipt {
        mess: mess.name.as_str(),
        name: &name,
        tokens: &tokens,
        amount: &bought.amount_paise.to_string(),
        good_until: &local_time(bought.expires_at, mess)?,
        order_id: bought.order_id.as_str(),
    };
    let subject = format!("{tokens} for {}", mess.name);
    compose(&email, subject, &ReceiptText(view), &ReceiptHtml(view)).map(Some)
}

#[derive(Clone, Copy)]
struct Refund<'a> {
    mess: &'a str,
    name: &'a str,
    /// `None` if a payment that paid for no tokens is refunded.
    tokens: Option<&'a str>,
    amount: &'a str,
    order_id: &'a str,
}
mail_templates!(Refund: RefundedText = "mail/refunded.txt", RefundedHtml = "mail/refunded.html");

/// An amount in its currency, such as `₹500.00` or `USD 500.00`.
fn money(amount: Paise, currency: Option<&str>) -> String {
    let rupees = amount.to_string();
    currency.map_or_else(|| rupees.clone(), |currency| rupees.replace('₹', &format!("{currency} ")))
}

/// The tokens of a refund, if it is one of tokens.
fn tokens_of(count: u16) -> Option<String> {
    (count > 0).then(|| meal_tokens(count))
}

/// The mail about refunded tokens, or about a refunded payment; none if the account was deleted.
pub async fn refunded(
    app: &App,
    mess: &Mess,
    refund: &messages::Refunded,
) -> Result<Option<Mail>, Error> {
    let Some((name, email)) = addressee_unless_deleted(app, refund.account_id).await? else {
        return Ok(None);
    };
    let amount = money(refund.amount_paise, refund.currency.as_deref());
    let tokens = tokens_of(refund.token_count);
    let view = Refund {
        mess: mess.name.as_str(),
        name: &name,
        tokens: tokens.as_deref(),
        amount: &amount,
        order_id: refund.order_id.as_str(),
    };
    let subject = format!("{amount} back from {}", mess.name);
    compose(&email, subject, &RefundedText(view), &RefundedHtml(view)).map(Some)
}

mail_templates!(
    Refund: RefundFailedText = "mail/refund_failed.txt",
    RefundFailedHtml = "mail/refund_failed.html"
);

/// The mail about a failed refund, to the owner who requested it.
pub async fn refund_failed(
    app: &App,
    mess: &Mess,
    refund: &messages::RefundFailed,
) -> Result<Mail, Error> {
    let (name, email) = addressee(app, refund.requested_by).await?;
    let amount = money(refund.amount_paise, refund.currency.as_deref());
    let tokens = tokens_of(refund.token_count);
    let view = Refund {
        mess: mess.name.as_str(),
        name: &name,
        tokens: tokens.as_deref(),
        amount: &amount,
        order_id: refund.order_id.as_str(),
    };
    let subject = format!("A refund of {amount} at {} has failed", mess.name);
    compose(&email, subject, &RefundFailedText(view), &RefundFailedHtml(view))
}

#[derive(Clone, Copy)]
struct Expiring<'a> {
    mess: &'a str,
    name: &'a str,
    tokens: &'a str,
    is_one: bool,
    good_until: &'a str,
    app_url: Option<&'a str>,
}
mail_templates!(Expiring: ExpiringText = "mail/expiring.txt", ExpiringHtml = "mail/expiring.html");

/// The mail about tokens that expire soon; none if they have already expired, or the account was
/// deleted.
pub async fn expiring(
    app: &App,
    mess: &Mess,
    tokens: &messages::Expiring,
) -> Result<Option<Mail>, Error> {
    if tokens.expires_at <= app.clock.now() {
        return Ok(None);
    }
    let Some((name, email)) = addressee_unless_deleted(app, tokens.account_id).await? else {
        return Ok(None);
    };
    let count = meal_tokens(tokens.token_count);
    let is_one = tokens.token_count == 1;
    let view = Expiring {
        mess: mess.name.as_str(),
        name: &name,
        tokens: &count,
        is_one,
        good_until: &local_time(tokens.expires_at, mess)?,
        app_url: app.mail().app_url.as_deref(),
    };
    let expire = if is_one { "expires" } else { "expire" };
    let subject = format!("{count} of {} {expire} soon", mess.name);
    compose(&email, subject, &ExpiringText(view), &ExpiringHtml(view)).map(Some)
}
