//! What operators and monitors ask.

pub mod health;
pub mod not_found;
pub mod openapi;
