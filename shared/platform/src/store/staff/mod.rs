//! The counter: scans, and the devices that scan.
//!
//! | file | what it stores |
//! |---|---|
//! | `plates` | plates with all scans of a student's meal |
//! | `staff_tokens` | tokens of devices |

pub(super) mod plates;
pub(super) mod staff_tokens;
