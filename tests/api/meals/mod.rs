//! Cycles, cuts, closures, codes, and the counter.

mod codes;
mod members;
