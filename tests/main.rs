//! The tests of Thali's API, repository and deployed stack, as one binary.
//!
//! | module | what it proves |
//! |---|---|
//! | [`api`] | every endpoint's rules, in process, on a real `DynamoDB` store and a real Redis |
//! | [`coverage`] | that the registry, the template, samples and docs agree |
//! | [`openapi`] | that the API's description is what is served, and what was reviewed |
//! | [`fuzz`] | that no bytes make the parser of students' codes panic or accept a forgery |
//! | [`keys`] | that no two things share a key, whatever is in their names |
//! | [`sandbox`] | that the sandbox behaves as Razorpay does |
//! | [`stack`] | the deployed template, over HTTP |
//! | [`support`] | helpers for the other modules |

mod api;
mod coverage;
mod fuzz;
mod keys;
mod openapi;
mod sandbox;
mod stack;
mod support;
