//! The files of the web app, read once and kept in memory with their compressed forms.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

/// How the bytes of a file are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// The name in `Content-Encoding`.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// The end of an entity tag: each encoding is a representation of its own.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gzip",
            Self::Identity => "",
        }
    }
}

/// A file.
pub struct Stored {
    pub content_type: &'static str,
    /// Of the contents.
    pub hash: String,
    /// Whether the build has put a hash of the contents into the name, so that a file with this
    /// name never changes.
    pub is_hashed: bool,
    plain: Vec<u8>,
    brotli: Option<Vec<u8>>,
    gzip: Option<Vec<u8>>,
}

impl Stored {
    pub fn bytes(&self, encoding: Encoding) -> &[u8] {
        let compressed = match encoding {
            Encoding::Brotli => self.brotli.as_ref(),
            Encoding::Gzip => self.gzip.as_ref(),
            Encoding::Identity => None,
        };
        compressed.unwrap_or(&self.plain)
    }

    /// The form that an `Accept-Encoding` prefers (RFC 9110, 12.5.3); brotli if it is a tie.
    pub fn best(&self, accepts: Option<&str>) -> Encoding {
        let Some(accepts) = accepts else { return Encoding::Identity };
        let stored =
            [(Encoding::Brotli, self.brotli.is_some()), (Encoding::Gzip, self.gzip.is_some())];
        let mut best = (Encoding::Identity, weight(accepts, "identity").unwrap_or(0));
        for (encoding, is_stored) in stored {
            let asked = encoding.name().and_then(|name| weight(accepts, name));
            let asked = asked.or_else(|| weight(accepts, "*")).unwrap_or(0);
            if is_stored && asked > best.1 {
                best = (encoding, asked);
            }
        }
        best.0
    }
}

/// The weight of a coding in thousandths; `None` if it is not named.
fn weight(accepts: &str, coding: &str) -> Option<u32> {
    accepts.split(',').find_map(|part| {
        let mut parameters = part.split(';').map(str::trim);
        if !parameters.next()?.eq_ignore_ascii_case(coding) {
            return None;
        }
        let q = parameters.find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q=")));
        let q: f64 = q.map_or(Ok(1.0), str::parse).ok().filter(|q| (0.0..=1.0).contains(q))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1000"
        )]
        Some((q * 1000.0).round() as u32)
    })
}

/// All files by name, such as `assets/icon.svg`.
pub struct Files(BTreeMap<String, Stored>);

impl Files {
    /// Reads a folder. What cannot be read is not served.
    pub fn read(root: &Path) -> Self {
        let mut read = BTreeMap::new();
        if let Err(error) = read_below(root, "", &mut read) {
            tracing::error!(%error, "the web app's files cannot be read");
        }
        let names: Vec<String> = read.keys().filter(|name| !is_compressed(name)).cloned().collect();
        let stored = names.into_iter().filter_map(|name| {
            let plain = read.remove(&name)?;
            let stored = Stored {
                content_type: content_type(&name),
                hash: hash(&plain),
                is_hashed: is_hashed(&name),
                brotli: read.remove(&format!("{name}.br")),
                gzip: read.remove(&format!("{name}.gz")),
                plain,
            };
            Some((name, stored))
        });
        Self(stored.collect())
    }

    pub fn get(&self, name: &str) -> Option<&Stored> {
        self.0.get(name)
    }
}

fn read_below(
    folder: &Path,
    prefix: &str,
    read: &mut BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Such as `.vite`, in which the build leaves notes.
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            read_below(&entry.path(), &format!("{name}/"), read)?;
        } else {
            read.insert(name, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn is_compressed(name: &str) -> bool {
    [".br", ".gz"].iter().any(|ending| name.ends_with(ending))
}

/// The build names what is directly in `assets`; the files in folders below keep their names.
fn is_hashed(name: &str) -> bool {
    name.strip_prefix("assets/").is_some_and(|rest| !rest.contains('/'))
}

fn hash(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
