//! The counter: staff tokens, and the scans of students' codes.

pub mod batch;
pub mod counts;
pub(crate) mod device;
pub(crate) mod judge;
pub mod overrule;
pub mod roster;
pub mod scan;
pub(crate) mod sent;
pub mod token_create;
pub mod token_delete;
pub mod token_list;
pub mod undo;
pub mod view;
