//! Accounts: who somebody is, how an account begins, and how it is proven and protected.
//!
//! What only students have (approval, a QR code) is in [`crate::students`]; the tokens of
//! devices at the counter are in [`crate::staff`]. Passwords are hashed and access tokens are
//! signed outside this crate.
//!
//! | file | its subject |
//! |---|---|
//! | [`identity`] | e-mail, username, name, roll number, role, status |
//! | [`registration`] | a sign-up that waits for its one-time code |
//! | [`one_time_code`] | the code that proves that somebody reads a mailbox |
//! | [`password_reset`] | a forgotten password that waits for its one-time code |
//! | [`lockout`] | how many wrong passwords, codes and PINs are allowed |
//! | [`sessions`] | access and refresh tokens: lifetimes, rotation, reuse |
//! | [`profile`] | what a student tells about themselves, and how it is changed |

pub mod identity;
pub mod lockout;
pub mod one_time_code;
pub mod password_reset;
pub mod profile;
pub mod registration;
pub mod sessions;
