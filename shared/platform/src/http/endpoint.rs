//! What an endpoint declares: the function that serves it, its method and paths, who may call
//! it, how often, what it needs, and what it takes and answers.

use std::pin::Pin;

use http::Method;
use thali_domain::accounts::identity::Role;

use super::access::Access;
use super::caller::Caller;
use super::docs::{AnswerBody, Answers, Docs, QueryParameter, SchemaOf};
use super::problem::Problem;
use super::rate::{RATE_ACCOUNT, RATE_PUBLIC, Rate};
use super::request::Request;
use super::response::Response;
use crate::app::App;
use crate::config::Part;

/// What a handler gives back.
pub type Handled<'a> = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send + 'a>>;

/// A handler: essential steps only, load, decide, commit, answer.
pub type Handler = for<'a> fn(&'a App, &'a Caller, &'a Request) -> Handled<'a>;

/// Makes a [`Handler`] of an `async fn(&App, &Caller, &Request) -> Result<Response, Problem>`.
#[macro_export]
macro_rules! handler {
    ($handle:path) => {
        |app, caller, request| Box::pin($handle(app, caller, request))
    };
}

/// One endpoint, and the function that serves it.
pub struct Endpoint {
    /// The function's name: its handler, its resource and its sample event.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path, and its aliases. A part in braces is a parameter.
    pub paths: &'static [&'static str],
    /// Who may call it.
    pub access: Access,
    /// How often.
    pub rate: Rate,
    /// What the function needs beside what every function has.
    pub parts: &'static [Part],
    /// What it does.
    pub handler: Handler,
    /// What it says of itself.
    pub docs: Docs,
}

impl Endpoint {
    /// A GET endpoint.
    #[must_use]
    pub const fn get(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::GET, name, paths, access, handler)
    }

    /// A POST endpoint.
    #[must_use]
    pub const fn post(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::POST, name, paths, access, handler)
    }

    /// A PUT endpoint.
    #[must_use]
    pub const fn put(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::PUT, name, paths, access, handler)
    }

    /// A PATCH endpoint.
    #[must_use]
    pub const fn patch(
        name: &'static str,
        paths: &'static [&'static str],
        access: Access,
        handler: Handler,
    ) -> Self {
        Self::new(Method::PATCH, name, paths, access, handler)
    }

    /// A DELETE endpoint.
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
            Access::Public | Access::PublicOrOwner => RATE_PUBLIC,
            Access::Partner => Rate::Unlimited,
            _ => RATE_ACCOUNT,
        };
        Self { name, method, paths, access, rate, parts: &[], handler, docs: Docs::NONE }
    }

    /// The same with what it does, in a few words.
    #[must_use]
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.docs.summary = summary;
        self
    }

    /// The same with an `operationId` of its own: clients that are generated from the OpenAPI
    /// document name their methods after it, so it stays when the function gets another name.
    #[must_use]
    pub const fn operation_id(mut self, id: &'static str) -> Self {
        self.docs.operation_id = Some(id);
        self
    }

    /// The same with the JSON body that it takes.
    #[must_use]
    pub const fn takes(mut self, body: SchemaOf) -> Self {
        self.docs.body = Some(body);
        self
    }

    /// The same with the JSON body that it takes, which may be left out.
    #[must_use]
    pub const fn may_take(mut self, body: SchemaOf) -> Self {
        self.docs.body_may_be_absent = true;
        self.takes(body)
    }

    /// The same with an answer: its status and its JSON body.
    #[must_use]
    pub const fn answers(self, status: u16, body: SchemaOf) -> Self {
        self.answers_with(Answers { status, body: AnswerBody::One(body) })
    }

    /// The same with an answer that has no body.
    #[must_use]
    pub const fn answers_nothing(self, status: u16) -> Self {
        self.answers_with(Answers { status, body: AnswerBody::Empty })
    }

    /// The same with a page of a list as its answer; it takes `limit` and `cursor`.
    #[must_use]
    pub const fn answers_page(self, item: SchemaOf) -> Self {
        self.answers_with(Answers { status: 200, body: AnswerBody::PageOf(item) })
    }

    /// The same with a file of this content type as its answer.
    #[must_use]
    pub const fn answers_file(self, content_types: &'static [&'static str]) -> Self {
        self.answers_with(Answers { status: 200, body: AnswerBody::File(content_types, None) })
    }

    /// The same with a JSON body as its answer, or, as the client asks, a file of one of
    /// these content types.
    #[must_use]
    pub const fn answers_or_file(
        self,
        body: SchemaOf,
        content_types: &'static [&'static str],
    ) -> Self {
        let body = AnswerBody::File(content_types, Some(body));
        self.answers_with(Answers { status: 200, body })
    }

    const fn answers_with(mut self, answer: Answers) -> Self {
        // Endpoints are statics, so the compiler comes here: a third answer does not compile.
        let place = match self.docs.answers {
            [None, _] => 0,
            [_, None] => 1,
            [Some(_), Some(_)] => panic!("an endpoint declares at most two answers"),
        };
        self.docs.answers[place] = Some(answer);
        self
    }

    /// The same with the codes of its own refusals, see [`Docs::refusals`].
    #[must_use]
    pub const fn refuses(mut self, codes: &'static [&'static str]) -> Self {
        self.docs.refusals = codes;
        self
    }

    /// The same with parameters in the query.
    #[must_use]
    pub const fn query(mut self, parameters: &'static [QueryParameter]) -> Self {
        self.docs.query = parameters;
        self
    }

    /// The same, needing these of its parameters in the query.
    #[must_use]
    pub const fn needs_query(mut self, names: &'static [&'static str]) -> Self {
        self.docs.needed_query = names;
        self
    }

    /// The same, taking an `Idempotency-Key`.
    #[must_use]
    pub const fn replays(mut self) -> Self {
        self.docs.replays = true;
        self
    }

    /// The same, taking the refresh cookie too.
    #[must_use]
    pub const fn takes_cookie(mut self) -> Self {
        self.docs.takes_cookie = true;
        self
    }

    /// The same, setting the refresh cookie or taking it away.
    #[must_use]
    pub const fn sets_cookie(mut self) -> Self {
        self.docs.sets_cookie = true;
        self
    }

    /// The same, saying in `X-Cache` whether Redis had what it answers.
    #[must_use]
    pub const fn tells_cache(mut self) -> Self {
        self.docs.tells_cache = true;
        self
    }

    /// The same, taking a partner's JSON, which the partner signs in this header. None of
    /// the refusals of a body that we describe follow from it: what has no good signature
    /// is never read.
    #[must_use]
    pub const fn signed(mut self, header: &'static str) -> Self {
        self.docs.signature_header = Some(header);
        self
    }

    /// The codes of all refusals that it can answer with: its own, and those that follow
    /// from what it declares.
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

    /// The same with another rate than its access suggests.
    #[must_use]
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = rate;
        self
    }

    /// The same with what it needs of the configuration.
    #[must_use]
    pub const fn needs(mut self, parts: &'static [Part]) -> Self {
        self.parts = parts;
        self
    }

    /// Everything that it needs: its own parts, Redis for its rate and what it caches, and
    /// for a session the public keys.
    #[must_use]
    pub fn all_parts(&self) -> Vec<Part> {
        let keys = self.access.takes_session().then_some(Part::PublicKeys);
        self.parts.iter().copied().chain([Part::Cache]).chain(keys).collect()
    }
}
