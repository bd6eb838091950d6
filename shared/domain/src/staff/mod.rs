//! The counter: scans, the plates that they are recorded in, and the devices that scan.
//!
//! The QR code itself is in [`crate::students`]. Which days are paid or cut is in
//! [`crate::meals`].
//!
//! | file | its subject |
//! |---|---|
//! | [`gate`] | what a scan must know of the mess: settings, QR keys, closures |
//! | [`scanning`] | who may eat: what is checked, and in which order |
//! | [`refusals`] | why a scan is refused |
//! | [`scan_ids`] | what a scan is known by |
//! | [`plates`] | a student's meal, and every scan about it |
//! | [`staff_tokens`] | how long the token of a device is valid |

pub mod gate;
pub mod plates;
pub mod refusals;
pub mod scan_ids;
pub mod scanning;
pub mod staff_tokens;
