//! The proof that a cycle was paid: an uploaded image, or the URL of an image elsewhere.

use serde::{Deserialize, Serialize};

use crate::Unacceptable;
use crate::pictures::ScreenshotKey;
use crate::text::{plain_schema, text_newtype};

/// The URL of an image on another site: `https`, at most 500 characters. Its content is not
/// checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScreenshotUrl(String);

impl ScreenshotUrl {
    const LENGTH_MAX: usize = 500;

    /// Parses a URL. A user name or a password before the host is refused, because it can make
    /// one site look like another.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
        // RFC 3986, appendix A: all other characters must be percent-encoded.
        let of_url = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        let accepted = text.len() <= Self::LENGTH_MAX
            && host.starts_with(|first: char| first.is_ascii_alphanumeric())
            && host.bytes().all(of_host)
            && rest.bytes().all(of_url);
        if accepted {
            Ok(Self(text.to_owned()))
        } else {
            let max = Self::LENGTH_MAX;
            Err(Unacceptable::new(format!(
                "must be an address that begins with https://, of at most {max} characters"
            )))
        }
    }
}
text_newtype!(ScreenshotUrl);
plain_schema!(ScreenshotUrl: String, pattern = "^https://[A-Za-z0-9]", max_length = 500);

/// The image that proves a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screenshot {
    /// An uploaded object that was checked to be an image.
    Uploaded(ScreenshotKey),
    /// An image on another site, which is not checked.
    Elsewhere(ScreenshotUrl),
}

impl std::fmt::Display for Screenshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uploaded(key) => key.fmt(f),
            Self::Elsewhere(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_screenshot_needs_a_safe_https_url() {
        let longest = format!("https://example.com/{}", "x".repeat(480));
        for accepted in [
            "https://example.com",
            "https://drive.example.com:8443/a/b.png?x=1&y=%20#top",
            "https://127.0.0.1/x",
            &longest,
        ] {
            assert!(ScreenshotUrl::parse(accepted).is_ok(), "{accepted}");
        }
        let too_long = format!("{longest}x");
        for refused in [
            "",
            "http://example.com/a.png",
            "https://",
            "https:///a.png",
            "https://.example.com",
            "https://bank.test@evil.test/a.png",
            "https://exa mple.com/",
            "https://example.com/\"><script>",
            "https://example.com/ü",
            "https://example.com/\n",
            "HTTPS://example.com/",
            "javascript:alert(1)",
            &too_long,
        ] {
            assert!(ScreenshotUrl::parse(refused).is_err(), "{refused}");
        }
    }
}
