//! An endpoint's part of the OpenAPI document: the types of its requests and responses, and
//! the codes of its refusals. The function `openapi` builds the document from these parts.

use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};

/// The named schemas of the types of an endpoint.
pub type Schemas = Vec<(String, RefOr<Schema>)>;

/// Collects the named schemas of a type, and returns a reference to the type's own schema.
pub type SchemaOf = fn(&mut Schemas) -> RefOr<Schema>;

/// The [`SchemaOf`] of `T`.
pub fn schema<T: ToSchema>(all: &mut Schemas) -> RefOr<Schema> {
    T::schemas(all);
    let name = T::name().into_owned();
    all.push((name.clone(), T::schema()));
    Ref::from_schema_name(name).into()
}

/// The body of a successful response.
#[derive(Clone, Copy)]
pub enum ResponseBody {
    Empty,
    /// A JSON object.
    One(SchemaOf),
    /// A page of a list.
    PageOf(SchemaOf),
    /// A file of one of these content types, or JSON if there is a schema.
    File(&'static [&'static str], Option<SchemaOf>),
}

/// A successful response.
#[derive(Clone, Copy)]
pub struct Answers {
    pub status: u16,
    pub body: ResponseBody,
}

/// A query parameter.
#[derive(Clone, Copy)]
pub struct QueryParameter {
    pub name: &'static str,
    /// What the parameter does, for readers of the document.
    pub description: &'static str,
    pub schema: SchemaOf,
}

/// An endpoint's part of the OpenAPI document.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub struct Docs {
    /// What the endpoint does, in a few words.
    pub summary: &'static str,
    /// The `operationId`, if it is not the function's name.
    pub operation_id: Option<&'static str>,
    /// The JSON body of the request.
    pub body: Option<SchemaOf>,
    pub body_may_be_absent: bool,
    /// The successful responses.
    pub answers: [Option<Answers>; 2],
    /// Whether the endpoint serves pages for people, which the document leaves out.
    pub pages: bool,
    /// The codes of the endpoint's own refusals, without those that follow from its access,
    /// its rate, its body and the database.
    pub refusals: &'static [&'static str],
    /// The query parameters, besides those of a list.
    pub query: &'static [QueryParameter],
    /// The names of the required query parameters.
    pub needed_query: &'static [&'static str],
    /// Whether the endpoint takes an `Idempotency-Key`.
    pub replays: bool,
    /// Whether the endpoint takes the refresh cookie.
    pub takes_cookie: bool,
    /// Whether successful responses set or clear the refresh cookie.
    pub sets_cookie: bool,
    /// Whether the endpoint takes the device cookie.
    pub takes_device: bool,
    /// Whether successful responses set the device cookie.
    pub sets_device: bool,
    /// Whether successful responses say in `X-Cache` whether they came from Redis.
    pub tells_cache: bool,
    /// Whether the endpoint takes `If-None-Match`, and successful responses have an `ETag`.
    pub tells_changes: bool,
    /// The header with the payment provider's signature of the body. The provider documents
    /// the body, and a wrong signature is the reason for a refusal.
    pub signature_header: Option<&'static str>,
}

impl Docs {
    /// Nothing is declared yet.
    pub(super) const NONE: Self = Self {
        summary: "",
        operation_id: None,
        body: None,
        body_may_be_absent: false,
        answers: [None; 2],
        pages: false,
        refusals: &[],
        query: &[],
        needed_query: &[],
        replays: false,
        takes_cookie: false,
        sets_cookie: false,
        takes_device: false,
        sets_device: false,
        tells_cache: false,
        tells_changes: false,
        signature_header: None,
    };

    /// Whether a response is a page of a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.answers.iter().flatten().any(|answer| matches!(answer.body, ResponseBody::PageOf(_)))
    }
}
