//! Students as the mess and the counter know them.
//!
//! | file | what it stores |
//! |---|---|
//! | `directory` | the list of students, and an owner's decision about one |
//! | `members` | what the counter knows of a student |
//! | `qr_codes` | a student's new QR code, and a mess's new key |

pub(super) mod directory;
pub(super) mod members;
pub(super) mod qr_codes;
