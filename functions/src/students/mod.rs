//! Students as the owner of their mess sees them.

pub mod approve;
pub mod block;
mod code;
pub mod code_get;
pub mod code_reset;
mod decide;
pub mod list;
pub mod register;
pub mod reject;
