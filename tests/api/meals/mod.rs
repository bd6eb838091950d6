//! Cycles, cuts, closures, codes, and the counter.

mod members;
