//! Meal tokens: purchases, redeeming, and the history of each token.
//!
//! Payments and refunds of tokens are in [`crate::payments`]. Orders, which also redeem tokens,
//! are in [`crate::orders`].
//!
//! | file | its subject |
//! |---|---|
//! | [`purchases`] | purchases, and the tokens in them |
//! | [`redeeming`] | which tokens are redeemed, and the record of the redemption |
//! | [`history`] | the state of every token |
//! | [`tokens_left`] | a cacheable count of the tokens that are left |
//! | [`expiry`] | warnings before tokens expire |

pub mod expiry;
pub mod history;
pub mod purchases;
pub mod redeeming;
pub mod tokens_left;
