//! Cycles, cuts and closures.
//!
//! | file | what it stores |
//! |---|---|
//! | `cycles` | cycles with their payment and the owner's decision |
//! | `cuts` | mess cuts |
//! | `closures` | closures of a mess |

pub(super) mod closures;
pub(super) mod cuts;
pub(super) mod cycles;
