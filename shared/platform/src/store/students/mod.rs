//! Students: the owner's list of them, and their data for scans.
//!
//! | file | what it stores |
//! |---|---|
//! | `directory` | the list of students, and an owner's decision about a student |
//! | `members` | members: the data of each student for scans |
//! | `qr_codes` | resetting a student's QR code, and rotating a mess's key |

pub(super) mod directory;
pub(super) mod members;
pub(super) mod qr_codes;
