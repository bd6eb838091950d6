//! Every endpoint's rules: each has its refusal, its replay and its race.

mod story;
