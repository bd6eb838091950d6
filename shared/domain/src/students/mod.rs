//! Students as the mess knows them: approval, and the QR code that they show.
//!
//! A student's profile is in [`crate::accounts`]. What the counter must know of a student
//! (paid days, cuts) is in [`crate::meals`].
//!
//! | file | its subject |
//! |---|---|
//! | [`membership`] | what an owner decides about a student |
//! | [`qr`] | the QR code: what it holds, and how it is signed and read |

pub mod membership;
pub mod qr;
