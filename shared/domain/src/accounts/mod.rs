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
//! | [`deletion`] | what must be settled before a student deletes the account |
//! | [`email_change`] | a change of the e-mail address that waits for its one-time code |
//! | [`password_reset`] | a password reset that waits for its one-time code |
//! | [`lockout`] | how many wrong passwords, codes and PINs are allowed |
//! | [`sessions`] | access and refresh tokens: lifetimes, rotation, reuse |
//! | [`sources`] | who may ask for how many codes, and try how many |
//! | [`devices`] | the description of a device in a list of sessions |
//! | [`profile`] | a student's personal data, and a change of it |

pub mod deletion;
pub mod devices;
pub mod email_change;
pub mod identity;
pub mod lockout;
pub mod one_time_code;
pub mod password_reset;
pub mod profile;
pub mod registration;
pub mod sessions;
pub mod sources;
