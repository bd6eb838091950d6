//! The counter: staff tokens, scans, uploads of offline scans, undo, and live counts.

mod counts;
mod past;
mod past_unknown;
mod races;
mod replays;
mod rush;
mod scans;
mod tokens;
mod undo;
mod untaken;
mod uploads;
