//! Cycles, cuts, closures, codes, and the counter.

pub(super) mod cycles;
mod members;
