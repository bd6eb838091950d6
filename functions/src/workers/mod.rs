//! What follows a write: the relay reads the tables' change streams and fills queues,
//! consumers empty them; the evictor reads the streams too, and takes out of the cache what
//! has changed. And what follows an upload: a look at what was uploaded.

pub mod announcer;
pub mod audit_writer;
pub mod cache_evictor;
pub mod mailer;
mod mails;
pub mod messages;
pub mod notifier;
pub mod order_processor;
pub mod picture_check;
pub mod refunder;
pub mod relay;
