//! Checks the password of a logged-in account once more, before changes that need more than a
//! session.

use thali_platform::app::App;
use thali_platform::auth::password::{self, PresentedPassword};
use thali_platform::http::{Caller, Problem};
use thali_platform::problems;
use thali_platform::store::{Account, PasswordCounter, Stamp};

use super::tries;

/// Checks the password. Wrong ones are counted for the session, apart from those at logins: so a
/// stranger who guesses cannot keep the account's owner from a change, and whoever holds a session
/// has five guesses.
pub async fn check(
    app: &App,
    caller: &Caller,
    account: &Account,
    presented: &PresentedPassword,
    stamp: &Stamp,
) -> Result<(), Problem> {
    let session_id = caller.session()?.session_id;
    let counter = PasswordCounter::Session(&account.mess_id, account.account_id, session_id);
    let failures = app.store.password_failures(counter).await?;
    let compare = || password::verify(presented, Some(&account.password_hash));
    if tries::prove(app, counter, failures, stamp, compare).await? {
        Ok(())
    } else {
        Err(problems::current_password_wrong())
    }
}
