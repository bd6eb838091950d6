//! Thali's functions: one binary, in which [`FUNCTIONS`] lists every function.
//!
//! An endpoint is a file in its area with its request and response types, its handler, and
//! a static `ENDPOINT`. A function that a queue, a stream or the bucket invokes is a file in
//! [`workers`]; one that a schedule invokes is a file in [`jobs`]. A new endpoint needs a
//! rule in `thali-domain`, a method of the store, a file here and its line below, a
//! resource in `template.yaml`, a sample in `events/`, and a test. `tests/coverage.rs` names
//! what is missing.

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
use thali_platform::lambda::Function::{
    self, Consumer, Endpoint as Http, Job, StreamReader, UploadCheck,
};

pub static FUNCTIONS: &[Function] = &[
    Http(&accounts::register::ENDPOINT),
    Http(&accounts::verify_otp::ENDPOINT),
    Http(&accounts::resend_otp::ENDPOINT),
    Http(&accounts::login::ENDPOINT),
    Http(&accounts::refresh::ENDPOINT),
    Http(&accounts::logout::ENDPOINT),
    Http(&accounts::session_list::ENDPOINT),
    Http(&accounts::session_delete::ENDPOINT),
    Http(&accounts::session_delete_others::ENDPOINT),
    Http(&accounts::jwks::ENDPOINT),
    Http(&accounts::password_reset::ENDPOINT),
    Http(&accounts::password_reset_confirm::ENDPOINT),
    Http(&accounts::password_change::ENDPOINT),
    Http(&accounts::email_change::ENDPOINT),
    Http(&accounts::email_change_confirm::ENDPOINT),
    Http(&accounts::account_delete::ENDPOINT),
    Http(&accounts::profile_get::ENDPOINT),
    Http(&accounts::profile_update::ENDPOINT),
    Http(&accounts::profile_picture::ENDPOINT),
    Http(&students::list::ENDPOINT),
    Http(&students::search::ENDPOINT),
    Http(&students::purchases::ENDPOINT),
    Http(&students::approve::ENDPOINT),
    Http(&students::reject::ENDPOINT),
    Http(&students::block::ENDPOINT),
    Http(&students::qr_get::ENDPOINT),
    Http(&students::qr_reset::ENDPOINT),
    Http(&students::import_check::ENDPOINT),
    Http(&students::register::ENDPOINT),
    Http(&payments::create_order::ENDPOINT),
    Http(&payments::verify_payment::ENDPOINT),
    Http(&payments::razorpay_webhook::ENDPOINT),
    Http(&payments::history::ENDPOINT),
    Http(&payments::refund::ENDPOINT),
    Http(&payments::accept::ENDPOINT),
    Http(&tokens::count::ENDPOINT),
    Http(&tokens::data::ENDPOINT),
    Http(&tokens::history::ENDPOINT),
    Http(&tokens::submit::ENDPOINT),
    Http(&tokens::submissions::ENDPOINT),
    Http(&orders::place::ENDPOINT),
    Http(&orders::list::ENDPOINT),
    Http(&orders::ready::ENDPOINT),
    Http(&orders::get::ENDPOINT),
    Http(&orders::cancel::ENDPOINT),
    Http(&orders::collect::ENDPOINT),
    Http(&orders::item_list::ENDPOINT),
    Http(&orders::item_put::ENDPOINT),
    Http(&orders::item_stock::ENDPOINT),
    Http(&meals::cycle_upload_url::ENDPOINT),
    Http(&meals::cycle_upload::ENDPOINT),
    Http(&meals::cycle_list::ENDPOINT),
    Http(&meals::cycle_verify::ENDPOINT),
    Http(&meals::cycle_reject::ENDPOINT),
    Http(&meals::cycle_statement::ENDPOINT),
    Http(&owner::mess_get::ENDPOINT),
    Http(&owner::mess_update::ENDPOINT),
    Http(&owner::qr_rotate::ENDPOINT),
    Http(&owner::invite_create::ENDPOINT),
    Http(&staff::token_create::ENDPOINT),
    Http(&staff::token_list::ENDPOINT),
    Http(&staff::token_delete::ENDPOINT),
    Http(&staff::scan::ENDPOINT),
    Http(&staff::batch::ENDPOINT),
    Http(&staff::undo::ENDPOINT),
    Http(&staff::overrule::ENDPOINT),
    Http(&staff::counts::ENDPOINT),
    Http(&staff::roster::ENDPOINT),
    Http(&owner::notification_list::ENDPOINT),
    Http(&owner::notification_read::ENDPOINT),
    Http(&owner::notification_read_many::ENDPOINT),
    Http(&owner::notification_count::ENDPOINT),
    Http(&owner::headcount::ENDPOINT),
    Http(&owner::sales::ENDPOINT),
    Http(&owner::scans_csv::ENDPOINT),
    Http(&owner::dashboard::ENDPOINT),
    Http(&owner::audit_list::ENDPOINT),
    Http(&meals::cut_create::ENDPOINT),
    Http(&meals::cut_list::ENDPOINT),
    Http(&meals::cut_delete::ENDPOINT),
    Http(&meals::closure_create::ENDPOINT),
    Http(&meals::closure_list::ENDPOINT),
    Http(&meals::closure_delete::ENDPOINT),
    Http(&ops::health::ENDPOINT),
    Http(&ops::openapi::ENDPOINT),
    Http(&ops::web::ENDPOINT),
    Http(&ops::not_found::ENDPOINT),
    Consumer(&workers::mailer::CONSUMER),
    Consumer(&workers::audit_writer::CONSUMER),
    Consumer(&workers::refunder::CONSUMER),
    Consumer(&workers::order_processor::CONSUMER),
    Consumer(&workers::notifier::CONSUMER),
    Consumer(&workers::announcer::CONSUMER),
    StreamReader(&workers::relay::READER),
    StreamReader(&workers::cache_evictor::READER),
    UploadCheck(&workers::picture_check::CHECK),
    Job(&jobs::reconcile_payments::JOB),
    Job(&jobs::expire_tokens::JOB),
    Job(&jobs::sweep_orders::JOB),
];

/// Every endpoint of the API: those with a path of their own, so without `not-found`, and
/// without the pages of the web app.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    FUNCTIONS.iter().filter_map(Function::endpoint).filter(|it| it.is_routed() && !it.docs.pages)
}
