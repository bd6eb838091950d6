//! Meal tokens: which there are, redeeming them, and what became of each.
//!
//! How tokens are paid for, and paid back, is in [`crate::payments`]. Orders, which also
//! redeem tokens, are in [`crate::orders`].
//!
//! | file | its subject |
//! |---|---|
//! | [`redeeming`] | purchases, the tokens in them, and which tokens are redeemed |
//! | [`history`] | what became of every token |
//! | [`tokens_left`] | how many tokens are left, while time passes |
//! | [`expiry`] | whom to warn before tokens expire |

pub mod expiry;
pub mod history;
pub mod redeeming;
pub mod tokens_left;
