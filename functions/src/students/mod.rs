//! Students as the owner of their mess sees them.

pub mod approve;
pub mod block;
mod decide;
pub mod list;
pub mod register;
pub mod reject;
