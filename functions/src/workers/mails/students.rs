//! Mails about an owner's decisions on students.

use thali_domain::accounts::identity::AccountStatus;
use thali_domain::mess::Mess;
use thali_platform::app::App;
use thali_platform::mail::Mail;
use thali_platform::store::Consistency;

use super::super::messages;
use super::{Error, Missing, compose, mail_templates};

#[derive(Clone, Copy)]
struct Decision<'a> {
    mess: &'a str,
    name: &'a str,
    decided: &'a str,
    reason: Option<&'a str>,
    app_url: Option<&'a str>,
}
mail_templates!(Decision: DecisionText = "mail/decision.txt", DecisionHtml = "mail/decision.html");

/// The mail about an owner's decision on a student. None if an owner has decided otherwise since
/// then, because mails can overtake each other, or if the student has no address.
pub async fn decision(
    app: &App,
    mess: &Mess,
    decision: &messages::Decision,
) -> Result<Option<Mail>, Error> {
    let account = app.store.account_get(decision.account_id, Consistency::Strong).await?;
    let account = account.ok_or(Missing("account"))?;
    if account.status != decision.status {
        return Ok(None);
    }
    let (outcome, decided) = match decision.status {
        AccountStatus::Active => ("approved", "has approved your account."),
        AccountStatus::Rejected => ("not approved", "has not approved your account."),
        AccountStatus::Blocked => {
            ("blocked", "has blocked your account. You are logged out everywhere.")
        }
        AccountStatus::PendingApproval | AccountStatus::Deleted => return Ok(None),
    };
    // The owner who registered a student without an address informs the student.
    let Some(email) = account.email else { return Ok(None) };
    let app_url = app.mail().app_url.as_deref();
    let view = Decision {
        mess: mess.name.as_str(),
        name: account.name.as_str(),
        decided,
        reason: decision.decision_reason.as_ref().map(thali_domain::reason::Reason::as_str),
        app_url: app_url.filter(|_| decision.status == AccountStatus::Active),
    };
    let subject = format!("Your account at {} is {outcome}", mess.name);
    compose(&email, subject, &DecisionText(view), &DecisionHtml(view)).map(Some)
}
