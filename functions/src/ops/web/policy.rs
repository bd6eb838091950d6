//! What each document of the app may load and do. A browser takes the policy from the document
//! that it loaded, so a page that needs more is a document of its own, entered by a full
//! navigation. `functions/web/src/app/documents.ts` has the same table.

use http::header::{CONTENT_SECURITY_POLICY, HeaderName, X_FRAME_OPTIONS};
use thali_platform::app::App;
use thali_platform::http::Problem;

const PAY: &str = "/app/student/buy";
const COUNTER: &str = "/app/counter";

/// Razorpay's API, and where its checkout is.
const RAZORPAY: &str = "https://api.razorpay.com";
const RAZORPAY_CHECKOUT: &str = "https://checkout.razorpay.com";
/// Where its checkout reports to; without it the browser's console fills with errors.
const RAZORPAY_REPORTS: &str = "https://lumberjack.razorpay.com";

/// The policy of a worker's script: a worker does not inherit its page's policy. The counter's
/// decoder compiles WebAssembly.
pub const OF_WORKERS: &str =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// Whether a file is the script of a worker; the build names it so.
pub fn is_worker(name: &str) -> bool {
    name.starts_with("assets/") && name.contains("-worker-")
}

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// All pages but the following.
    Main,
    /// The page that pays: it may run the payment partner's checkout.
    Pay,
    /// The counter: its decoder is WebAssembly.
    Counter,
    /// The viewer of the API's description.
    Docs,
    /// The service worker, which fetches the app's files.
    Worker,
}

impl Document {
    /// The document at a path, if it has one.
    pub fn at(path: &str) -> Option<Self> {
        let below = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match path {
            "/" => Some(Self::Main),
            "/docs" => Some(Self::Docs),
            "/sw.js" => Some(Self::Worker),
            _ if below(PAY) => Some(Self::Pay),
            _ if below(COUNTER) => Some(Self::Counter),
            _ if below("/app") => Some(Self::Main),
            _ => None,
        }
    }

    /// The file that is sent.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Main | Self::Pay | Self::Counter => "index.html",
            Self::Docs => "docs.html",
            Self::Worker => "sw.js",
        }
    }

    pub fn headers(self, origins: &Origins) -> [(HeaderName, String); 4] {
        let opener = match self {
            // Some banks open a window of their own and answer through it.
            Self::Pay => "same-origin-allow-popups",
            _ => "same-origin",
        };
        [
            (CONTENT_SECURITY_POLICY, self.content_policy(origins)),
            (
                HeaderName::from_static("permissions-policy"),
                "camera=(self), microphone=(), geolocation=(), usb=(), payment=(self)".to_owned(),
            ),
            (HeaderName::from_static("cross-origin-opener-policy"), opener.to_owned()),
            (X_FRAME_OPTIONS, "DENY".to_owned()),
        ]
    }

    fn content_policy(self, origins: &Origins) -> String {
        let uploads = &origins.uploads;
        let checkout = origins.checkout.join(" ");
        let (scripts, frames, connects, images) = match self {
            Self::Main => (String::new(), "'none'".to_owned(), uploads.clone(), uploads.clone()),
            Self::Pay => (
                format!(" {checkout}"),
                checkout.clone(),
                format!("{uploads} {checkout}"),
                format!("{uploads} {checkout}"),
            ),
            Self::Counter => (
                " 'wasm-unsafe-eval'".to_owned(),
                "'none'".to_owned(),
                uploads.clone(),
                uploads.clone(),
            ),
            Self::Docs | Self::Worker => {
                (String::new(), "'none'".to_owned(), String::new(), String::new())
            }
        };
        let policy = format!(
            "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; \
             img-src 'self' data: blob: {images}; media-src 'self' blob:; font-src 'self'; \
             connect-src 'self' {connects}; frame-src {frames}; worker-src 'self'; \
             manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        policy.replace(" ;", ";")
    }
}

/// The other origins with which the app speaks.
#[derive(Debug)]
pub struct Origins {
    /// Where pictures are uploaded to and shown from.
    uploads: String,
    /// Where the payment partner's checkout is.
    checkout: Vec<String>,
    /// The script of that checkout.
    pub checkout_script: String,
}

impl Origins {
    pub async fn of(app: &App) -> Result<Self, Problem> {
        let address = app.blobs().download_from("x", app.clock.now()).await;
        let address = address.map_err(Problem::internal)?;
        let uploads = origin(&address).unwrap_or_default();
        let partner = &app.web().razorpay_url;
        if partner == RAZORPAY {
            let checkout = [RAZORPAY_CHECKOUT, RAZORPAY, RAZORPAY_REPORTS].map(str::to_owned);
            let checkout_script = format!("{RAZORPAY_CHECKOUT}/v1/checkout.js");
            return Ok(Self { uploads, checkout: checkout.to_vec(), checkout_script });
        }
        // The sandbox in place of the partner has a checkout of its own.
        let checkout = origin(partner).into_iter().collect();
        Ok(Self { uploads, checkout, checkout_script: format!("{partner}/v1/checkout.js") })
    }

    #[cfg(test)]
    pub fn for_tests() -> Self {
        Self {
            uploads: "https://bucket.example".to_owned(),
            checkout: vec![RAZORPAY_CHECKOUT.to_owned(), RAZORPAY.to_owned()],
            checkout_script: format!("{RAZORPAY_CHECKOUT}/v1/checkout.js"),
        }
    }
}

/// The scheme, host and port of an address.
fn origin(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    (!authority.is_empty()).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(path: &str) -> String {
        Document::at(path).expect("a document").content_policy(&Origins::for_tests())
    }

    fn directive(policy: &str, name: &str) -> String {
        let found = policy.split("; ").find_map(|it| it.strip_prefix(&format!("{name} ")));
        found.unwrap_or_default().to_owned()
    }

    #[test]
    fn nothing_inline_runs_in_any_document() {
        for path in ["/", "/app/student", "/app/student/buy", "/app/counter", "/docs"] {
            let policy = policy(path);
            assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
            assert_eq!(directive(&policy, "default-src"), "'none'", "{path}");
            assert_eq!(directive(&policy, "frame-ancestors"), "'none'", "{path}");
            assert_eq!(directive(&policy, "style-src"), "'self'", "{path}");
        }
    }

    #[test]
    fn only_the_page_that_pays_may_load_the_checkout() {
        for path in ["/", "/app/student", "/app/student/buying", "/app/counter", "/docs"] {
            assert!(!policy(path).contains("razorpay"), "{path}");
        }
        for path in ["/app/student/buy", "/app/student/buy/", "/app/student/buy/ord_1"] {
            let policy = policy(path);
            for name in ["script-src", "frame-src", "connect-src"] {
                assert!(directive(&policy, name).contains(RAZORPAY_CHECKOUT), "{path} {name}");
            }
        }
    }

    #[test]
    fn only_the_counter_may_compile_webassembly() {
        let scripts = |path: &str| directive(&policy(path), "script-src");
        assert_eq!(scripts("/app/counter"), "'self' 'wasm-unsafe-eval'");
        assert_eq!(scripts("/app/counter/orders"), "'self' 'wasm-unsafe-eval'");
        for path in ["/", "/app/counters", "/app/owner", "/docs"] {
            assert_eq!(scripts(path), "'self'", "{path}");
        }
    }

    #[test]
    fn pages_connect_to_their_origin_and_the_bucket_only() {
        assert_eq!(directive(&policy("/"), "connect-src"), "'self' https://bucket.example");
        for path in ["/docs", "/sw.js"] {
            assert_eq!(directive(&policy(path), "connect-src"), "'self'", "{path}");
        }
    }

    #[test]
    fn an_origin_has_no_path_and_no_query() {
        let cases = [
            ("http://127.0.0.1:4566/bucket/x?X-Amz=1", Some("http://127.0.0.1:4566")),
            (
                "https://b.s3.ap-south-1.amazonaws.com/x",
                Some("https://b.s3.ap-south-1.amazonaws.com"),
            ),
            ("memory:x", None),
        ];
        for (address, expected) in cases {
            assert_eq!(origin(address).as_deref(), expected);
        }
    }
}
