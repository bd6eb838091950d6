//! The counter: scans, the plates that record them, and the scanning devices.
//!
//! The QR code itself is in [`crate::students`]. Which days are paid or cut is in
//! [`crate::meals`].
//!
//! | file | its subject |
//! |---|---|
//! | [`gate`] | what a scan must know about the mess: settings, QR keys, closures |
//! | [`sent`] | what a device sends of a scan |
//! | [`scanning`] | who may eat: the checks, and their order |
//! | [`refusals`] | why a scan is refused |
//! | [`scan_ids`] | a scan's id, and its key within the plate |
//! | [`latest`] | the latest scans of a meal |
//! | [`overrides`] | admitting a student in spite of a refusal |
//! | [`plates`] | a student's meal, and every scan about it |
//! | [`roster`] | what a device must know to judge scans while it is offline |
//! | [`staff_tokens`] | how long a device's token is valid |

pub mod gate;
pub mod latest;
pub mod overrides;
pub mod plates;
pub mod refusals;
pub mod roster;
pub mod scan_ids;
pub mod scanning;
pub mod sent;
pub mod staff_tokens;
