//! Thali's functions. Each Lambda is a five-line bin over this library.
//!
//! An endpoint is a file in its area with its request and answer types, its handler, and
//! a constant `ENDPOINT`, which is listed in [`ENDPOINTS`]. A queue's consumer is a file in
//! [`workers`] with a constant `CONSUMER`; what a schedule invokes is a file in [`jobs`]
//! with a constant `JOB`. To add an endpoint: the rule in `thali-domain`,
//! the store's method, the file here and its line below, the bin, the resource in
//! `template.yaml`, the sample in `events/`, a test. `tests/coverage.rs` names what was
//! forgotten.

pub mod accounts;
pub mod jobs;
pub mod meals;
pub mod ops;
pub mod orders;
pub mod owner;
pub mod payments;
mod repeats;
pub mod staff;
pub mod students;
pub mod tokens;
pub mod workers;

use thali_platform::http::Endpoint;
use thali_platform::worker::{Consumer, Job};

/// Every endpoint.
pub static ENDPOINTS: &[&Endpoint] = &[
    &accounts::register::ENDPOINT,
    &accounts::verify_otp::ENDPOINT,
    &accounts::resend_otp::ENDPOINT,
    &accounts::login::ENDPOINT,
    &accounts::refresh::ENDPOINT,
    &accounts::logout::ENDPOINT,
    &accounts::jwks::ENDPOINT,
    &accounts::password_reset::ENDPOINT,
    &accounts::password_reset_confirm::ENDPOINT,
    &accounts::profile_get::ENDPOINT,
    &accounts::profile_update::ENDPOINT,
    &accounts::profile_picture::ENDPOINT,
    &students::list::ENDPOINT,
    &students::approve::ENDPOINT,
    &students::reject::ENDPOINT,
    &students::block::ENDPOINT,
    &students::code_get::ENDPOINT,
    &students::code_reset::ENDPOINT,
    &students::register::ENDPOINT,
    &payments::create_order::ENDPOINT,
    &payments::verify_payment::ENDPOINT,
    &payments::razorpay_webhook::ENDPOINT,
    &payments::history::ENDPOINT,
    &payments::refund::ENDPOINT,
    &tokens::count::ENDPOINT,
    &tokens::data::ENDPOINT,
    &tokens::history::ENDPOINT,
    &tokens::submit::ENDPOINT,
    &tokens::submissions::ENDPOINT,
    &orders::create::ENDPOINT,
    &orders::list::ENDPOINT,
    &orders::get::ENDPOINT,
    &orders::cancel::ENDPOINT,
    &orders::collect::ENDPOINT,
    &orders::item_list::ENDPOINT,
    &orders::item_put::ENDPOINT,
    &orders::item_stock::ENDPOINT,
    &meals::cycle_upload_url::ENDPOINT,
    &meals::cycle_upload::ENDPOINT,
    &meals::cycle_list::ENDPOINT,
    &meals::cycle_verify::ENDPOINT,
    &meals::cycle_reject::ENDPOINT,
    &meals::cycle_statement::ENDPOINT,
    &owner::mess_get::ENDPOINT,
    &owner::mess_update::ENDPOINT,
    &owner::codes_rotate::ENDPOINT,
    &owner::invite_create::ENDPOINT,
    &staff::token_create::ENDPOINT,
    &staff::token_list::ENDPOINT,
    &staff::token_delete::ENDPOINT,
    &staff::scan::ENDPOINT,
    &staff::batch::ENDPOINT,
    &staff::undo::ENDPOINT,
    &staff::counts::ENDPOINT,
    &owner::notification_list::ENDPOINT,
    &owner::notification_read::ENDPOINT,
    &owner::headcount::ENDPOINT,
    &owner::scans_csv::ENDPOINT,
    &owner::dashboard::ENDPOINT,
    &owner::audit_list::ENDPOINT,
    &meals::cut_create::ENDPOINT,
    &meals::cut_list::ENDPOINT,
    &meals::cut_delete::ENDPOINT,
    &meals::closure_create::ENDPOINT,
    &meals::closure_list::ENDPOINT,
    &meals::closure_delete::ENDPOINT,
    &ops::health::ENDPOINT,
    &ops::openapi::ENDPOINT,
];

/// Every consumer of a queue.
pub static CONSUMERS: &[&Consumer] = &[
    &workers::mailer::CONSUMER,
    &workers::audit_writer::CONSUMER,
    &workers::refunder::CONSUMER,
    &workers::order_processor::CONSUMER,
    &workers::notifier::CONSUMER,
    &workers::announcer::CONSUMER,
];

/// Every job of a schedule.
pub static JOBS: &[&Job] =
    &[&jobs::reconcile_payments::JOB, &jobs::expire_tokens::JOB, &jobs::sweep_orders::JOB];
