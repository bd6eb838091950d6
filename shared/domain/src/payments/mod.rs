//! Payments for tokens through Razorpay ("the partner"): capturing and refunding them.
//!
//! A student pays for a cycle outside Thali and uploads only a screenshot, see
//! [`crate::meals::cycles`]. The client of Razorpay's API is not here.
//!
//! | file | its subject |
//! |---|---|
//! | [`settlement`] | when a payment pays for a purchase; querying Razorpay for payments |
//! | [`mismatches`] | payments that were taken and pay for nothing |
//! | [`refunds`] | refunds of unredeemed tokens |

pub mod mismatches;
pub mod refunds;
pub mod settlement;
