//! What the owner of a mess reads or changes.
//!
//! | file | what it stores |
//! |---|---|
//! | `messes` | messes and their settings |
//! | `notifications` | notifications |
//! | `reports` | counts for reports |
//! | `sales` | paid purchases by time |
//! | `audit` | the audit trail |
//! | `people` | names of those who act |

pub(super) mod audit;
pub(super) mod messes;
pub(super) mod notifications;
pub(super) mod people;
pub(super) mod reports;
mod sales;
