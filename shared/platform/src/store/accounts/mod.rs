//! Accounts and how people log in to them: names, sessions, codes, failed tries.
//!
//! | file | what it stores |
//! |---|---|
//! | `account` | accounts, and the guards of unique names |
//! | `registrations` | sign-ups that wait for their one-time code |
//! | `invites` | invite codes of staff and owners |
//! | `sessions` | sessions and their refresh tokens |
//! | `password_resets` | password resets that wait for their one-time code |
//! | `lockouts` | wrong passwords and security codes |
//! | `profiles` | profiles and profile pictures |

pub(super) mod account;
pub(super) mod invites;
pub(super) mod lockouts;
pub(super) mod password_resets;
pub(super) mod profiles;
pub(super) mod registrations;
pub(super) mod sessions;
