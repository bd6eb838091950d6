//! Thali's tests over HTTP, as one binary.
//!
//! | module | what it proves |
//! |---|---|
//! | [`api`] | every endpoint's rules, in process, on a real `DynamoDB` store and a real Redis |
//! | [`coverage`] | that endpoints, bins, template, samples and README agree |
//! | [`openapi`] | that the API's description is what is served, and what was reviewed |
//! | [`sandbox`] | that the partner sandbox speaks as the partner does |
//! | [`stack`] | the deployed template, over HTTP |
//! | [`support`] | what the others stand on |

mod api;
mod coverage;
mod openapi;
mod sandbox;
mod stack;
mod support;
