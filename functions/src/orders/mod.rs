//! The menu, and the orders of its items.

pub mod cached;
pub mod create;
pub mod get;
pub mod item_list;
pub mod item_put;
pub mod item_stock;
pub(crate) mod item_view;
pub(crate) mod returning;
pub mod view;
