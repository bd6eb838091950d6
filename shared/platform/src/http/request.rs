//! A request as handlers see it: the parts of the gateway's event that matter, each
//! bounded.

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

/// The largest body that is read.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request, after the gateway. Not `Debug`: it holds passwords and codes.
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as the client sent it, without the query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The gateway's id of the request; it is in the answer, in every log line and in
    /// every item that the request writes.
    pub request_id: String,
    /// The client's address as the gateway saw it, never a header.
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
    /// The same with these parameters in its path.
    #[must_use]
    pub fn with_parameters(mut self, parameters: Vec<(String, String)>) -> Self {
        self.parameters = parameters;
        self
    }

    /// Reads the body as JSON of the type `T`. Malformed JSON is a 400; whatever else is
    /// wrong is one 422 that names all of it.
    pub fn json<'a, T: EDeserialize<'a>>(&'a self) -> Result<T, Problem> {
        self.json_where(|_| Vec::new())
    }

    /// The same with rules between fields, whose breaches are named in the same answer.
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

    /// The same where the body may be left out: `None` where it is empty.
    pub fn json_if_any<'a, T: EDeserialize<'a>>(&'a self) -> Result<Option<T>, Problem> {
        if self.body.is_empty() { Ok(None) } else { self.json().map(Some) }
    }

    /// The value of a parameter in the path; `None` where it is not of the form of a `T`,
    /// which names nothing that there is.
    #[must_use]
    pub fn param<T: FromStr>(&self, name: &str) -> Option<T> {
        let (_, value) = self.parameters.iter().find(|(known, _)| known == name)?;
        value.parse().ok()
    }

    /// The same for a parameter that names what the request makes, where it must be told
    /// what is wrong with the name.
    pub fn param_to_make<T: FromStr<Err = Unacceptable>>(&self, name: &str) -> Result<T, Problem> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        let value = found.map_or("", |(_, value)| value.as_str());
        value.parse().map_err(|refusal| Problem::invalid_field(name, refusal))
    }

    /// The body as it came.
    #[must_use]
    pub fn raw_body(&self) -> &[u8] {
        &self.body
    }

    /// Refuses a body that is longer than any request needs.
    pub(super) fn check_size(&self) -> Result<(), Problem> {
        if self.body.len() > BODY_BYTES_MAX {
            let detail = "The body is larger than 64 KiB.";
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
        }
        Ok(())
    }

    /// A header's text; `None` where it is absent or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A cookie's value.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
        pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// The bearer token.
    #[must_use]
    pub fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Whether the client says who it is, rightly or not.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.headers.contains_key(AUTHORIZATION)
    }

    /// The client's idempotency key, if it sent one, for a request that asks for `asked`;
    /// see [`IdempotencyKey::new`].
    pub fn idempotency_key(&self, asked: &str) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(value) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = value.to_str().ok().and_then(|key| IdempotencyKey::new(key, asked));
        let message = "must be 1 to 64 visible ASCII characters";
        key.map(Some).ok_or_else(|| Problem::invalid_field("Idempotency-Key", message))
    }

    /// The mess that a public request means: the one it names, else the deployment's.
    pub fn mess_or_default(&self, app: &App, named: Option<MessId>) -> Result<MessId, Problem> {
        named.or_else(|| app.default_mess.clone()).ok_or_else(|| {
            Problem::invalid_field("mess_id", "is missing: there are several messes")
        })
    }

    /// Which page of a list is asked for that has no parameters of its own.
    pub fn page(&self) -> Result<Page, Problem> {
        self.page_with(&[])
    }

    /// Which page of a list is asked for, whose `own` parameters [`Request::query`] reads.
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

    /// Refuses parameters in the query other than these.
    pub fn only(&self, own: &[&str]) -> Result<(), Problem> {
        let unknown = self.query.iter().find(|(name, _)| !own.contains(&name.as_str()));
        let refused = |name: &str| Problem::invalid_field(name, "is not a parameter of this");
        unknown.map_or(Ok(()), |(name, _)| Err(refused(name)))
    }

    /// The position behind which to go on, as [`Page::cursor`] has put it into `cursor`.
    pub fn cursor(&self) -> Result<Option<String>, Problem> {
        let cursor = self.query.iter().rev().find(|(name, _)| name == CURSOR);
        cursor.map(|(_, cursor)| parse_cursor(cursor)).transpose()
    }

    /// The value of a parameter in the query, if it is there; the last one where it is
    /// there more than once.
    pub fn query<T: FromStr<Err = Unacceptable>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let value = self.query.iter().rev().find(|(known, _)| known == name);
        let value = value.map(|(_, value)| value.parse()).transpose();
        value.map_err(|refusal| Problem::invalid_field(name, refusal))
    }
}
