//! Accounts: sign-up, login, sessions.

pub mod jwks;
pub mod login;
pub mod logout;
mod pending;
pub mod refresh;
pub mod register;
pub mod resend_otp;
pub mod sessions;
pub mod verify_otp;
pub mod view;
