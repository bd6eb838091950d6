//! Endpoints for operators and monitoring, and the fallback for unknown paths.

pub mod health;
pub mod not_found;
pub mod openapi;
