//! Accounts: sign-up, login, sessions, forgotten passwords, profiles.

pub mod account_delete;
mod current_password;
mod devices;
pub mod email_change;
pub mod email_change_confirm;
pub mod jwks;
pub mod login;
pub mod logout;
mod own_account;
pub mod password_change;
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
pub mod session_delete;
pub mod session_delete_others;
pub mod session_list;
pub mod sessions;
mod tries;
pub mod verify_otp;
pub mod view;
