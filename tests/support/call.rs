//! A call of an endpoint, and its response.

use std::io::Read;

use flate2::read::GzDecoder;
use http::HeaderMap;
use serde_json::{Map, Value, json};

/// A request that a test sends.
#[derive(Debug, Clone)]
pub struct Call {
    method: &'static str,
    path: String,
    headers: Map<String, Value>,
    cookies: Vec<String>,
    body: Option<String>,
    source_ip: String,
}

impl Call {
    /// A request with only a method and a path.
    pub fn new(method: &'static str, path: &str) -> Self {
        let headers = Map::from_iter([("host".to_owned(), json!("thali.test"))]);
        let source_ip = "192.0.2.1".to_owned();
        Self { method, path: path.to_owned(), headers, cookies: Vec::new(), body: None, source_ip }
    }

    /// A GET; the path may have a query.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST of JSON.
    pub fn post(path: &str, body: &Value) -> Self {
        Self::post_raw(path, "application/json", &body.to_string())
    }

    /// A POST of any text.
    pub fn post_raw(path: &str, content_type: &str, body: &str) -> Self {
        Self::with_body("POST", path, content_type, body)
    }

    /// A PATCH of JSON.
    pub fn patch(path: &str, body: &Value) -> Self {
        Self::with_body("PATCH", path, "application/json", &body.to_string())
    }

    pub fn with_body(method: &'static str, path: &str, content_type: &str, body: &str) -> Self {
        Self::new(method, path).header("content-type", content_type).sending(body)
    }

    /// Sets or replaces the body.
    pub fn sending(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// Adds an access token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds a header; its name must be in lower case.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), json!(value));
        self
    }

    /// Adds a cookie, `name=value`.
    pub fn cookie(mut self, cookie: &str) -> Self {
        self.cookies.push(cookie.to_owned());
        self
    }

    /// Sets the client's IP address.
    pub fn sent_from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.source_ip);
        self
    }

    pub fn method(&self) -> &str {
        self.method
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// This call as an HTTP request to the stack at `api_url`.
    pub fn over_http(&self, client: &reqwest::Client, api_url: &str) -> reqwest::RequestBuilder {
        let method = self.method.parse().expect("a method");
        let mut request = client.request(method, format!("{api_url}{}", self.path));
        for (name, value) in self.headers.iter().filter(|(name, _)| *name != "host") {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
        if !self.cookies.is_empty() {
            request = request.header("cookie", self.cookies.join("; "));
        }
        request.body(self.body.clone().unwrap_or_default())
    }

    /// The values of the parameters in a path template such as `/orders/{order_id}`.
    fn path_parameters(&self, template: &str) -> Map<String, Value> {
        let parts = template.split('/').zip(self.path().split('/'));
        let parameter = |(part, value): (&str, &str)| {
            let name = part.strip_prefix('{')?.strip_suffix('}')?;
            Some((name.to_owned(), json!(value)))
        };
        parts.filter_map(parameter).collect()
    }

    /// The event with which the gateway invokes the function with the path `template` (payload
    /// format 2.0).
    pub fn event(&self, template: &str, request_id: &str) -> Value {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        json!({
            "version": "2.0",
            "routeKey": format!("{} {template}", self.method),
            "rawPath": self.path(),
            "rawQueryString": query,
            "pathParameters": self.path_parameters(template),
            "cookies": self.cookies,
            "headers": self.headers,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "test",
                "domainName": "thali.test",
                "domainPrefix": "thali",
                "http": {
                    "method": self.method,
                    "path": self.path(),
                    "protocol": "HTTP/1.1",
                    "sourceIp": self.source_ip,
                    "userAgent": "tests",
                },
                "requestId": request_id,
                "routeKey": format!("{} {template}", self.method),
                "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": 1_767_225_600_000_i64,
            },
            "body": self.body,
            "isBase64Encoded": false,
        })
    }
}

/// The response to a call.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub body: Value,
    /// The body, decompressed.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Parses the body if the content type is JSON.
    pub fn new(status: u16, headers: HeaderMap, body: &[u8]) -> Self {
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok());
        let mut text = Vec::new();
        let is_compressed = headers.get("content-encoding").is_some_and(|it| it == "gzip");
        let body = if is_compressed {
            GzDecoder::new(body).read_to_end(&mut text).expect("the encoding is gzip");
            &text
        } else {
            body
        };
        // The local gateway sends a content type even with a 204.
        let is_json = !body.is_empty() && kind.is_some_and(|kind| kind.ends_with("json"));
        let json = is_json.then(|| serde_json::from_slice(body).expect("the content type is JSON"));
        Self { status, headers, body: json.unwrap_or_default(), bytes: body.to_vec() }
    }

    /// Returns the response if it has this status; otherwise panics and shows the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The problem's code, after asserting that the response is a complete problem of this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail", "code", "request_id"] {
            assert!(self.body[member].is_string(), "{member} in {}", self.body);
        }
        self.body["code"].as_str().expect("just checked")
    }

    /// The names of the fields in a 422 response, sorted.
    #[track_caller]
    pub fn wrong_fields(&self) -> Vec<&str> {
        assert_eq!(self.problem(422), "invalid_fields");
        let errors = self.body["errors"].as_array().expect("a 422 names its fields");
        let mut fields: Vec<&str> = errors.iter().filter_map(|e| e["field"].as_str()).collect();
        fields.sort_unstable();
        fields
    }

    /// A header's text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A text member of the body.
    #[track_caller]
    pub fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("{member} in {}", self.body))
    }

    /// The cookie of this name that the response sets, `name=value`.
    #[track_caller]
    pub fn cookie_named(&self, name: &str) -> String {
        let set = self.headers.get_all("set-cookie").iter().filter_map(|set| set.to_str().ok());
        let mut pairs = set.map(|set| set.split(';').next().unwrap_or_default());
        let found =
            pairs.find(|pair| pair.strip_prefix(name).is_some_and(|it| it.starts_with('=')));
        found.unwrap_or_else(|| panic!("{name} is set by {:?}", self.headers)).to_owned()
    }

    /// The refresh cookie that the response sets, `name=value`.
    #[track_caller]
    pub fn cookie(&self) -> String {
        let cookie = self.header("set-cookie");
        assert!(!cookie.is_empty(), "a cookie is set");
        cookie.split(';').next().unwrap_or_default().to_owned()
    }
}
