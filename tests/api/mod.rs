//! Every endpoint's rules: each has its refusal, its replay and its race.

mod accounts;
mod contention;
mod http;
mod payments;
mod story;
mod tokens;
mod workers;
