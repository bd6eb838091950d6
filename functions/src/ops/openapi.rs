//! `GET /openapi.json`: the API as OpenAPI 3.1, built from the declarations of the endpoints
//! and from their request and response types. Paths, methods and access are the ones that the
//! server enforces, and the schemas of bodies come from the types that are parsed and
//! serialized. Three things are declared by hand: the statuses, the codes of an endpoint's own
//! refusals, and the limits within a newtype. The tests of the deployed API compare its
//! statuses and the shapes of its responses with this document. The camelCase aliases of
//! request fields are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use http::StatusCode;
use serde::Serialize;
use thali_platform::app::App;
use thali_platform::auth::device;
use thali_platform::auth::refresh::COOKIE;
use thali_platform::handler;
use thali_platform::http::{
    Access, Answers, CODES, Caller, Docs, Endpoint, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Problem,
    RULES, Request, Response, ResponseBody, SchemaOf, Schemas,
};

use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, ArrayBuilder, SchemaFormat, SchemaType,
};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, HttpMethod, InfoBuilder, ObjectBuilder,
    OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
    Type,
};

use crate::endpoints;

pub static ENDPOINT: Endpoint =
    Endpoint::get("openapi", &["/openapi.json"], Access::Public, handler!(openapi))
        .summary("This document")
        .answers(200, |_| ObjectBuilder::new().into());

async fn openapi(_app: &App, _caller: &Caller, _request: &Request) -> Result<Response, Problem> {
    static DOCUMENT: OnceLock<OpenApi> = OnceLock::new();
    Ok(Response::ok(DOCUMENT.get_or_init(document)).cached_for(300))
}

/// The name of the schema of every refusal.
const PROBLEM: &str = "Problem";

/// The security scheme of access tokens.
const BEARER: &str = "access_token";

/// The security scheme of the staff tokens of devices at the counter.
const STAFF_TOKEN: &str = "staff_token";

/// The security scheme of refresh tokens, which browsers send as a cookie.
const REFRESH_COOKIE: &str = "refresh_cookie";

/// Builds the document.
///
/// # Panics
///
/// If two different types have the same name, or if a request's body and a response contain the
/// same object type, because only requests refuse unknown members. A test builds the document.
#[must_use]
pub fn document() -> OpenApi {
    let mut schemas = Schemas::new();
    let mut items = BTreeMap::<&str, PathItem>::new();
    for endpoint in endpoints() {
        for (number, path) in endpoint.paths.iter().enumerate() {
            let operation = operation(endpoint, number, &mut schemas);
            let item = PathItem::new(method(endpoint), operation);
            match items.get_mut(path) {
                Some(known) => known.merge_operations(item),
                None => drop(items.insert(path, item)),
            }
        }
    }
    let paths =
        items.into_iter().fold(PathsBuilder::new(), |all, (path, item)| all.path(path, item));
    let info = InfoBuilder::new()
        .title("Thali")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("The backend of a hostel mess or campus canteen."));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components(schemas)))
        .build()
}

fn components(schemas: Schemas) -> utoipa::openapi::Components {
    let mut named = BTreeMap::new();
    for (name, schema) in schemas {
        let before = named.insert(name.clone(), schema.clone());
        let same = before.is_none_or(|before| json(&before) == json(&schema));
        assert!(same, "two types are called {name}, or one is in a body and in an answer");
    }
    let refusals = endpoints().flat_map(codes_by_status);
    let refusals: BTreeMap<String, RefOr<utoipa::openapi::Response>> = refusals
        .map(|(status, codes)| (response_name(&codes), refused(status, &codes).into()))
        .collect();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let staff_token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("stf_…");
    ComponentsBuilder::new()
        .schemas_from_iter(named)
        .schema(PROBLEM, problem_schema())
        .responses_from_iter(refusals)
        .security_scheme(BEARER, SecurityScheme::Http(bearer.build()))
        .security_scheme(STAFF_TOKEN, SecurityScheme::Http(staff_token.build()))
        .security_scheme(REFRESH_COOKIE, SecurityScheme::ApiKey(cookie))
        .build()
}

fn json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("schemas are plain data and serialise")
}

fn method(endpoint: &Endpoint) -> HttpMethod {
    match endpoint.method.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        other => unreachable!("Endpoint has no constructor for {other}"),
    }
}

/// The operation of an endpoint at its path with this number. Paths after the first are aliases.
fn operation(endpoint: &Endpoint, number: usize, schemas: &mut Schemas) -> Operation {
    let docs = &endpoint.docs;
    let id = docs.operation_id.unwrap_or(endpoint.name);
    let id = match number {
        0 => id.to_owned(),
        alias => format!("{id}-alias-{alias}"),
    };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(docs.summary))
        .parameters(Some(parameters(endpoint, schemas)));
    if endpoint.access.takes_session() {
        if endpoint.access == Access::PublicOrOwner {
            // An empty requirement: nobody needs to be logged in.
            operation = operation.security(SecurityRequirement::default());
        }
        operation = operation.security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    }
    if endpoint.access.takes_staff_token() {
        operation = operation.security(SecurityRequirement::new(STAFF_TOKEN, Vec::<String>::new()));
    }
    if docs.takes_cookie {
        operation =
            operation.security(SecurityRequirement::new(REFRESH_COOKIE, Vec::<String>::new()));
    }
    operation = operation.request_body(request_body(docs, schemas));
    for answer in docs.answers.iter().flatten() {
        operation = operation.response(answer.status.to_string(), answered(answer, docs, schemas));
    }
    for (status, codes) in codes_by_status(endpoint) {
        let refused = Ref::from_response_name(response_name(&codes));
        operation = operation.response(status.to_string(), RefOr::Ref(refused));
    }
    operation.build()
}

fn request_body(docs: &Docs, schemas: &mut Schemas) -> Option<RequestBody> {
    let schema = match (docs.body, docs.signature_header) {
        (Some(body), _) => strict(body, schemas),
        (None, Some(_)) => {
            let description = "As the payment provider documents it; the provider may add members";
            ObjectBuilder::new().description(Some(description)).into()
        }
        (None, None) => return None,
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let required = if docs.body_may_be_absent { Required::False } else { Required::True };
    let body = RequestBodyBuilder::new().required(Some(required));
    Some(body.content("application/json", content).build())
}

/// Says in the schemas of all objects of a request's body, at every depth, that unknown members
/// are refused. Responses may get new members later, so no object type may be in a request and a
/// response; [`components`] panics and names a type that is.
fn strict(body: SchemaOf, schemas: &mut Schemas) -> RefOr<Schema> {
    let known = schemas.len();
    let reference = body(schemas);
    for (_, schema) in &mut schemas[known..] {
        // The schema of a map with keys of the client's choice has set this already.
        if let RefOr::T(Schema::Object(object)) = schema
            && object.schema_type == SchemaType::from(Type::Object)
            && object.additional_properties.is_none()
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
    reference
}

fn parameters(endpoint: &Endpoint, schemas: &mut Schemas) -> Vec<Parameter> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let optional = |name: &str, place: ParameterIn| {
        ParameterBuilder::new().name(name).parameter_in(place).required(Required::False)
    };
    let in_path = endpoint.path_parameters().into_iter().map(|name| {
        let required = optional(name, ParameterIn::Path).required(Required::True);
        required.schema(Some(text().min_length(Some(1)))).build()
    });
    let mut parameters: Vec<Parameter> = in_path.collect();
    if endpoint.docs.is_list() {
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(PAGE_ITEMS_MAX))
            .default(Some(PAGE_ITEMS_DEFAULT.into()));
        let limit = optional("limit", ParameterIn::Query).schema(Some(limit));
        let cursor = optional("cursor", ParameterIn::Query).schema(Some(text()));
        parameters.push(limit.description(Some("The number of items to return")).build());
        parameters.push(cursor.description(Some("The next_cursor of the page before")).build());
    }
    for query in endpoint.docs.query {
        let needed = endpoint.docs.needed_query.contains(&query.name);
        let parameter = optional(query.name, ParameterIn::Query);
        let parameter = parameter.required(if needed { Required::True } else { Required::False });
        let schema = (query.schema)(schemas);
        parameters
            .push(parameter.description(Some(query.description)).schema(Some(schema)).build());
    }
    if endpoint.docs.replays {
        let key = text().pattern(Some("^[!-~]{1,64}$"));
        let header = optional("Idempotency-Key", ParameterIn::Header).schema(Some(key));
        let description = "The same key and body answer the first outcome for 24 hours";
        parameters.push(header.description(Some(description)).build());
    }
    if endpoint.docs.takes_device {
        let cookie = optional(device::COOKIE, ParameterIn::Cookie).schema(Some(text()));
        let description = "Proves that the browser has logged in to the account before";
        parameters.push(cookie.description(Some(description)).build());
    }
    if endpoint.docs.tells_changes {
        let header = optional("If-None-Match", ParameterIn::Header).schema(Some(text()));
        let description = "The ETag of an earlier answer; if nothing has changed since, 304";
        parameters.push(header.description(Some(description)).build());
    }
    if let Some(name) = endpoint.docs.signature_header {
        let required = optional(name, ParameterIn::Header).required(Required::True);
        let description = "The partner's signature of the body";
        parameters.push(required.description(Some(description)).schema(Some(text())).build());
    }
    parameters
}

fn answered(answer: &Answers, docs: &Docs, schemas: &mut Schemas) -> utoipa::openapi::Response {
    let mut response = response(answer.status);
    let refresh = format!("the refresh cookie, `{COOKIE}`; empty if it is cleared");
    let device = format!("the device cookie, `{}`", device::COOKIE);
    let cookies = [docs.sets_cookie.then_some(refresh), docs.sets_device.then_some(device)];
    let cookies: Vec<String> = cookies.into_iter().flatten().collect();
    if !cookies.is_empty() {
        let cookie = HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::String));
        let description = format!("Sets {}", cookies.join(", and "));
        response = response.header("Set-Cookie", cookie.description(Some(description)).build());
    }
    if docs.replays {
        let marked = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["true"]));
        let header = HeaderBuilder::new().schema(marked);
        let description = "Present if a first outcome is replayed";
        response =
            response.header("Idempotent-Replay", header.description(Some(description)).build());
    }
    if docs.tells_cache {
        let told =
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["hit", "miss"]));
        let header = HeaderBuilder::new().schema(told);
        let description = "Whether the answer came from the cache or from the database";
        response = response.header("X-Cache", header.description(Some(description)).build());
    }
    if docs.tells_changes {
        let tag = HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::String));
        let description = "Stands for the content, without the time of the answer";
        response = response.header("ETag", tag.description(Some(description)).build());
    }
    let json = match answer.body {
        ResponseBody::Empty => None,
        ResponseBody::One(schema) => Some(schema(schemas)),
        ResponseBody::PageOf(item) => Some(page_of(item(schemas))),
        ResponseBody::File(types, json) => {
            for content_type in types {
                let file = ObjectBuilder::new().schema_type(Type::String);
                let content = ContentBuilder::new().schema(Some(file)).build();
                response = response.content(*content_type, content);
            }
            json.map(|schema| schema(schemas))
        }
    };
    if let Some(json) = json {
        let content = ContentBuilder::new().schema(Some(json)).build();
        response = response.content("application/json", content);
    }
    response.build()
}

fn page_of(item: RefOr<Schema>) -> RefOr<Schema> {
    let items = ArrayBuilder::new().items(item);
    let cursor = ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .property("items", items)
        .property("next_cursor", cursor)
        .required("items")
        .into()
}

/// The name of the component that the refusals with these codes share.
fn response_name(codes: &[&'static str]) -> String {
    codes.join(".")
}

/// A response of this status, with the header that every response has.
fn response(status: u16) -> ResponseBuilder {
    let status = StatusCode::from_u16(status).expect("endpoints declare statuses that exist");
    let id = HeaderBuilder::new().schema(ObjectBuilder::new().schema_type(Type::String));
    let id = id.description(Some("The request's id, by which the logs are searched"));
    ResponseBuilder::new()
        .description(status.canonical_reason().unwrap_or_default())
        .header("X-Request-Id", id.build())
}

/// The codes of an endpoint's refusals, by their status.
fn codes_by_status(endpoint: &Endpoint) -> BTreeMap<u16, Vec<&'static str>> {
    let mut by_status = BTreeMap::<u16, Vec<&'static str>>::new();
    for code in endpoint.refusal_codes() {
        let (_, status, _) = CODES.iter().find(|known| known.0 == code).unwrap_or_else(|| {
            unreachable!("{} declares {code}, which is no code of a refusal", endpoint.name)
        });
        by_status.entry(*status).or_default().push(code);
    }
    by_status
}

/// The refusal with this status and one of these codes.
fn refused(status: u16, codes: &[&'static str]) -> utoipa::openapi::Response {
    let code =
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().copied()));
    let ours = ObjectBuilder::new().property("code", code);
    let schema = AllOfBuilder::new().item(Ref::from_schema_name(PROBLEM)).item(ours);
    let mut response = response(status);
    if [429, 503].contains(&status) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let header = HeaderBuilder::new().schema(seconds);
        let header = header.description(Some("Seconds after which to try again"));
        response = response.header("Retry-After", header.build());
    }
    let content = ContentBuilder::new().schema(Some(Schema::from(schema.build()))).build();
    response.content("application/problem+json", content).build()
}

/// The members of RFC 9457 and ours; some codes add more.
fn problem_schema() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let uri = text().format(Some(SchemaFormat::Custom("uri".to_owned())));
    let status =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(400)).maximum(Some(599));
    let rules: BTreeSet<&str> = RULES.iter().map(|(rule, _)| *rule).collect();
    let rule = text().enum_values(Some(rules));
    let values =
        ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
    let error = ObjectBuilder::new()
        .property("field", text())
        .property("message", text().description(Some("For people who read English")))
        .property("rule", rule.description(Some("For programs; the rule that is broken")))
        .property("values", values.description(Some("The bounds and other values in the message")))
        .required("field")
        .required("message");
    let problem = ObjectBuilder::new()
        .property("type", uri)
        .property("title", text())
        .property("status", status)
        .property("detail", text().description(Some("For people")))
        .property("code", text().description(Some("For programs; it is stable")))
        .property("request_id", text())
        .property("errors", ArrayBuilder::new().items(error))
        .required("type")
        .required("title")
        .required("status")
        .required("detail")
        .required("code")
        .required("request_id");
    problem.into()
}
