//! Which meals a student may eat: cycles and cuts of students, closures of the mess.

pub mod closure_create;
pub mod closure_delete;
pub mod closure_list;
pub mod closure_view;
pub mod cut_create;
pub mod cut_delete;
pub mod cut_list;
pub mod cycle_decide;
pub mod cycle_list;
pub mod cycle_reject;
pub mod cycle_statement;
pub mod cycle_upload;
pub mod cycle_upload_url;
pub mod cycle_verify;
mod cycle_view;
pub mod requested_days;
