//! Redeemed tokens. The tokens themselves are part of their purchases: see `payments`.
//!
//! | file | what it stores |
//! |---|---|
//! | `submissions` | submissions of tokens |

pub(super) mod submissions;
