//! The menu and the orders of its items.

mod items;
mod stock;
mod stock_races;
