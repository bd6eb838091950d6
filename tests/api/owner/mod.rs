//! The mess as its owner runs it: its settings and its invites.

mod invites;
mod mess;
