//! Meals: when they are served, who has paid for them, and who has cut them.
//!
//! What happens at the counter when a meal is served is in [`crate::staff`].
//!
//! | file | its subject |
//! |---|---|
//! | [`meal_times`] | which day a meal belongs to, when it is served, until when it can be cut |
//! | [`cycles`] | the days that a student pays for |
//! | [`rupees`], [`screenshots`] | what was paid for a cycle, and what shows it |
//! | [`cuts`] | the meals that a student does not take |
//! | [`closures`] | the days on which the mess is closed |
//! | [`entitlement`] | what the mess knows of a student at the counter |
//! | [`statement`] | what became of the meals of a cycle |

pub mod closures;
pub mod cuts;
pub mod cycles;
pub mod entitlement;
pub mod meal_times;
pub mod rupees;
pub mod screenshots;
pub mod statement;
