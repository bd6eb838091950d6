//! The counter: staff tokens, scans, uploads, taking back, counts.

mod counts;
mod races;
mod replays;
mod rush;
mod scans;
mod tokens;
mod undo;
mod uploads;
