//! Accounts and how people log in to them: names, sessions, codes, failed tries.
//!
//! | file | what it stores |
//! |---|---|
//! | `account` | accounts, and the guards of unique names |
//! | `registrations` | sign-ups that wait for their one-time code |
//! | `mailboxes` | what is stored under an e-mail address, read together |
//! | `finished_registrations` | sign-ups whose account was made |
//! | `invites` | invite codes of staff and owners |
//! | `sessions` | sessions and their refresh tokens |
//! | `deletions` | the deletion of a student's account |
//! | `email_changes` | changes of e-mail addresses that wait for their one-time code |
//! | `password_changes` | changes of a password by the person who knows it |
//! | `password_resets` | password resets that wait for their one-time code |
//! | `lockouts` | wrong passwords and security codes |
//! | `profiles` | profiles and profile pictures |

pub(super) mod account;
pub(super) mod deletions;
pub(super) mod email_changes;
pub(super) mod finished_registrations;
pub(super) mod invites;
pub(super) mod lockouts;
pub(super) mod mailboxes;
pub(super) mod password_changes;
pub(super) mod password_resets;
pub(super) mod profiles;
pub(super) mod registrations;
pub(super) mod sessions;
