//! Mails about payments and tokens.

use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::super::messages;
use super::{Error, addressee, compose, local_time, mail_templates, meal_tokens};

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

/// That tokens were bought.
pub async fn receipt(app: &App, mess: &Mess, bought: &messages::Receipt) -> Result<Mail, Error> {
    let (name, email) = addressee(app, bought.account_id).await?;
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
    compose(&email, subject, &ReceiptText(view), &ReceiptHtml(view))
}
