//! The mess as its owner runs it.

pub mod codes_rotate;
pub mod invite_create;
pub mod mess_get;
pub mod mess_update;
