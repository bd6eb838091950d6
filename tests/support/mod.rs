//! What the tests stand on: [`TestApp`] runs the real handlers in process; [`people`]
//! makes its users, [`menu`] what they order; [`template`] reads `template.yaml`.

mod app;
mod call;
mod dynamo;
mod faults;
pub mod menu;
pub mod people;
mod redis_server;
mod samples;
pub mod shapes;
pub mod template;
mod together;

pub use app::{RAZORPAY_WEBHOOK_SECRET, TestApp};
pub use call::{Answer, Call};
pub use faults::closed_port;
pub use samples::Sample;
