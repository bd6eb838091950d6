//! Checks the password of a logged-in account once more, before changes that need more than a
//! session.

use thali_domain::accounts::identity::LoginName;
use thali_platform::app::App;
use thali_platform::auth::password::{self, PresentedPassword};
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{Account, Stamp};

/// Checks the password. A wrong one counts like a failed login by e-mail (or by username, if
/// the account has no e-mail address). Both share one counter, so using both gives no extra
/// guesses.
pub async fn check(
    app: &App,
    account: &Account,
    presented: &PresentedPassword,
    stamp: &Stamp,
) -> Result<(), Problem> {
    let email = account.email.clone().map(LoginName::Email);
    let name = email.or_else(|| account.username.clone().map(LoginName::Username));
    // Without a name to log in with there is no password that could be right.
    let name = name.ok_or_else(problems::current_password_wrong)?;
    let failures = app.store.login_lookup(&account.mess_id, &name).await?.failures;
    if let Some(wait_s) = failures.locked_for_s(stamp.at) {
        return Err(problems::locked(wait_s));
    }
    if !password::verify(presented, Some(&account.password_hash)) {
        app.store.login_failed(&account.mess_id, &name, stamp).await?;
        return Err(problems::current_password_wrong());
    }
    if failures.count > 0 {
        app.store.login_succeeded(&account.mess_id, &name).await?;
    }
    Ok(())
}
