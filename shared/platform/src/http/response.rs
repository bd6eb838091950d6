//! What a handler answers with.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LINK, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use lambda_http::Body;
use serde::Serialize;
use serde_json::json;

/// An answer. It is `Cache-Control: no-store` unless it says otherwise.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: text, or bytes.
    pub body: Body,
}

impl Response {
    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("answers are plain data and serialise");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body: Body::Text(body) }
    }

    /// 200 with something else than JSON, of this content type.
    #[must_use]
    pub fn file(content_type: &'static str, body: impl Into<Body>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status: StatusCode::OK, headers, body: body.into() }
    }

    /// 200.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 201.
    #[must_use]
    pub fn created(body: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    /// 202: accepted, and still to be processed.
    #[must_use]
    pub fn accepted(body: &impl Serialize) -> Self {
        Self::json(StatusCode::ACCEPTED, body)
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Body::Empty }
    }

    /// 200 with a page of a list.
    #[must_use]
    pub fn page(items: &[impl Serialize], next_cursor: Option<String>) -> Self {
        match next_cursor {
            Some(cursor) => Self::ok(&json!({ "items": items, "next_cursor": cursor })),
            None => Self::ok(&json!({ "items": items })),
        }
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The same with the address of what comes next, in a header (RFC 8288); it must be one
    /// of ASCII.
    #[must_use]
    pub fn linking_next(mut self, address: &str) -> Self {
        let value = HeaderValue::try_from(format!("<{address}>; rel=\"next\""));
        self.headers.insert(LINK, value.expect("an address of ASCII is a header value"));
        self
    }

    /// The same, to be kept by caches for so many seconds.
    #[must_use]
    pub fn cached_for(mut self, seconds: u32) -> Self {
        let value = HeaderValue::try_from(format!("public, max-age={seconds}"));
        self.headers.insert(CACHE_CONTROL, value.expect("digits are a header value"));
        self
    }

    /// The same, saying whether Redis had what it answers.
    #[must_use]
    pub fn from_cache(self, hit: bool) -> Self {
        self.with_header(HeaderName::from_static("x-cache"), if hit { "hit" } else { "miss" })
    }

    /// The same with a cookie that only our own pages send, over TLS, and no script sees.
    #[must_use]
    pub fn with_cookie(mut self, name: &str, value: &str, path: &str, max_age_s: i64) -> Self {
        let cookie = format!(
            "{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly; Secure; SameSite=Strict"
        );
        let cookie = HeaderValue::try_from(cookie).expect("ids and base64 are a header value");
        self.headers.append(SET_COOKIE, cookie);
        self
    }

    /// The same, marked as the repetition of a first outcome.
    #[must_use]
    pub fn replayed_if(self, replayed: bool) -> Self {
        let header = HeaderName::from_static("idempotent-replay");
        if replayed { self.with_header(header, "true") } else { self }
    }
}
