//! Features that only the owner of a mess uses.
//!
//! An owner's decision about a student, a payment or an order is in the area of that subject.
//!
//! | file | its subject |
//! |---|---|
//! | [`settings`] | how the settings of a mess are changed, and their bounds |
//! | [`notifications`] | notifications to owners |
//! | [`headcount`] | how many students are expected at a meal, and how many came |
//! | [`sales`] | sales of tokens by day |

pub mod headcount;
pub mod notifications;
pub mod sales;
pub mod settings;
