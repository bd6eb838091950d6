//! The counter: staff tokens, scans, uploads of offline scans, undo, overrides, the roster, and live counts.

mod counts;
mod manual;
mod overrides;
mod past;
mod past_unknown;
mod races;
mod replays;
mod roster;
mod rush;
mod scans;
mod tokens;
mod undo;
mod untaken;
mod uploads;
