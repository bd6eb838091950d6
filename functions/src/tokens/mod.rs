//! A student's tokens: their count, lists and history, and redeeming them.

pub mod count;
pub mod counted;
pub mod data;
pub mod history;
pub(crate) mod security_code;
pub mod submissions;
pub mod submit;
pub mod view;
