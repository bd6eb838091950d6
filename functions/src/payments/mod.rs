//! Payments: buying tokens with Razorpay.

pub mod create_order;
pub mod history;
pub mod razorpay_webhook;
mod settle;
pub mod verify_payment;
pub mod view;
