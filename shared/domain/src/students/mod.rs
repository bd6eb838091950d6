//! Students and their mess: approval, and the QR code that they show.
//!
//! A student's profile is in [`crate::accounts`]. What the counter knows about a student (paid
//! days, cuts) is in [`crate::meals`].
//!
//! | file | its subject |
//! |---|---|
//! | [`membership`] | an owner's decisions about a student |
//! | [`qr`] | the QR code: its content, and how it is signed and parsed |
//! | [`search`] | searching by name or roll number: what is typed, and the index |

pub mod membership;
pub mod qr;
pub mod search;
