//! What is eaten and what is not: cuts of students, closures of the mess.

pub mod closure_create;
pub mod closure_delete;
pub mod closure_list;
pub mod closure_view;
pub mod cut_create;
pub mod cut_delete;
pub mod cut_list;
pub mod days_asked;
