//! The menu, and orders of its items, which are paid with tokens.
//!
//! Which tokens pay for an order is decided in [`crate::tokens`].
//!
//! | file | its subject |
//! |---|---|
//! | [`menu`] | items, their prices, and the stock in its shards |
//! | [`stock`] | what owners do with items and their stock |
//! | [`limits`] | how large an order can be |
//! | [`basket`] | what a student asks for, and what is reserved for it |
//! | [`order`] | an order, and what becomes of it |

pub mod basket;
pub mod limits;
pub mod menu;
pub mod order;
pub mod stock;
