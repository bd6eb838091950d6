//! Payments with the partner (Razorpay) for tokens: capturing them and refunding them.
//!
//! A cycle is paid outside Thali and only a screenshot is uploaded: see
//! [`crate::meals::cycles`]. The partner's API is not here.
//!
//! | file | its subject |
//! |---|---|
//! | [`settlement`] | when a payment pays for a purchase, and when the partner is asked for payments |
//! | [`refunds`] | unredeemed tokens that are given back for money |

pub mod refunds;
pub mod settlement;
