//! What only the owner of a mess sees or changes.
//!
//! What an owner decides about one student, payment or order is in the area of that thing.
//!
//! | file | its subject |
//! |---|---|
//! | [`settings`] | how the settings of a mess are changed, and within which bounds |
//! | [`notifications`] | what owners are told |
//! | [`headcount`] | how many are expected at a meal, and how many came |

pub mod headcount;
pub mod notifications;
pub mod settings;
