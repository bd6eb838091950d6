//! The menu and the orders of its items.

pub mod item_list;
pub mod item_put;
pub mod item_stock;
pub mod item_view;
pub mod view;
