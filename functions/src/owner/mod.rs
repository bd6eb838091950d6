//! The mess as its owner runs it.

pub mod invite_create;
pub mod mess_get;
pub mod mess_update;
