//! What an endpoint says of itself for the OpenAPI document: the types that it takes and
//! gives, and the codes with which it refuses. The document itself is made from these by
//! the function `openapi`.

use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};

/// The named schemas that the types of an endpoint are made of.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// Collects the named schemas of a type and answers a reference to its own.
pub type SchemaOf = fn(&mut Schemas) -> RefOr<Schema>;

/// The schema of `T`, as an endpoint names it.
pub fn schema<T: ToSchema>(all: &mut Schemas) -> RefOr<Schema> {
    T::schemas(all);
    let name = T::name().into_owned();
    all.push((name.clone(), T::schema()));
    Ref::from_schema_name(name).into()
}

/// What an answer that is no refusal holds.
#[derive(Clone, Copy)]
pub enum AnswerBody {
    /// Nothing.
    Empty,
    /// A JSON object.
    One(SchemaOf),
    /// A page of a list.
    PageOf(SchemaOf),
    /// A file of one of these content types; with a schema, also JSON.
    File(&'static [&'static str], Option<SchemaOf>),
}

/// An answer that is no refusal.
#[derive(Clone, Copy)]
pub struct Answers {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: AnswerBody,
}

/// A parameter in the query.
#[derive(Clone, Copy)]
pub struct QueryParameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, for people.
    pub description: &'static str,
    /// What it looks like.
    pub schema: SchemaOf,
}

/// What an endpoint says of itself.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub struct Docs {
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Its `operationId`, where that is not the function's name.
    pub operation_id: Option<&'static str>,
    /// The JSON body that it takes.
    pub body: Option<SchemaOf>,
    /// Whether the body may be left out.
    pub body_may_be_absent: bool,
    /// Its answers that are no refusals.
    pub answers: [Option<Answers>; 2],
    /// The codes of its own refusals. Those that follow from its access, its rate, its
    /// body and the database are not among them.
    pub refusals: &'static [&'static str],
    /// Its parameters in the query, beside those of a list.
    pub query: &'static [QueryParameter],
    /// The names of those that may not be left out.
    pub needed_query: &'static [&'static str],
    /// Whether it takes an `Idempotency-Key`.
    pub replays: bool,
    /// Whether it takes the refresh cookie too.
    pub takes_cookie: bool,
    /// Whether its answers that are no refusals set the refresh cookie, or take it away.
    pub sets_cookie: bool,
    /// Whether its answers that are no refusals say whether they came from Redis.
    pub tells_cache: bool,
    /// The header with a partner's signature of the body. The body is the partner's to
    /// describe, and the signature is what it is refused by.
    pub signature_header: Option<&'static str>,
}

impl Docs {
    /// Nothing said yet.
    pub(super) const NONE: Self = Self {
        summary: "",
        operation_id: None,
        body: None,
        body_may_be_absent: false,
        answers: [None; 2],
        refusals: &[],
        query: &[],
        needed_query: &[],
        replays: false,
        takes_cookie: false,
        sets_cookie: false,
        tells_cache: false,
        signature_header: None,
    };

    /// Whether it answers a page of a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.answers.iter().flatten().any(|answer| matches!(answer.body, AnswerBody::PageOf(_)))
    }
}
