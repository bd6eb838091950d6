//! Accounts: identity, sign-up, sessions, and the protection of an account.
//!
//! What only students have (approval, a QR code) is in [`crate::students`]. The tokens of
//! devices at the counter are in [`crate::staff`]. Hashing passwords and signing access tokens
//! happen outside this crate.
//!
//! | file | its subject |
//! |---|---|
//! | [`identity`] | e-mail, username, name, roll number, role, status |
//! | [`registration`] | a sign-up that waits for its one-time code |
//! | [`one_time_code`] | the code that proves access to a mailbox |
//! | [`password_reset`] | a password reset that waits for its one-time code |
//! | [`lockout`] | how many wrong passwords, codes and PINs are allowed |
//! | [`sessions`] | access and refresh tokens: lifetimes, rotation, reuse |
//! | [`profile`] | a student's personal data, and a change of it |

pub mod identity;
pub mod lockout;
pub mod one_time_code;
pub mod password_reset;
pub mod profile;
pub mod registration;
pub mod sessions;
