//! Mails about the payments of cycles.

use thali_domain::meals::cycles::CycleStatus;
use thali_domain::mess::Mess;
use thali_domain::reason::Reason;
use thali_platform::app::App;
use thali_platform::mail::Mail;

use super::super::messages::DecidedCycle;
use super::{Error, addressee_if_any, compose, mail_templates};

#[derive(Clone, Copy)]
struct Decided<'a> {
    mess: &'a str,
    name: &'a str,
    amount: &'a str,
    from: &'a str,
    to: &'a str,
    verified: bool,
    reason: Option<&'a str>,
}
mail_templates!(Decided: DecidedText = "mail/cycle_decided.txt", DecidedHtml = "mail/cycle_decided.html");

/// The mail about an owner's decision on a payment; none for a student without an address.
pub async fn decided(app: &App, mess: &Mess, cycle: &DecidedCycle) -> Result<Option<Mail>, Error> {
    let Some((name, email)) = addressee_if_any(app, cycle.account_id).await? else {
        return Ok(None);
    };
    let day = |date: thali_domain::days::MealDate| date.civil().strftime("%-d %B %Y").to_string();
    let view = Decided {
        mess: mess.name.as_str(),
        name: &name,
        amount: &cycle.amount_paise.to_string(),
        from: &day(cycle.from),
        to: &day(cycle.to),
        verified: cycle.status == CycleStatus::Verified,
        reason: cycle.reason.as_ref().map(Reason::as_str),
    };
    let outcome = if view.verified { "verified" } else { "not accepted" };
    let subject = format!("Your payment to {} is {outcome}", mess.name);
    compose(&email, subject, &DecidedText(view), &DecidedHtml(view)).map(Some)
}
