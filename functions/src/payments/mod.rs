//! Payments: buying tokens with Razorpay, and refunds.

pub mod accept;
pub mod create_order;
pub mod history;
pub mod razorpay_webhook;
pub mod refund;
pub mod refunding;
pub mod settle;
pub mod verify_payment;
pub mod view;
