//! Verifies staff tokens. Looks them up in Redis, and in DynamoDB if Redis does not know them.

use super::caller::StaffToken;
use super::problem::Problem;
use super::rate::{RATE_ACCOUNT, RATE_STAFF_TOKEN, Rate};
use super::rate_limit::check_rate;
use crate::app::App;
use crate::auth::same_secret;
use crate::auth::staff_token::{PREFIX, StaffTokenText};
use crate::cache::StaffTokenState;
use crate::store::StaffTokenRecord;

/// Whether a bearer token has the form of a staff token, and not of an access token.
pub(super) fn has_staff_token_prefix(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

/// The presented token, if it is genuine, not revoked and not expired; else a 401.
pub(super) async fn prove(app: &App, bearer: &str) -> Result<StaffToken, Problem> {
    let presented = StaffTokenText::parse(bearer).ok_or_else(Problem::unauthenticated)?;
    let now = app.clock.now();
    match app.cache.staff_token_state(presented.id).await {
        StaffTokenState::Live(known) => {
            let genuine =
                same_secret(&known.token_hash, &presented.hash()) && now < known.expires_at;
            if genuine { Ok((*known).into()) } else { Err(Problem::unauthenticated()) }
        }
        StaffTokenState::Ended => Err(Problem::unauthenticated()),
        StaffTokenState::Unknown => {
            // This case is rare. The box keeps its future out of the size of every request's.
            let found = Box::pin(app.store.staff_token_use(&presented, now)).await?;
            let found = found.ok_or_else(Problem::unauthenticated)?;
            app.cache.staff_token_mark_live(&found).await;
            Ok(found.into())
        }
    }
}

/// Counts a request with this token, and refuses it over the limit. `rate` is the endpoint's rate
/// of sessions: a stricter one than usual applies to the token too.
pub(super) async fn check_rate_of(
    app: &App,
    token: &StaffToken,
    rate: Rate,
) -> Result<(), Problem> {
    let (bucket, per_minute) = match (rate, RATE_STAFF_TOKEN) {
        (Rate::PerAccount(strict), _) if rate != RATE_ACCOUNT => {
            (format!("{strict}:{}", token.staff_token_id), strict)
        }
        (_, Rate::PerStaffToken(usual)) => (token.staff_token_id.to_string(), usual),
        _ => return Ok(()),
    };
    check_rate(app, &bucket, per_minute).await
}

impl From<StaffTokenRecord> for StaffToken {
    fn from(record: StaffTokenRecord) -> Self {
        let StaffTokenRecord { staff_token_id, mess_id, name, .. } = record;
        Self { staff_token_id, mess_id, name }
    }
}
