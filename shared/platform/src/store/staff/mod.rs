//! The counter: scans and the devices that scan.
//!
//! | file | what it stores |
//! |---|---|
//! | `plates` | plates, with every scan about a meal of a student |
//! | `staff_tokens` | tokens of devices |

pub(super) mod plates;
pub(super) mod staff_tokens;
