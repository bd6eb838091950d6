//! A request as handlers see it: the parts of the gateway's event that handlers need, each
//! of bounded size.

use std::str::FromStr;

use eserde::EDeserialize;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Method, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt};
use thali_domain::Unacceptable;
use thali_domain::ids::MessId;

use super::json::{self, Members};
use super::page::{CURSOR, PAGE_ITEMS_DEFAULT, Page, parse_cursor, parse_limit};
use super::problem::{FieldError, Problem};
use crate::app::App;
use crate::clock::random_hex;
use crate::store::IdempotencyKey;

/// The largest body that an endpoint accepts unless it declares another size.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request, after the gateway. Not `Debug`: it holds passwords and codes.
pub struct Request {
    pub method: Method,
    /// The path as the client sent it, without the query.
    pub path: String,
    pub headers: HeaderMap,
    /// The gateway's id of the request. The response, every log line and every item that the
    /// request writes contain it.
    pub request_id: String,
    /// The client's IP address as the gateway saw it, never taken from a header.
    pub source_ip: String,
    query: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
    body: Vec<u8>,
}

impl From<lambda_http::Request> for Request {
    fn from(request: lambda_http::Request) -> Self {
        let (request_id, source_ip) = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                (context.request_id.clone(), context.http.source_ip.clone())
            }
            _ => (None, None),
        };
        let query = request.query_string_parameters_ref().map(|query| {
            query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        });
        let parameters = request.path_parameters_ref().map(|parameters| {
            parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        });
        let path = request.raw_http_path().to_owned();
        let query = query.unwrap_or_default();
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method,
            path,
            headers: parts.headers,
            request_id: request_id.unwrap_or_else(random_hex::<16>),
            source_ip: source_ip.unwrap_or_default(),
            query,
            parameters: parameters.unwrap_or_default(),
            body: match body {
                Body::Text(text) => text.into_bytes(),
                Body::Binary(bytes) => bytes,
                _ => Vec::new(),
            },
        }
    }
}

impl Request {
    /// Replaces the parameters of the path.
    #[must_use]
    pub fn with_parameters(mut self, parameters: Vec<(String, String)>) -> Self {
        self.parameters = parameters;
        self
    }

    /// Parses the body as JSON of the type `T`. Malformed JSON is a 400; all other errors are
    /// one 422 that names them all.
    pub fn json<'a, T: EDeserialize<'a>>(&'a self) -> Result<T, Problem> {
        self.json_where(|_| Vec::new())
    }

    /// The same with rules between fields; the same 422 names the broken ones.
    pub fn json_where<'a, T: EDeserialize<'a>>(
        &'a self,
        rules: impl FnOnce(&Members) -> Vec<FieldError>,
    ) -> Result<T, Problem> {
        let content_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            let detail = "Send the body as application/json.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", detail));
        }
        json::parse(&self.body, rules)
    }

    /// The same for an optional body: `None` if the body is empty.
    pub fn json_if_any<'a, T: EDeserialize<'a>>(&'a self) -> Result<Option<T>, Problem> {
        if self.body.is_empty() { Ok(None) } else { self.json().map(Some) }
    }

    /// The value of a path parameter; `None` if the value is not a `T`, because then nothing
    /// with that name exists.
    #[must_use]
    pub fn param<T: FromStr>(&self, name: &str) -> Option<T> {
        let (_, value) = self.parameters.iter().find(|(known, _)| known == name)?;
        value.parse().ok()
    }

    /// The same for a parameter that names a thing to be created: a malformed name is a 422
    /// that says what is wrong.
    pub fn param_of_new<T: FromStr<Err = Unacceptable>>(&self, name: &str) -> Result<T, Problem> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        let value = found.map_or("", |(_, value)| value.as_str());
        value.parse().map_err(|refusal| Problem::invalid_field(name, refusal))
    }

    /// The unparsed body.
    #[must_use]
    pub fn raw_body(&self) -> &[u8] {
        &self.body
    }

    /// Refuses a body of more bytes than `bytes_max`.
    pub(super) fn check_size(&self, bytes_max: usize) -> Result<(), Problem> {
        if self.body.len() > bytes_max {
            let detail = format!("The body is larger than {} KiB.", bytes_max / 1024);
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        Ok(())
    }

    /// A header's text; `None` if the header is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
        pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    #[must_use]
    pub fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Whether the request has an `Authorization` header, valid or not.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.headers.contains_key(AUTHORIZATION)
    }

    /// The client's idempotency key, if it sent one. `asked` describes what the request asks
    /// for, see [`IdempotencyKey::new`].
    pub fn idempotency_key(&self, asked: &str) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(value) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().and_then(|key| IdempotencyKey::new(key, asked));
        let message = "must be 1 to 64 visible ASCII characters";
        key.map(Some).ok_or_else(|| Problem::invalid_field("Idempotency-Key", message))
    }

    /// The mess of a public request: the named one, else the deployment's default.
    pub fn mess_or_default(&self, app: &App, named: Option<MessId>) -> Result<MessId, Problem> {
        named.or_else(|| app.default_mess.clone()).ok_or_else(|| {
            Problem::invalid_field("mess_id", "is missing: there are several messes")
        })
    }

    /// The page that the request asks for, in a list without parameters of its own.
    pub fn page(&self) -> Result<Page, Problem> {
        self.page_with(&[])
    }

    /// The page that the request asks for, in a list with the parameters `own`, which
    /// [`Request::query`] reads.
    pub fn page_with(&self, own: &[&str]) -> Result<Page, Problem> {
        let mut page = Page { limit: PAGE_ITEMS_DEFAULT, after: None };
        for (name, value) in &self.query {
            match name.as_str() {
                "limit" => page.limit = parse_limit(value)?,
                "cursor" => page.after = Some(parse_cursor(value)?),
                name if own.contains(&name) => {}
                _ => return Err(Problem::invalid_field(name, "is not a parameter of this list")),
            }
        }
        Ok(page)
    }

    /// Refuses query parameters other than these.
    pub fn only(&self, own: &[&str]) -> Result<(), Problem> {
        let unknown = self.query.iter().find(|(name, _)| !own.contains(&name.as_str()));
        let refused = |name: &str| Problem::invalid_field(name, "is not a parameter of this");
        unknown.map_or(Ok(()), |(name, _)| Err(refused(name)))
    }

    /// The position after which to continue, from the parameter `cursor`; the inverse of
    /// [`Page::cursor`].
    pub fn cursor(&self) -> Result<Option<String>, Problem> {
        let cursor = self.query.iter().rev().find(|(name, _)| name == CURSOR);
        cursor.map(|(_, cursor)| parse_cursor(cursor)).transpose()
    }

    /// The value of a query parameter, if it is present; the last value if it is repeated.
    pub fn query<T: FromStr<Err = Unacceptable>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let value = self.query.iter().rev().find(|(known, _)| known == name);
        let value = value.map(|(_, value)| value.parse()).transpose();
        value.map_err(|refusal| Problem::invalid_field(name, refusal))
    }
}
