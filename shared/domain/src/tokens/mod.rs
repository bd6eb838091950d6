//! Meal tokens: which there are, redeeming them, and what became of each.
//!
//! How tokens are paid for, and paid back, is in [`crate::payments`]. Orders, which also
//! redeem tokens, are in [`crate::orders`].
//!
//! | file | its subject |
//! |---|---|
//! | [`purchases`] | purchases, and the tokens in them |
//! | [`redeeming`] | which tokens are redeemed, and the record of that |
//! | [`history`] | what became of every token |
//! | [`tokens_left`] | how many tokens are left, while time passes |
//! | [`expiry`] | whom to warn before tokens expire |

pub mod expiry;
pub mod history;
pub mod purchases;
pub mod redeeming;
pub mod tokens_left;
