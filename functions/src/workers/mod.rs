//! Functions that run after a write or an upload. After a write, the relay reads the tables'
//! change streams and fills queues, and consumers empty them; the evictor reads the streams too,
//! and removes outdated entries from the cache. After an upload, the picture is validated.

pub mod announcer;
pub mod audit_writer;
pub mod cache_evictor;
pub mod eraser;
pub mod mailer;
mod mails;
pub mod messages;
pub mod notifier;
pub mod order_processor;
pub mod picture_check;
pub mod refunder;
pub mod relay;
