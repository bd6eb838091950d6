//! The rules of every endpoint. Each rule is tested with its refusal, its replay and its race.

mod accounts;
mod cache;
mod contention;
mod costs;
mod http;
mod meals;
mod orders;
mod owner;
mod payments;
mod security;
mod staff;
mod story;
mod students;
mod tokens;
mod workers;
