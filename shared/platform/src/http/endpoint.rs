//! The declaration of an endpoint: its function's name, its method and paths, who may call it,
//! how often, the configuration that it needs, and its requests and responses.

use std::pin::Pin;

use http::Method;
use thali_domain::accounts::identity::Role;

use super::access::Access;
use super::caller::Caller;
use super::docs::{Answers, Docs, QueryParameter, ResponseBody, SchemaOf};
use super::problem::Problem;
use super::rate::{RATE_ACCOUNT, RATE_PUBLIC, Rate};
use super::request::{BODY_BYTES_MAX, Request};
use super::response::Response;
use crate::app::App;
use crate::config::Part;

/// The future that a handler returns.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send + 'a>>;

/// A handler has only the essential steps: load, decide, commit, respond.
pub type Handler = for<'a> fn(&'a App, &'a Caller, &'a Request) -> HandlerFuture<'a>;

/// Makes a [`Handler`] from an `async fn(&App, &Caller, &Request) -> Result<Response, Problem>`.
#[macro_export]
macro_rules! handler {
    ($handle:path) => {
        |app, caller, request| Box::pin($handle(app, caller, request))
    };
}

/// One endpoint, and the function that serves it.
pub struct Endpoint {
    /// The function's name, which its `Handler`, its resource and its sample event share.
    pub name: &'static str,
    pub method: Method,
    /// The path, and its aliases. A part in braces is a parameter.
    pub paths: &'static [&'static str],
    pub access: Access,
    pub rate: Rate,
    /// The parts that the endpoint needs besides those that [`Endpoint::all_parts`] adds.
    pub parts: &'static [Part],
    pub handler: Handler,
    /// The largest body that is accepted.
    pub body_bytes_max: usize,
    pub docs: Docs,
}

impl Endpoint {
    #[must_use]
    pub const fn get(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::GET, name, paths, access, handler)
    }

    #[must_use]
    pub const fn post(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::POST, name, paths, access, handler)
    }

    #[must_use]
    pub const fn put(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::PUT, name, paths, access, handler)
    }

    #[must_use]
    pub const fn patch(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::PATCH, name, paths, access, handler)
    }

    #[must_use]
    pub const fn delete(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::DELETE, name, paths, access, handler)
    }

    const fn new(
        method: Method,
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        let rate = match access {
            Access::Public | Access::AnyOrCookie | Access::PublicOrOwner => RATE_PUBLIC,
            Access::Partner => Rate::Unlimited,
            _ => RATE_ACCOUNT,
        };
        let (parts, docs): (&[Part], _) = (&[], Docs::NONE);
        let body_bytes_max = BODY_BYTES_MAX;
        Self { name, method, paths, access, rate, parts, handler, body_bytes_max, docs }
    }

    /// Says what the endpoint does, in a few words.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.docs.summary = summary;
        self
    }

    /// Sets an `operationId` other than the function's name. Clients that are generated from
    /// the OpenAPI document name their methods after it, so it must survive a renaming of the
    /// function.
    #[must_use]
    pub const fn operation_id(mut self, id: &'static str) -> Self {
        self.docs.operation_id = Some(id);
        self
    }

    /// Declares the JSON body of the request.
    #[must_use]
    pub const fn takes(mut self, body: SchemaOf) -> Self {
        self.docs.body = Some(body);
        self
    }

    /// Declares an optional JSON body of the request.
    #[must_use]
    pub const fn takes_optional(mut self, body: SchemaOf) -> Self {
        self.docs.body_may_be_absent = true;
        self.takes(body)
    }

    /// Accepts a body of up to this many bytes, for a file. Lambda takes at most 6 MB.
    #[must_use]
    pub const fn takes_up_to(mut self, bytes_max: usize) -> Self {
        self.body_bytes_max = bytes_max;
        self
    }

    /// Declares a response with a JSON body.
    #[must_use]
    pub const fn answers(self, status: u16, body: SchemaOf) -> Self {
        self.answers_with(Answers { status, body: ResponseBody::One(body) })
    }

    /// Declares a response without a body.
    #[must_use]
    pub const fn answers_nothing(self, status: u16) -> Self {
        self.answers_with(Answers { status, body: ResponseBody::Empty })
    }

    /// Declares a page of a list as the response; the request takes `limit` and `cursor`.
    #[must_use]
    pub const fn answers_page(self, item: SchemaOf) -> Self {
        self.answers_with(Answers { status: 200, body: ResponseBody::PageOf(item) })
    }

    /// Declares a file of one of these content types as the response.
    #[must_use]
    pub const fn answers_file(self, content_types: &'static [&'static str]) -> Self {
        self.answers_with(Answers { status: 200, body: ResponseBody::File(content_types, None) })
    }

    /// Declares a JSON body as the response or, if the client asks for it, a file of one of
    /// these content types.
    #[must_use]
    pub const fn answers_or_file(
        self,
        body: SchemaOf,
        content_types: &'static [&'static str],
    ) -> Self {
        let body = ResponseBody::File(content_types, Some(body));
        self.answers_with(Answers { status: 200, body })
    }

    const fn answers_with(mut self, answer: Answers) -> Self {
        // Endpoints are statics, so this runs at compile time: a third answer does not compile.
        let place = match self.docs.answers {
            [None, _] => 0,
            [_, None] => 1,
            [Some(_), Some(_)] => panic!("an endpoint declares at most two answers"),
        };
        self.docs.answers[place] = Some(answer);
        self
    }

    /// Declares the codes of the endpoint's own refusals, see [`Docs::refusals`].
    #[must_use]
    pub const fn refuses(mut self, codes: &'static [&'static str]) -> Self {
        self.docs.refusals = codes;
        self
    }

    /// Declares query parameters.
    #[must_use]
    pub const fn query(mut self, parameters: &'static [QueryParameter]) -> Self {
        self.docs.query = parameters;
        self
    }

    /// Makes these of the query parameters required.
    #[must_use]
    pub const fn needs_query(mut self, names: &'static [&'static str]) -> Self {
        self.docs.needed_query = names;
        self
    }

    /// Declares that the endpoint takes an `Idempotency-Key`.
    #[must_use]
    pub const fn replays(mut self) -> Self {
        self.docs.replays = true;
        self
    }

    /// Declares that the endpoint serves pages for people, and is no part of the API.
    #[must_use]
    pub const fn pages(mut self) -> Self {
        self.docs.pages = true;
        self
    }

    /// Declares that the endpoint takes the refresh cookie.
    #[must_use]
    pub const fn takes_cookie(mut self) -> Self {
        self.docs.takes_cookie = true;
        self
    }

    /// Declares that the response sets or clears the refresh cookie.
    #[must_use]
    pub const fn sets_cookie(mut self) -> Self {
        self.docs.sets_cookie = true;
        self
    }

    /// Declares that the endpoint takes the device cookie.
    #[must_use]
    pub const fn takes_device(mut self) -> Self {
        self.docs.takes_device = true;
        self
    }

    /// Declares that the response sets the device cookie.
    #[must_use]
    pub const fn sets_device(mut self) -> Self {
        self.docs.sets_device = true;
        self
    }

    /// Declares that the response says in `X-Cache` whether it came from Redis.
    #[must_use]
    pub const fn tells_cache(mut self) -> Self {
        self.docs.tells_cache = true;
        self
    }

    /// Declares that the response has an `ETag`, and that a client which has it already is answered
    /// with 304 and no body.
    #[must_use]
    pub const fn tells_changes(mut self) -> Self {
        self.docs.tells_changes = true;
        self.answers_nothing(304)
    }

    /// Declares that the body is the payment provider's JSON, signed in this header. The usual
    /// refusals of a body do not apply: a body without a valid signature is never parsed.
    #[must_use]
    pub const fn signed(mut self, header: &'static str) -> Self {
        self.docs.signature_header = Some(header);
        self
    }

    /// The codes of all possible refusals: the endpoint's own, and those that follow from its
    /// declaration.
    #[must_use]
    pub fn refusal_codes(&self) -> Vec<&'static str> {
        let mut codes = vec!["body_too_large", "internal", "database_unavailable", "busy"];
        if self.rate != Rate::Unlimited {
            codes.push("rate_limited");
        }
        if self.access.takes_session() {
            codes.push("unauthenticated");
        }
        let roles = [Role::Student, Role::Staff, Role::Owner];
        if roles.into_iter().any(|role| !self.access.admits(role)) {
            codes.push("wrong_role");
        }
        if self.access.needs_approval() {
            codes.extend(["not_approved", "account_closed"]);
        }
        if self.docs.body.is_some() {
            codes.extend(["malformed_json", "unsupported_media_type", "invalid_fields"]);
        }
        if self.docs.is_list() || !self.docs.query.is_empty() {
            codes.push("invalid_fields");
        }
        if self.docs.replays {
            codes.extend(["invalid_fields", "idempotency_key_reused"]);
        }
        codes.extend(self.docs.refusals);
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Replaces the rate that follows from the access.
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    /// Declares the parts of the configuration that the endpoint needs.
    #[must_use]
    pub const fn needs(mut self, parts: &'static [Part]) -> Self {
        self.parts = parts;
        self
    }

    /// All parts that the endpoint needs: its own, Redis for rate limits and caching, and the
    /// public keys if it takes sessions.
    #[must_use]
    pub fn all_parts(&self) -> Vec<Part> {
        let keys = self.access.takes_session().then_some(Part::PublicKeys);
        self.parts.iter().copied().chain([Part::Cache]).chain(keys).collect()
    }
}
