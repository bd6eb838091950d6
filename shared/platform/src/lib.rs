//! Everything in Thali that does I/O: the layer that the functions are built on.
//!
//! | module | what lives there |
//! |---|---|
//! | [`app`] | [`app::App`]: the clients and keys that one function's process holds |
//! | [`lambda`] | the kinds of functions, finding a function by its name, and running it |
//! | [`config`] | the environment variables, typed and checked at start |
//! | [`aws`] | the AWS SDK's credentials, region and time limits |
//! | [`http`] | endpoints, requests, problems with their codes, and the server that enforces [`http::Access`] |
//! | [`problems`] | the mapping from errors to HTTP problems |
//! | [`auth`] | access and refresh tokens, password and code hashing |
//! | [`store`] | DynamoDB; its keys are built in [`store::keys`] alone |
//! | [`cache`] | Redis: the state of sessions, rate limits, values that were read recently |
//! | [`queue`], [`worker`] | SQS messages out and in |
//! | [`mail`] | sending mail |
//! | [`blobs`], [`pictures`] | S3: signed URLs and the uploaded objects; cleaning pictures |
//! | [`razorpay`] | the payment provider's API and signatures |
//! | [`clock`], [`telemetry`], [`metrics`] | time and fresh identifiers; logs; metrics of jobs |
//!
//! Business rules are not here: they are in `thali-domain`.

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
pub mod metrics;
pub mod pictures;
pub mod problems;
pub mod queue;
pub mod razorpay;
pub mod store;
pub mod telemetry;
pub mod worker;
