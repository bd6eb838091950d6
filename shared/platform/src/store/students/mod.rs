//! Students: the owner's list of them, and their data for scans.
//!
//! | file | what it stores |
//! |---|---|
//! | `directory` | the list of students, and an owner's decision about a student |
//! | `holders` | who has the numbers and addresses of a list |
//! | `members` | members: the data of each student for scans |
//! | `qr_codes` | resetting a student's QR code, and rotating a mess's key |
//! | `search` | the index of names, and the record of each look-up |

pub(super) mod directory;
pub(super) mod holders;
pub(super) mod members;
pub(super) mod qr_codes;
pub(super) mod search;
