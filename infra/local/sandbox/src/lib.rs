//! The partner sandbox: what Thali's payment partner answers, served on loopback.
//!
//! It speaks the partners' own formats, so that the product needs nothing but another
//! base URL to run against it, and it has control calls that make happen what a real
//! partner does only now and then: a payment captured days late, a webhook delivered
//! twice or out of order, an answer that never comes.
//!
//! | path | what is there | file |
//! |---|---|---|
//! | `/health` | 200 while it runs | `server.rs` |
//! | `/razorpay/v1/…` | Razorpay's API: orders, payments, refunds | `razorpay/{orders,payments,refunds}.rs` |
//! | `/razorpay/checkout/{order_id}` | a page that pays or fails, for a browser | `razorpay/checkout.rs` |
//! | `/razorpay/sandbox/…` | control: pay, capture late, deliver webhooks again | `razorpay/control.rs` |
//! | `/{partner}/sandbox/faults` | control: the next answers fail | `faults.rs` |
//!
//! Webhooks are signed, recorded and retried in `razorpay/webhooks.rs`. Everything that
//! must survive a restart is in `store.rs`, one JSON file; `connection.rs` is what
//! lets a fault close a connection without an answer.
//!
//! Another partner is another module beside `razorpay`: a router that takes its
//! [`SandboxConfig`] part, nested under its name in `server.rs`, and a field in the
//! store's state. A partner that does not exist answers 404.
//!
//! Nothing here belongs to the product, and the product never depends on it.

mod connection;
mod faults;
mod razorpay;
mod server;
mod store;

pub use razorpay::{Delivery, EventName, RazorpayConfig, signature};
pub use server::{Sandbox, SandboxConfig};
