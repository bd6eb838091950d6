//! The menu, and the orders of its items.

pub mod cached;
pub mod create;
pub mod get;
pub(crate) mod returning;
pub mod view;
