//! Uploaded objects. Their bytes never pass through a request function: clients upload to S3
//! and download from S3 directly, with a URL that is signed for one object and expires.

use std::collections::BTreeMap;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};

/// How long an upload URL is valid.
pub const UPLOAD_LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// How long a download URL is valid.
pub const DOWNLOAD_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Where objects are stored.
pub enum Blobs {
    /// Amazon S3.
    S3 {
        /// See [`s3_client`].
        client: Client,
        bucket: String,
    },
    /// A map in memory, for tests.
    Memory(Mutex<BTreeMap<String, Blob>>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blob {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Blob {
    fn version(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish().to_string()
    }
}

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub content_type: String,
    /// In bytes.
    pub length: u64,
    /// All of it; empty if it is longer than what was asked for.
    pub bytes: Vec<u8>,
    /// Which version of the object this is, as S3 names it (`ETag`).
    pub version: String,
}

/// A URL to which one object can be uploaded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    pub url: String,
    /// The headers that the client must send unchanged with the upload.
    pub headers: BTreeMap<String, String>,
    /// When the URL expires.
    pub expires_at: Timestamp,
}

/// An operation that S3 did not carry out.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// S3 was busy, too slow or unreachable.
    #[error("S3 does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// S3 refused the request, or the request could not be built: a programming error, or a
    /// missing right.
    #[error("S3 did not carry it out")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}

impl BlobError {
    fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Refused(cause.into())
    }

    /// The error of a call to S3. A response to HEAD has no body and so no error code, so the
    /// status decides whether the error is temporary.
    fn of_call<E: Error + Send + Sync + 'static>(error: SdkError<E>) -> Self {
        let later = match &error {
            SdkError::ServiceError(answer) => answer.raw().status().is_server_error(),
            SdkError::ConstructionFailure(_) => false,
            _ => true,
        };
        if later { Self::Unavailable(error.into()) } else { Self::Refused(error.into()) }
    }
}

/// A client whose signed URLs work with any HTTP client.
///
/// The client adds no checksums: they would become part of the signature, and the uploading
/// browser does not send them. If an endpoint is configured, as for an emulator, the bucket's
/// name is in the path, because it does not resolve as a host there.
#[must_use]
pub fn s3_client(aws: &SdkConfig) -> Client {
    let config = aws_sdk_s3::config::Builder::from(aws)
        .force_path_style(aws.endpoint_url().is_some())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Client::from_conf(config.build())
}

impl Blobs {
    /// Signs a URL for the upload of an object with this content type and exactly this many
    /// bytes. S3 refuses the upload if the key exists, so that nobody can replace an object
    /// that was checked.
    pub async fn upload_to(
        &self,
        key: &str,
        content_type: &str,
        length: u64,
        now: Timestamp,
    ) -> Result<Upload, BlobError> {
        let expires_at = now + UPLOAD_LIFETIME;
        match self {
            Self::S3 { client, bucket } => {
                let signed = client
                    .put_object()
                    .bucket(bucket)
                    .key(key)
                    .content_type(content_type)
                    .content_length(i64::try_from(length).map_err(BlobError::new)?)
                    .if_none_match("*")
                    .presigned(presigning_config(UPLOAD_LIFETIME, now)?)
                    .await
                    .map_err(BlobError::new)?;
                let headers = signed.headers().map(|(name, value)| (name.into(), value.into()));
                Ok(Upload { url: signed.uri().to_owned(), headers: headers.collect(), expires_at })
            }
            Self::Memory(_) => Ok(Upload {
                url: format!("memory:{key}"),
                headers: BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]),
                expires_at,
            }),
        }
    }

    /// Signs a URL from which an object can be downloaded.
    pub async fn download_from(&self, key: &str, now: Timestamp) -> Result<String, BlobError> {
        match self {
            Self::S3 { client, bucket } => {
                let request = client.get_object().bucket(bucket).key(key);
                let signed = request.presigned(presigning_config(DOWNLOAD_LIFETIME, now)?).await;
                Ok(signed.map_err(BlobError::new)?.uri().to_owned())
            }
            Self::Memory(_) => Ok(format!("memory:{key}")),
        }
    }

    /// Reads an object, without its bytes if there are more than `length_max`; `None` if the object
    /// does not exist.
    pub async fn read(&self, key: &str, length_max: u64) -> Result<Option<Object>, BlobError> {
        match self {
            Self::S3 { client, bucket } => read_from_s3(client, bucket, key, length_max).await,
            Self::Memory(blobs) => {
                let blobs = blobs.lock().expect("no holder of the map panics");
                Ok(blobs.get(key).map(|blob| {
                    let length = blob.bytes.len() as u64;
                    let bytes = if length <= length_max { blob.bytes.clone() } else { Vec::new() };
                    let content_type = blob.content_type.clone();
                    Object { content_type, length, bytes, version: blob.version() }
                }))
            }
        }
    }

    /// Replaces an object by other bytes of the same content type, if it is still the version
    /// that was read. Returns whether it was.
    pub async fn replace(
        &self,
        key: &str,
        read: &Object,
        bytes: Vec<u8>,
    ) -> Result<bool, BlobError> {
        match self {
            Self::S3 { client, bucket } => {
                let put = client.put_object().bucket(bucket).key(key).if_match(&read.version);
                let put = put.content_type(&read.content_type).body(bytes.into()).send().await;
                match put {
                    Ok(_) => Ok(true),
                    // Another version is there, or none, or one that is being written.
                    Err(error)
                        if matches!(
                            error.code(),
                            Some("PreconditionFailed" | "NoSuchKey" | "ConditionalRequestConflict")
                        ) =>
                    {
                        Ok(false)
                    }
                    Err(error) => Err(BlobError::of_call(error)),
                }
            }
            Self::Memory(blobs) => {
                let mut blobs = blobs.lock().expect("no holder of the map panics");
                let found = blobs.get_mut(key).filter(|blob| blob.version() == read.version);
                Ok(found.map(|blob| blob.bytes = bytes).is_some())
            }
        }
    }

    /// The keys that begin with a prefix, sorted.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, BlobError> {
        match self {
            Self::S3 { client, bucket } => {
                let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
                let mut pages = request.into_paginator().send();
                let mut keys = Vec::new();
                while let Some(page) = pages.next().await {
                    let objects = page.map_err(BlobError::of_call)?.contents.unwrap_or_default();
                    keys.extend(objects.into_iter().filter_map(|object| object.key));
                }
                Ok(keys)
            }
            Self::Memory(blobs) => {
                let blobs = blobs.lock().expect("no holder of the map panics");
                Ok(blobs.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
            }
        }
    }

    /// Removes an object, if there is one.
    pub async fn remove(&self, key: &str) -> Result<(), BlobError> {
        match self {
            Self::S3 { client, bucket } => {
                let request = client.delete_object().bucket(bucket).key(key);
                request.send().await.map(drop).map_err(BlobError::of_call)
            }
            Self::Memory(blobs) => {
                blobs.lock().expect("no holder of the map panics").remove(key);
                Ok(())
            }
        }
    }

    /// Puts an object into the memory backend, as an upload would; does nothing for S3.
    pub fn uploaded(&self, key: &str, blob: Blob) {
        if let Self::Memory(blobs) = self {
            blobs.lock().expect("no holder of the map panics").insert(key.to_owned(), blob);
        }
    }
}

fn presigning_config(
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<PresigningConfig, BlobError> {
    let config = PresigningConfig::builder().start_time(now.into());
    config.expires_in(lifetime.unsigned_abs()).build().map_err(BlobError::new)
}

async fn read_from_s3(
    client: &Client,
    bucket: &str,
    key: &str,
    length_max: u64,
) -> Result<Option<Object>, BlobError> {
    let read = match client.get_object().bucket(bucket).key(key).send().await {
        Ok(read) => read,
        Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
        Err(error) => return Err(BlobError::of_call(error)),
    };
    let length = read.content_length.and_then(|length| length.try_into().ok()).unwrap_or(0);
    let bytes = if length <= length_max {
        let body = read.body.collect().await;
        body.map_err(|cut_off| BlobError::Unavailable(cut_off.into()))?.to_vec()
    } else {
        Vec::new()
    };
    Ok(Some(Object {
        content_type: read.content_type.unwrap_or_default(),
        length,
        bytes,
        version: read.e_tag.unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};

    use super::*;

    fn blobs(endpoint: Option<&str>) -> Blobs {
        let keys = Credentials::new("AKIDEXAMPLE", "secret", Some("session".into()), None, "test");
        let mut aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-south-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys));
        aws.set_endpoint_url(endpoint.map(str::to_owned));
        Blobs::S3 { client: s3_client(&aws.build()), bucket: "thali-blobs-1".to_owned() }
    }

    fn now() -> Timestamp {
        "2026-01-15T06:30:00Z".parse().expect("a time")
    }

    #[tokio::test]
    async fn an_upload_url_fixes_type_and_length_and_requires_a_new_key() {
        let upload = blobs(None).upload_to("pictures/a/b.png", "image/png", 1_234, now()).await;
        let upload = upload.expect("signed");
        assert_eq!(upload.expires_at, now() + UPLOAD_LIFETIME);
        let (address, query) = upload.url.split_once('?').expect("signed in the query");
        let host = "https://thali-blobs-1.s3.ap-south-1.amazonaws.com";
        assert_eq!(address, format!("{host}/pictures/a/b.png"));
        for part in [
            "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match",
            "X-Amz-Expires=600",
            "X-Amz-Date=20260115T063000Z",
        ] {
            assert!(query.split('&').any(|it| it == part), "{part} in {query}");
        }
        assert!(!query.to_lowercase().contains("checksum"), "{query}");
        let headers: Vec<(&str, &str)> =
            upload.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected =
            [("content-length", "1234"), ("content-type", "image/png"), ("if-none-match", "*")];
        assert_eq!(headers, expected);
    }

    #[tokio::test]
    async fn a_download_needs_only_its_url() {
        let url = blobs(None).download_from("pictures/a/b.png", now()).await.expect("signed");
        let query = url.split_once('?').expect("signed in the query").1;
        for part in ["X-Amz-SignedHeaders=host", "X-Amz-Expires=900"] {
            assert!(query.split('&').any(|it| it == part), "{part} in {query}");
        }
    }

    #[tokio::test]
    async fn a_configured_endpoint_puts_the_bucket_into_the_path() {
        let blobs = blobs(Some("http://storage.test:4566"));
        let url = blobs.download_from("pictures/a/b.png", now()).await.expect("signed");
        assert!(
            url.starts_with("http://storage.test:4566/thali-blobs-1/pictures/a/b.png?"),
            "{url}"
        );
    }
}
