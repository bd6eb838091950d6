//! Cycles, cuts and closures.
//!
//! | file | what it stores |
//! |---|---|
//! | `cycles` | cycles, with what was paid and what was decided |
//! | `cuts` | mess cuts |
//! | `closures` | closures of a mess |

pub(super) mod closures;
pub(super) mod cuts;
pub(super) mod cycles;
