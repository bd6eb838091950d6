//! What one function's process holds: clients, keys and the clock, made once at start.

use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use jsonwebtoken::jwk::JwkSet;
use secrecy::SecretString;
use std::time::Duration;
use thali_domain::ids::MessId;

use crate::auth::access::{Signer, Verifier};
use crate::aws;
use crate::blobs::{Blobs, s3_client};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::{Config, MailConfig, Part, WebConfig};
use crate::mail::Mailer;
use crate::queue::Queues;
use crate::razorpay::Razorpay;
use crate::store::{Store, dynamodb_client};

/// An error that prevents a function from starting.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// The external systems of a function. Tests pass their own.
pub struct Backends {
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Only in functions that declare [`Part::Queues`].
    pub queues: Option<Queues>,
    /// Only in functions that declare [`Part::Mail`].
    pub mailer: Option<Mailer>,
    /// Only in functions that declare [`Part::Blobs`].
    pub blobs: Option<Blobs>,
    pub clock: Clock,
}

/// Everything that a handler may use.
pub struct App {
    /// The current time and new ids.
    pub clock: Clock,
    pub store: Store,
    pub cache: Cache,
    /// The mess of public requests that name none.
    pub default_mess: Option<MessId>,
    /// The factor that multiplies all rate limits.
    pub rate_limit_factor: u32,
    pub jwt_issuer: String,
    jwks: Option<JwkSet>,
    verifier: Option<Verifier>,
    signer: Option<Signer>,
    refresh_key: Option<SecretString>,
    otp_key: Option<SecretString>,
    pin_key: Option<SecretString>,
    qr_key: Option<SecretString>,
    razorpay: Option<Razorpay>,
    webhook_secrets: Option<Vec<SecretString>>,
    queues: Option<Queues>,
    mailer: Option<Mailer>,
    mail: Option<MailConfig>,
    blobs: Option<Blobs>,
    web: Option<WebConfig>,
}

/// Accessors for the fields that only functions declaring the [`Part`] have.
macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $part:ident;)*) => {
        $($(#[$doc])*
        ///
        /// # Panics
        ///
        /// If the function does not declare the part. The stack tests call every function.
        #[must_use]
        pub fn $name(&self) -> &$type {
            self.$name.as_ref().expect(concat!("the function declares Part::", stringify!($part)))
        })*
    };
}

impl App {
    /// Makes the app of a function that needs `parts`, from the process's environment.
    pub async fn from_env(parts: &[Part]) -> Result<Self, StartError> {
        let lookup = |name: &str| std::env::var(name).ok();
        let config = Config::read(parts, &lookup)?;
        let aws = aws::from_environment(&lookup)?;
        let queues = config
            .queues
            .clone()
            .map(|urls| Queues::Sqs { client: aws_sdk_sqs::Client::new(&aws), urls });
        let mailer = config
            .mail
            .as_ref()
            .map(|mail| Mailer::Ses { client: ses_client(&aws), from: mail.from.clone() });
        let blobs =
            config.bucket.clone().map(|bucket| Blobs::S3 { client: s3_client(&aws), bucket });
        let dynamodb = dynamodb_client(&aws);
        let clock = Clock::System;
        let app = Self::new(config, Backends { dynamodb, queues, mailer, blobs, clock })?;
        // Connect during the start, while no client waits.
        app.cache.connect().await;
        Ok(app)
    }

    /// Makes an app from a configuration and its backends.
    pub fn new(config: Config, backends: Backends) -> Result<Self, StartError> {
        let issuer = &config.jwt_issuer;
        Ok(Self {
            verifier: config.jwks.as_ref().map(|jwks| Verifier::new(jwks, issuer)),
            signer: config.signing_key.as_ref().map(Signer::new).transpose()?,
            cache: Cache::new(config.redis_url.as_deref(), &config.stage)?,
            razorpay: config.razorpay.map(Razorpay::new).transpose()?,
            store: Store::new(backends.dynamodb, config.tables),
            clock: backends.clock,
            queues: backends.queues,
            mailer: backends.mailer,
            blobs: backends.blobs,
            default_mess: config.default_mess,
            rate_limit_factor: config.rate_limit_factor,
            jwt_issuer: config.jwt_issuer,
            jwks: config.jwks,
            refresh_key: config.refresh_key,
            otp_key: config.otp_key,
            pin_key: config.pin_key,
            qr_key: config.qr_key,
            webhook_secrets: config.webhook_secrets,
            mail: config.mail,
            web: config.web,
        })
    }

    parts! {
        /// The public keys of access tokens.
        jwks: JwkSet, PublicKeys;
        /// Verifies access tokens.
        verifier: Verifier, PublicKeys;
        /// Signs access tokens.
        signer: Signer, SigningKey;
        /// The key that derives a refresh token's successor, signs device cookies and hashes
        /// sources.
        refresh_key: SecretString, RefreshKey;
        /// The key that derives one-time codes.
        otp_key: SecretString, OtpKey;
        /// The key under which security codes are hashed.
        pin_key: SecretString, PinKey;
        /// The secret from which the keys of students' QR codes are derived.
        qr_key: SecretString, QrKey;
        /// The client of Razorpay's API.
        razorpay: Razorpay, Razorpay;
        /// The secrets of Razorpay's webhooks.
        webhook_secrets: Vec<SecretString>, WebhookSecrets;
        /// The SQS queues.
        queues: Queues, Queues;
        /// Sends mail.
        mailer: Mailer, Mail;
        /// The sender's address, and the web app's for links.
        mail: MailConfig, Mail;
        /// The uploaded objects.
        blobs: Blobs, Blobs;
        /// How the web app is served.
        web: WebConfig, Web;
    }
}

/// SES would send a mail twice if the SDK repeated the request. So the SDK sends it once and
/// waits longer for the response; the queue delivers the message of a failed mail again.
fn ses_client(aws: &SdkConfig) -> aws_sdk_sesv2::Client {
    let patient = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(20));
    let config = aws_sdk_sesv2::config::Builder::from(aws)
        .retry_config(RetryConfig::disabled())
        .timeout_config(patient.build());
    aws_sdk_sesv2::Client::from_conf(config.build())
}
