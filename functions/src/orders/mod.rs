//! The menu, and the orders of its items.

pub mod cached;
pub mod cancel;
pub mod collect;
pub mod get;
pub mod item_list;
pub mod item_put;
pub mod item_stock;
pub(crate) mod item_view;
pub mod list;
pub mod place;
pub mod ready;
pub(crate) mod returning;
pub mod view;
