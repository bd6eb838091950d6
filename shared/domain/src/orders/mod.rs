//! The menu, and orders of its items, which students pay with tokens.
//!
//! Which tokens pay for an order is decided in [`crate::tokens`].
//!
//! | file | its subject |
//! |---|---|
//! | [`menu`] | items, their prices, and the stock in its shards |
//! | [`stock`] | how owners change items and their stock |
//! | [`limits`] | the maximum size of an order |
//! | [`basket`] | the items that a student requests, and the stock reserved for them |
//! | [`order`] | an order, and its states |

pub mod basket;
pub mod limits;
pub mod menu;
pub mod order;
pub mod stock;
