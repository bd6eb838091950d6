//! Helpers of the tests: [`TestApp`] runs the real handlers in process; [`people`] makes its
//! users, [`menu`] the items that they order, [`mess`] what the counter knows of them; [`template`]
//! reads `template.yaml`.

mod app;
mod call;
mod conflicts;
mod counter;
mod crowd;
mod dice;
mod dynamo;
mod faults;
mod killer;
mod lost_answers;
pub mod menu;
pub mod mess;
mod meter;
mod orders;
pub mod people;
pub mod pictures;
pub mod postman;
mod redis_server;
mod samples;
pub mod shapes;
pub mod template;
mod together;

pub use app::{QR_KEY, RAZORPAY_WEBHOOK_SECRET, TestApp};
pub use call::{Answer, Call};
pub use counter::{Device, verdict};
pub use dice::Dice;
pub use dynamo::STACK;
pub use faults::{closed_port, unreachable_queues};
pub use killer::Death;
pub use meter::{Cost, Units};
pub use redis_server::RedisServer;
pub use samples::Sample;
