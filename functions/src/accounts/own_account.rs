//! Loads the account of the caller's session, for changes that people make to their own accounts.

use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::http::Problem;
use thali_platform::store::{Account, Consistency};

/// The account. An account that was closed meanwhile must not be changed, and must not take a name
/// that others want.
pub async fn load(app: &App, account_id: AccountId) -> Result<Account, Problem> {
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let open = account.filter(|account| account.status.may_log_in());
    open.ok_or_else(Problem::unauthenticated)
}
