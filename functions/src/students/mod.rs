//! Students: registration, the owner's decisions about them, and their QR codes.

pub mod approve;
pub mod block;
mod decide;
pub mod import_check;
pub mod list;
pub mod purchases;
mod qr;
pub mod qr_get;
pub mod qr_reset;
pub mod register;
pub mod reject;
pub mod search;
