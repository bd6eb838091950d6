//! The mess as its owner runs it.

pub mod mess_get;
