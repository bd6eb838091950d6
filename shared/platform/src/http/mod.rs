//! HTTP: what an endpoint declares, and how a request is taken from the gateway to the
//! handler and back.
//!
//! An endpoint is a constant [`Endpoint`]: its function's name, method and paths, who may
//! call it ([`Access`]), how often ([`Rate`]), and its handler. [`dispatch`] enforces all
//! of that before the handler runs.

mod docs;
mod json;
mod problem;
mod rate;
mod request;
mod response;
mod route;
mod serve;
mod staff_token;

use std::pin::Pin;

use http::Method;
use thali_domain::accounts::identity::{AccountStatus, Name, Role};
use thali_domain::ids::{AccountId, MessId, SessionId, StaffTokenId};

pub use self::docs::{AnswerBody, Answers, Docs, QueryParameter, SchemaOf, Schemas, schema};
pub use self::json::{Members, one_of};
pub use self::problem::{FieldError, Problem};
pub use self::rate::{
    RATE_ACCOUNT, RATE_LOGIN, RATE_PUBLIC, RATE_SIGN_UP, RATE_STAFF_TOKEN, RATE_SUBMISSION, RATES,
    Rate,
};
pub use self::request::{CURSOR, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Page, Request};
pub use self::response::Response;
pub use self::route::{DEFAULT_ROUTE, route};
pub use self::serve::dispatch;
use crate::app::App;
use crate::config::Part;
use crate::store::Stamp;

/// Who may call an endpoint. Whoever may not is refused before the handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// A partner, whose signature the handler checks.
    Partner,
    /// Anybody who is logged in, also while waiting for approval.
    Any,
    /// Anybody who is logged in, also while waiting for approval, and whoever has a staff
    /// token of the mess: what a counter needs to see.
    Counter,
    /// A student, also while waiting for approval.
    Applicant,
    /// A student, also while waiting for approval, or an owner: what is a student's own and
    /// the mess's business, and not the counter's.
    StudentOrOwner,
    /// An active student.
    Student,
    /// Active staff, and whoever has a staff token.
    Staff,
    /// An active owner.
    Owner,
    /// Anybody; and of those who send an access token, an active owner alone.
    PublicOrOwner,
}

impl Access {
    /// Whether a session is needed, or a staff token where one is taken.
    #[must_use]
    pub const fn needs_session(self) -> bool {
        !matches!(self, Self::Public | Self::Partner | Self::PublicOrOwner)
    }

    /// Whether a session is proven where there is one. Elsewhere an access token is not
    /// even looked at.
    #[must_use]
    pub const fn takes_session(self) -> bool {
        !matches!(self, Self::Public | Self::Partner)
    }

    /// Whether a staff token does in the place of a session.
    #[must_use]
    pub const fn takes_staff_token(self) -> bool {
        matches!(self, Self::Counter | Self::Staff)
    }

    /// Whether of accounts only one that the mess has approved is let in.
    #[must_use]
    pub const fn needs_approval(self) -> bool {
        matches!(self, Self::Student | Self::Staff | Self::Owner | Self::PublicOrOwner)
    }

    /// The one role with which an account is let in, if there is one.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Student | Self::Applicant => Some(Role::Student),
            Self::Staff => Some(Role::Staff),
            Self::Owner | Self::PublicOrOwner => Some(Role::Owner),
            Self::Public | Self::Partner | Self::Any | Self::Counter | Self::StudentOrOwner => None,
        }
    }

    /// Whether somebody with this role is let in.
    #[must_use]
    pub fn admits(self, role: Role) -> bool {
        match self {
            Self::StudentOrOwner => role != Role::Staff,
            access => access.role().is_none_or(|admitted| admitted == role),
        }
    }
}

/// A proven session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub account_id: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// With which role.
    pub role: Role,
    /// With which status when the access token was made.
    pub status: AccountStatus,
    /// Which of the account's sessions.
    pub session_id: SessionId,
}

/// A proven staff token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffToken {
    /// Which one.
    pub staff_token_id: StaffTokenId,
    /// Of which mess.
    pub mess_id: MessId,
    /// What people call the device that has it.
    pub name: Name,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// Somebody who is logged in.
    Session(Session),
    /// A device at the counter.
    StaffToken(StaffToken),
}

impl Caller {
    /// The session; a 401 where there is none.
    pub fn session(&self) -> Result<&Session, Problem> {
        match self {
            Self::Session(session) => Ok(session),
            Self::Anonymous | Self::StaffToken(_) => Err(Problem::unauthenticated()),
        }
    }

    /// The mess of whoever calls; a 401 where nobody in particular does.
    pub fn mess_id(&self) -> Result<&MessId, Problem> {
        match self {
            Self::Session(session) => Ok(&session.mess_id),
            Self::StaffToken(token) => Ok(&token.mess_id),
            Self::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// With which role; a staff token acts as staff does. A 401 where nobody in particular
    /// calls.
    pub fn role(&self) -> Result<Role, Problem> {
        match self {
            Self::Session(session) => Ok(session.role),
            Self::StaffToken(_) => Ok(Role::Staff),
            Self::Anonymous => Err(Problem::unauthenticated()),
        }
    }

    /// The stamp of what this caller changes with `request`.
    #[must_use]
    pub fn stamp(&self, app: &App, request: &Request) -> Stamp {
        let actor = match self {
            Self::Session(session) => session.account_id.to_string(),
            Self::StaffToken(token) => token.staff_token_id.to_string(),
            Self::Anonymous => "anonymous".to_owned(),
        };
        Stamp { actor, request_id: request.request_id.clone(), at: app.clock.now() }
    }
}

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
        let place = if self.docs.answers[0].is_none() { 0 } else { 1 };
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
