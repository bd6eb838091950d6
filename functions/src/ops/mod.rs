//! Endpoints for operators and monitoring, the web app, and the fallback for unknown paths.

pub mod health;
pub mod not_found;
pub mod openapi;
pub mod web;
