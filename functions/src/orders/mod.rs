//! The menu and the orders of its items.

pub mod cached;
pub mod view;
