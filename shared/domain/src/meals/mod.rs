//! Meals: when they are served, who has paid for them, and who has cut them.
//!
//! Scanning at the counter is in [`crate::staff`].
//!
//! | file | its subject |
//! |---|---|
//! | [`meal_times`] | which day a meal belongs to, when it is served, until when it can be cut |
//! | [`cycles`] | the days that a student pays for |
//! | [`rupees`], [`screenshots`] | the amount paid for a cycle, and the proof of payment |
//! | [`cuts`] | the meals that a student cuts |
//! | [`closures`] | the days on which the mess is closed |
//! | [`entitlement`] | what the counter knows about a student |
//! | [`statement`] | the result of each meal in a cycle |

pub mod closures;
pub mod cuts;
pub mod cycles;
pub mod entitlement;
pub mod meal_times;
pub mod rupees;
pub mod screenshots;
pub mod statement;
