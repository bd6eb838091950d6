//! What follows a write: the relay reads the tables' change streams and fills queues,
//! consumers empty them.

pub mod audit_writer;
pub mod mailer;
mod mails;
pub mod messages;
pub mod refunder;
pub mod relay;
