//! Cycles: what students pay for, what owners decide about it, and what became of its meals.

pub mod cycle_decide;
pub mod cycle_list;
pub mod cycle_reject;
pub mod cycle_statement;
pub mod cycle_upload;
pub mod cycle_upload_url;
pub mod cycle_verify;
mod cycle_view;
