//! The security code, which proves that the student redeems the tokens in person. Until one is
//! set in the profile, the password is the security code.

use thali_domain::accounts::identity::AccountStatus;
use thali_domain::accounts::lockout::LOCK;
use thali_domain::accounts::profile::SecurityCode;
use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::auth::password::{self, PresentedPassword};
use thali_platform::auth::{hmac_hex, same_secret};
use thali_platform::http::Problem;
use thali_platform::problems;
use thali_platform::store::{Account, Stamp};

/// Checks `code` for an active account, counts a wrong one, and locks after five.
pub async fn check(
    app: &App,
    account: &Account,
    code: &PresentedPassword,
    stamp: &Stamp,
) -> Result<(), Problem> {
    match account.status {
        AccountStatus::Active => {}
        AccountStatus::PendingApproval => return Err(Problem::not_approved()),
        AccountStatus::Rejected | AccountStatus::Blocked => return Err(Problem::account_closed()),
        AccountStatus::Deleted => return Err(Problem::unauthenticated()),
    }
    if let Some(wait_s) = account.security_code_failures().locked_for_s(stamp.at) {
        return Err(problems::security_code_locked(wait_s));
    }
    if !is_right(app, account, code) {
        let failures = app.store.security_code_failed(account.account_id, stamp).await?;
        // After the fifth wrong code, wrong codes and the right one get the same response.
        return Err(failures.map_or_else(locked, problems::security_code_wrong));
    }
    let had_failures = account.security_code_failures > 0;
    if had_failures && !app.store.security_code_succeeded(account.account_id, stamp).await? {
        return Err(locked());
    }
    Ok(())
}

/// The refusal if concurrent wrong codes locked the account a moment ago.
fn locked() -> Problem {
    problems::security_code_locked(LOCK.as_secs().unsigned_abs())
}

fn is_right(app: &App, account: &Account, code: &PresentedPassword) -> bool {
    match &account.security_code_hash {
        Some(stored) => {
            // The digits, however they were typed. What cannot be a security code is wrong, and
            // counts: it may be a guess of the password.
            let typed = SecurityCode::parse(code.expose());
            typed.is_ok_and(|typed| {
                same_secret(&hash(app, account.account_id, typed.expose()), stored)
            })
        }
        None => password::verify(code, Some(&account.password_hash)),
    }
}

/// What is stored of a security code: its HMAC under a server key, bound to the account.
pub fn hash(app: &App, account_id: AccountId, code: &str) -> String {
    hmac_hex(app.pin_key(), format!("security-code|{account_id}|{code}").as_bytes())
}
