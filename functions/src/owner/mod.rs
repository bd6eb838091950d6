//! What owners do: settings, invites, notifications, the key of codes, reports, the audit trail.

pub mod audit_list;
pub mod dashboard;
pub mod headcount;
pub mod invite_create;
pub mod mess_get;
pub mod mess_update;
pub mod notification_count;
pub mod notification_list;
pub mod notification_read;
pub mod notification_read_many;
mod notification_view;
pub mod qr_rotate;
mod report_days;
pub mod sales;
pub mod scans_csv;
mod scans_page;
