//! HTTP: the declaration of endpoints, and the request pipeline from the gateway to the
//! handler and back.
//!
//! An endpoint is a constant [`Endpoint`]: its function's name, method and paths, who may
//! call it ([`Access`]), how often ([`Rate`]), and its handler. [`dispatch`] enforces all
//! of that before the handler runs.
//!
//! | file | its subject |
//! |---|---|
//! | `endpoint` | the declaration of an endpoint; handlers |
//! | `access` | who may call |
//! | `caller` | the caller: a session, a staff token, or anonymous |
//! | `rate`, `rate_limit` | the rate limits; how they are enforced |
//! | `docs` | an endpoint's part of the OpenAPI document |
//! | `route` | finding the endpoint of a path |
//! | `serve` | the request pipeline: rate, session, handler, response, log line |
//! | `source` | the network from which a request comes |
//! | `staff_token` | verifying a staff token |
//! | `request`, `json`, `page` | a request, its JSON body, and the requested page of a list |
//! | `response` | a handler's response |
//! | `transfer` | how large responses travel: tags of their content, and compression |
//! | `problem`, `codes` | a refusal as the client sees it, and the codes of all refusals |
//! | `rules` | the names of the rules that fields break |
//!
//! The mapping from errors of the rules, the store or a partner to refusals is in
//! [`crate::problems`].

mod access;
mod caller;
mod codes;
mod docs;
mod endpoint;
mod json;
mod page;
mod problem;
mod rate;
mod rate_limit;
mod request;
mod response;
mod route;
mod rules;
mod serve;
mod source;
mod staff_token;
mod transfer;

pub use self::access::Access;
pub use self::caller::{Caller, Session, StaffToken};
pub use self::codes::CODES;
pub use self::docs::{Answers, Docs, QueryParameter, ResponseBody, SchemaOf, Schemas, schema};
pub use self::endpoint::{Endpoint, Handler, HandlerFuture};
pub use self::json::{Members, one_of, parse as parse_json};
pub use self::page::{CURSOR, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Page};
pub use self::problem::{FieldError, Problem};
pub use self::rate::{
    RATE_ACCOUNT, RATE_CODE, RATE_LOGIN, RATE_PUBLIC, RATE_REGISTRATION, RATE_SEARCH, RATE_SIGN_UP,
    RATE_STAFF_TOKEN, RATE_SUBMISSION, RATES, REQUESTS_MAX, Rate, Unfinished,
};
pub use self::rate_limit::give_back_finished;
pub use self::request::Request;
pub use self::response::Response;
pub use self::route::{DEFAULT_ROUTE, route};
pub use self::rules::{Broken, RULES};
pub use self::serve::dispatch;
