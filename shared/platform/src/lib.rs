//! Everything in Thali that does I/O, and what the functions stand on.
//!
//! | module | what lives there |
//! |---|---|
//! | [`app`] | [`app::App`]: the clients and keys that one function's process holds |
//! | [`lambda`] | what a function is, how one is chosen by its name, and how it is run |
//! | [`config`] | the environment variables, typed and checked at start |
//! | [`aws`] | the AWS SDK's credentials, region and time limits |
//! | [`http`] | endpoints, requests, problems with their codes, and the server that enforces [`http::Access`] |
//! | [`problems`] | which HTTP problem follows from which error |
//! | [`auth`] | access and refresh tokens, password and code hashing |
//! | [`store`] | DynamoDB; its keys are built in [`store::keys`] alone |
//! | [`cache`] | Redis: sessions known to live or to have ended, rate limits, what was just read |
//! | [`queue`], [`worker`] | SQS messages out and in |
//! | [`mail`] | sending mail |
//! | [`blobs`] | S3: signed addresses, and what was uploaded to them |
//! | [`razorpay`] | the payment partner's API and signatures |
//! | [`clock`], [`telemetry`] | time and fresh identifiers; logs |
//!
//! Rules are not here: they are in `thali-domain`.

pub mod app;
pub mod auth;
pub mod aws;
pub mod blobs;
pub mod cache;
pub mod clock;
pub mod config;
pub mod http;
pub mod lambda;
pub mod mail;
pub mod problems;
pub mod queue;
pub mod razorpay;
pub mod store;
pub mod telemetry;
pub mod worker;
