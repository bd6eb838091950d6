//! Every endpoint's rules: each has its refusal, its replay and its race.

mod accounts;
mod contention;
mod http;
mod payments;
mod security;
mod story;
mod tokens;
mod workers;
