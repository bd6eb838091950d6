//! The response of a handler.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LINK, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use lambda_http::Body;
use serde::Serialize;
use serde_json::json;

/// A response. It gets `Cache-Control: no-store` unless it sets that header itself.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
}

impl Response {
    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("answers are plain data and serialise");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body: Body::Text(body) }
    }

    /// 200 with a body other than JSON, of this content type.
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

    /// 202: accepted, but not processed yet.
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

    /// Sets a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Sets a `Link` header (RFC 8288) with the address of the next part. The address must be
    /// ASCII.
    #[must_use]
    pub fn linking_next(mut self, address: &str) -> Self {
        let value = HeaderValue::try_from(format!("<{address}>; rel=\"next\""));
        self.headers.insert(LINK, value.expect("an address of ASCII is a header value"));
        self
    }

    /// Allows caches to keep the response for this many seconds.
    #[must_use]
    pub fn cached_for(mut self, seconds: u32) -> Self {
        let value = HeaderValue::try_from(format!("public, max-age={seconds}"));
        self.headers.insert(CACHE_CONTROL, value.expect("digits are a header value"));
        self
    }

    /// Says in `X-Cache` whether the response came from Redis.
    #[must_use]
    pub fn from_cache(self, hit: bool) -> Self {
        self.with_header(HeaderName::from_static("x-cache"), if hit { "hit" } else { "miss" })
    }

    /// Adds a cookie that only our own pages send, only over TLS, and that no script can read.
    #[must_use]
    pub fn with_cookie(mut self, name: &str, value: &str, path: &str, max_age_s: i64) -> Self {
        self.headers.append(SET_COOKIE, cookie(name, value, path, max_age_s));
        self
    }

    /// Marks the response as the replay of a first outcome, if it is one.
    #[must_use]
    pub fn replayed_if(self, replayed: bool) -> Self {
        let header = HeaderName::from_static("idempotent-replay");
        if replayed { self.with_header(header, "true") } else { self }
    }
}

/// The header of [`Response::with_cookie`].
pub(super) fn cookie(name: &str, value: &str, path: &str, max_age_s: i64) -> HeaderValue {
    let cookie = format!(
        "{name}={value}; Path={path}; Max-Age={max_age_s}; HttpOnly; Secure; SameSite=Strict"
    );
    HeaderValue::try_from(cookie).expect("ids and base64 are a header value")
}
