//! How large responses travel: not at all to a client that has the content already (`ETag` and 304,
//! RFC 9110), and compressed to one that takes gzip. The gateway does neither.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, StatusCode};
use lambda_http::Body;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::request::Request;
use super::response::Response;

impl Response {
    /// The response with the tag of its `content`, or a 304 without a body if the client has this
    /// content already. `content` leaves out what says only when the response was made.
    #[must_use]
    pub fn unless_known(mut self, request: &Request, content: &impl Serialize) -> Self {
        let content = serde_json::to_vec(content).expect("answers are plain data and serialise");
        let digest = URL_SAFE_NO_PAD.encode(&Sha256::digest(content)[..16]);
        // A weak tag: the same content may be compressed or not, and may say another time.
        let tag = format!("W/\"{digest}\"");
        let is_known = knows(&request.headers, &digest);
        self.headers.insert(ETAG, HeaderValue::try_from(tag).expect("base64 is a header value"));
        if is_known {
            self.headers.remove(CONTENT_TYPE);
            return Self { status: StatusCode::NOT_MODIFIED, body: Body::Empty, ..self };
        }
        self
    }

    /// The response with its text compressed, if the client takes gzip.
    #[must_use]
    pub fn compressed_for(mut self, request: &Request) -> Self {
        self.headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        let Body::Text(text) = &self.body else { return self };
        if !takes_gzip(&request.headers) {
            return self;
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes()).expect("a write to memory does not fail");
        let compressed = gzip.finish().expect("a write to memory does not fail");
        self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Self { body: Body::Binary(compressed), ..self }
    }
}

/// Whether one of the tags in `If-None-Match` has this text, weak or strong.
fn knows(headers: &HeaderMap, digest: &str) -> bool {
    values(headers, &IF_NONE_MATCH)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == digest)
}

/// Whether `Accept-Encoding` has gzip, or anything, and does not give it the weight zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |coding: &str| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        (name, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    };
    let codings: Vec<(String, f32)> = values(headers, &ACCEPT_ENCODING).map(weight).collect();
    let of = |wanted: &str| codings.iter().find(|(name, _)| name == wanted).map(|(_, it)| *it);
    of("gzip").or_else(|| of("*")).is_some_and(|weight| weight > 0.0)
}

/// The elements of a header that is a list.
fn values<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_only_to_clients_that_take_it() {
        for (accepted, taken) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("gzip; q=0.0", false),
            ("br, identity", false),
            ("x-gzip-like", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&with(ACCEPT_ENCODING, accepted)), taken, "{accepted}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_tag_is_found_in_any_list() {
        for (sent, known) in [
            ("W/\"abc\"", true),
            ("\"abc\"", true),
            ("\"x\", W/\"abc\"", true),
            ("*", true),
            ("W/\"abcd\"", false),
            ("", false),
        ] {
            assert_eq!(knows(&with(IF_NONE_MATCH, sent), "abc"), known, "{sent}");
        }
    }
}
