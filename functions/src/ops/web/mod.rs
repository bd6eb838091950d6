//! The web app: its pages, its files and the viewer of the API's description, from the folder
//! `web` beside the binary.
//!
//! | path | answer |
//! |---|---|
//! | `/`, `/app`, `/app/…` | the app's page, with the policy of the document |
//! | `/app/config.json` | what the app must know of the deployment |
//! | `/docs` | the viewer of `/openapi.json` |
//! | `/sw.js`, `/manifest.webmanifest`, `/assets/…` | files |
//!
//! These paths are no part of the API, so `/openapi.json` does not describe them. They have no
//! rate limit: a whole hostel may share one address, and the files come from memory.

mod files;
mod policy;

use std::path::PathBuf;
use std::sync::OnceLock;

use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use serde::Serialize;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Rate, Request, Response};
use thali_platform::problems;

use self::files::{Encoding, Files, Stored};
use self::policy::{Document, Origins};

/// Not part of [`crate::endpoints`], because it is no part of the API.
pub static ENDPOINT: Endpoint = Endpoint::get(
    "web",
    &["/", "/app", "/app/{proxy+}", "/assets/{proxy+}", "/docs", "/manifest.webmanifest", "/sw.js"],
    Access::Public,
    handler!(web),
)
.pages()
.rate(Rate::Unlimited)
.needs(&[Part::Web, Part::Blobs])
.summary("The web app")
.refuses(&["not_found"]);

/// How long a browser keeps a file whose name has the hash of its contents.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// A browser asks each time whether it has the newest.
const ASK: &str = "no-cache";

const CONFIG_PATH: &str = "/app/config.json";

async fn web(app: &App, _caller: &Caller, request: &Request) -> Result<Response, Problem> {
    static FILES: OnceLock<Files> = OnceLock::new();
    static ORIGINS: OnceLock<Origins> = OnceLock::new();
    let origins = if let Some(known) = ORIGINS.get() {
        known
    } else {
        let found = Origins::of(app).await?;
        ORIGINS.get_or_init(|| found)
    };
    if request.path == CONFIG_PATH {
        return Ok(Response::ok(&Config { checkout_script: &origins.checkout_script }));
    }
    let root = app.web().root.clone().map_or_else(beside_the_binary, PathBuf::from);
    let files = FILES.get_or_init(|| Files::read(&root));
    answer(files, origins, &request.path, &request.headers)
}

/// What the app must know of the deployment.
#[derive(Serialize)]
struct Config<'a> {
    /// The script of the payment partner's checkout.
    checkout_script: &'a str,
}

fn beside_the_binary() -> PathBuf {
    let binary = std::env::current_exe().unwrap_or_default();
    binary.parent().map(|folder| folder.join("web")).unwrap_or_default()
}

/// The file of a path, as the client wants it.
fn answer(
    files: &Files,
    origins: &Origins,
    path: &str,
    asked: &HeaderMap,
) -> Result<Response, Problem> {
    let document = Document::at(path);
    let name = match document {
        Some(document) => document.file(),
        None => path.strip_prefix('/').unwrap_or_default(),
    };
    let is_served =
        document.is_some() || name == "manifest.webmanifest" || name.starts_with("assets/");
    // A map of the names that exist: no path leads out of the folder.
    let stored = files.get(name).filter(|_| is_served).ok_or_else(problems::route_not_found)?;
    let encoding = stored.best(header(asked, &ACCEPT_ENCODING));
    let etag = format!("\"{}{}\"", stored.hash, encoding.suffix());
    let mut response = if header(asked, &IF_NONE_MATCH).is_some_and(|known| matches(known, &etag)) {
        Response { status: StatusCode::NOT_MODIFIED, ..Response::no_content() }
    } else {
        content(stored, encoding)
    };
    let caching = if stored.is_hashed { FOREVER } else { ASK };
    response = response.with_header(CACHE_CONTROL, caching).with_header(VARY, "accept-encoding");
    response.headers.insert(ETAG, value(&etag));
    if let Some(document) = document {
        for (name, text) in document.headers(origins) {
            response.headers.insert(name, value(&text));
        }
    } else if policy::is_worker(name) {
        response.headers.insert(CONTENT_SECURITY_POLICY, value(policy::OF_WORKERS));
    }
    Ok(response)
}

fn content(stored: &Stored, encoding: Encoding) -> Response {
    let response = Response::file(stored.content_type, stored.bytes(encoding).to_vec());
    match encoding.name() {
        Some(name) => response.with_header(CONTENT_ENCODING, name),
        None => response,
    }
}

/// Whether an `If-None-Match` names the entity tag (RFC 9110, 13.1.2).
fn matches(known: &str, etag: &str) -> bool {
    let mut tags = known.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    tags.any(|tag| tag == "*" || tag == etag)
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).expect("policies and hashes are ASCII")
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    fn bytes_of(response: &Response) -> &[u8] {
        response.body.as_ref()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, text).expect("written");
        };
        write("index.html", "<p>page</p>");
        write("index.html.br", "BR");
        write("index.html.gz", "GZ");
        write("docs.html", "<p>docs</p>");
        write("sw.js", "worker");
        write("assets/app-Dr6E9o-z.js", "code");
        write("assets/zxing-worker-CM9LgEuK.js", "code");
        write("assets/icons/icon.svg", "<svg/>");
        folder
    }

    fn get(path: &str, headers: &[(HeaderName, &str)]) -> Result<Response, Problem> {
        let files = Files::read(folder().path());
        let asked = headers.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        answer(&files, &Origins::for_tests(), path, &asked)
    }

    fn told(response: &Response, name: &HeaderName) -> String {
        header(&response.headers, name).unwrap_or_default().to_owned()
    }

    #[test]
    fn every_path_of_the_app_is_the_page() {
        for path in ["/", "/app", "/app/", "/app/student", "/app/student/buy", "/app/a/b/c"] {
            let response = get(path, &[]).expect("the page");
            assert_eq!(bytes_of(&response), b"<p>page</p>", "{path}");
            assert_eq!(told(&response, &CONTENT_TYPE), "text/html; charset=utf-8");
            assert_eq!(told(&response, &CACHE_CONTROL), ASK);
        }
        assert_eq!(bytes_of(&get("/docs", &[]).expect("the viewer")), b"<p>docs</p>");
    }

    #[test]
    fn only_files_with_a_hash_are_kept_for_ever() {
        let hashed = get("/assets/app-Dr6E9o-z.js", &[]).expect("a file");
        assert_eq!(told(&hashed, &CACHE_CONTROL), FOREVER);
        assert_eq!(told(&hashed, &CONTENT_TYPE), "text/javascript; charset=utf-8");
        for path in ["/sw.js", "/assets/icons/icon.svg"] {
            assert_eq!(told(&get(path, &[]).expect("a file"), &CACHE_CONTROL), ASK, "{path}");
        }
    }

    #[test]
    fn a_worker_has_a_policy_of_its_own() {
        let policy = |path: &str| told(&get(path, &[]).expect("a file"), &CONTENT_SECURITY_POLICY);
        assert_eq!(policy("/assets/zxing-worker-CM9LgEuK.js"), policy::OF_WORKERS);
        assert_eq!(policy("/assets/app-Dr6E9o-z.js"), "");
    }

    #[test]
    fn nothing_else_is_found_and_no_path_leads_out() {
        for path in [
            "/assets/nothing.js",
            "/assets/",
            "/assets/../index.html",
            "/assets/..%2f..%2fbootstrap",
            "/assets//etc/passwd",
            "/assets/app-Dr6E9o-z.js/",
            "/index.html",
            "/index.html.br",
            "/bootstrap",
        ] {
            let refused = get(path, &[]).err().map(|problem| problem.code);
            assert_eq!(refused, Some("not_found"), "{path}");
        }
    }

    #[test]
    fn the_encoding_is_the_one_that_the_client_prefers() {
        let cases = [
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("br;q=0.2, gzip;q=0.8", "gzip"),
            ("br;q=0, gzip;q=0", ""),
            ("*", "br"),
            ("*;q=0", ""),
            ("identity;q=1, br;q=0.5", ""),
            ("deflate", ""),
            ("", ""),
        ];
        for (accepts, expected) in cases {
            let response = get("/", &[(ACCEPT_ENCODING, accepts)]).expect("the page");
            assert_eq!(told(&response, &CONTENT_ENCODING), expected, "{accepts}");
            assert_eq!(told(&response, &VARY), "accept-encoding");
        }
        // Only what is there can be sent.
        let plain = get("/sw.js", &[(ACCEPT_ENCODING, "br")]).expect("a file");
        assert_eq!(told(&plain, &CONTENT_ENCODING), "");
    }

    #[test]
    fn a_known_page_is_answered_with_304() {
        let first = get("/", &[(ACCEPT_ENCODING, "br")]).expect("the page");
        let etag = told(&first, &ETAG);
        for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let headers = [(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, known.as_str())];
            let again = get("/", &headers).expect("nothing new");
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{known}");
            assert!(bytes_of(&again).is_empty());
            assert_eq!(told(&again, &ETAG), etag);
        }
        // Another encoding is another representation.
        let plain = get("/", &[(IF_NONE_MATCH, &etag)]).expect("the page");
        assert_eq!(plain.status, StatusCode::OK);
    }

    #[test]
    fn a_deployment_without_the_app_answers_404() {
        let files = Files::read(std::path::Path::new("/nonexistent"));
        let refused = answer(&files, &Origins::for_tests(), "/", &HeaderMap::new());
        assert_eq!(refused.err().map(|problem| problem.code), Some("not_found"));
    }
}
