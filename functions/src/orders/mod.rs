//! The menu and the orders of its items.

pub mod view;
