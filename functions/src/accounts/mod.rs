//! Accounts: sign-up, login, sessions, forgotten passwords, profiles.

mod current_password;
pub mod jwks;
pub mod login;
pub mod logout;
pub mod password_reset;
pub mod password_reset_confirm;
mod pending;
pub mod phones;
pub mod profile_get;
pub mod profile_picture;
pub mod profile_update;
pub mod refresh;
pub mod register;
pub mod resend_otp;
pub mod sessions;
pub mod verify_otp;
pub mod view;
