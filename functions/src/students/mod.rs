//! Students as the owner of their mess sees them.

pub mod approve;
pub mod block;
mod decide;
pub mod list;
mod qr;
pub mod qr_get;
pub mod qr_reset;
pub mod register;
pub mod reject;
