//! What a schedule invokes.

pub mod expire_tokens;
pub mod reconcile_payments;

use std::time::Duration;

/// For how long a run begins with something new. With what it has begun by then it is done
/// before its Lambda ends (after 60 s): at worst three calls of the partner and a write.
const RUN_TIME_MAX: Duration = Duration::from_secs(40);
