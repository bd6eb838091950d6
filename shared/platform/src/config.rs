//! The environment of a function, typed. A function names the [`Part`]s that it needs;
//! [`Config::read`] reads only those, and fails at start with the names of all variables that
//! are missing or malformed.

use std::fmt::Display;
use std::str::FromStr;

use jsonwebtoken::jwk::JwkSet;
use secrecy::SecretString;
use thali_domain::ids::MessId;

/// A part of the configuration that not every function has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Redis: `REDIS_URL`, empty or absent if there is none.
    Cache,
    /// The public keys of access tokens: `JWKS`.
    PublicKeys,
    /// The private key of access tokens: `JWT_SIGNING_KEY`. Login and refresh only.
    SigningKey,
    /// The key that derives a refresh token's successor, signs device cookies and hashes sources:
    /// `REFRESH_KEY`.
    RefreshKey,
    /// The key that derives one-time codes: `OTP_KEY`.
    OtpKey,
    /// The key under which security codes are hashed: `PIN_KEY`.
    PinKey,
    /// Razorpay's API: `RAZORPAY_URL`, `RAZORPAY_KEY_ID`, `RAZORPAY_KEY_SECRET`.
    Razorpay,
    /// The secrets of Razorpay's webhooks, the newest first: `RAZORPAY_WEBHOOK_SECRETS`.
    WebhookSecrets,
    /// The queues that the relay and the announcer fill: `QUEUE_MAIL_URL`, `QUEUE_AUDIT_URL`,
    /// `QUEUE_REFUNDS_URL`, `QUEUE_ORDERS_URL`, `QUEUE_NOTICES_URL`,
    /// `QUEUE_ANNOUNCEMENTS_URL`.
    Queues,
    /// The secret from which the keys of students' QR codes are derived: `QR_KEY`.
    QrKey,
    /// Sending mail: `MAIL_FROM`, and `APP_URL` (may be empty).
    Mail,
    /// The bucket of uploaded objects: `BUCKET`.
    Blobs,
    /// The web app: `WEB_ROOT`, absent where its files are beside the binary, and `RAZORPAY_URL`,
    /// which says where the checkout is.
    Web,
}

/// The names of the tables.
#[derive(Debug, Clone)]
pub struct TableNames {
    /// Accounts, guards, registrations, sessions, invites.
    pub accounts: String,
    /// Purchases and submissions.
    pub tokens: String,
    /// Items, stock and orders.
    pub orders: String,
    /// Messes, and the data that a scan needs.
    pub meals: String,
    /// The audit trail and the log of sent mail.
    pub audit: String,
}

impl TableNames {
    /// The names that `template.yaml` gives the tables of a stack.
    #[must_use]
    pub fn of_stack(stack: &str) -> Self {
        let name = |table: &str| format!("{stack}-{table}");
        Self {
            accounts: name("accounts"),
            tokens: name("tokens"),
            orders: name("orders"),
            meals: name("meals"),
            audit: name("audit"),
        }
    }
}

/// How to reach Razorpay.
#[derive(Debug, Clone)]
pub struct RazorpayConfig {
    /// The API's address without a path.
    pub url: String,
    /// The public half of the key, which browsers see.
    pub key_id: String,
    /// The secret half.
    pub key_secret: SecretString,
}

/// The URLs of the queues that the relay and the announcer fill.
#[derive(Debug, Clone)]
pub struct QueueUrls {
    /// Mail to be sent.
    pub mail: String,
    /// Changes to be recorded.
    pub audit: String,
    /// Refunds to be requested from Razorpay.
    pub refunds: String,
    /// Orders to be processed.
    pub orders: String,
    /// Notifications for the owners of a mess.
    pub notices: String,
    /// Announcements to all students of a mess.
    pub announcements: String,
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// The sender's address, verified with SES.
    pub from: String,
    /// Where the web app is, for links in mails.
    pub app_url: Option<String>,
}

/// How the web app is served.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// The folder of its files; `None` is the folder `web` beside the binary.
    pub root: Option<String>,
    /// See [`RazorpayConfig::url`].
    pub razorpay_url: String,
}

/// A function's configuration. The fields of a [`Part`] are `None` if the function does not
/// need the part.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment's stage, `dev`, `prod` and so on: `STAGE`.
    pub stage: String,
    /// `TABLE_ACCOUNTS`, `TABLE_TOKENS`, `TABLE_ORDERS`, `TABLE_MEALS`, `TABLE_AUDIT`.
    pub tables: TableNames,
    /// The mess of public requests that name none: `DEFAULT_MESS_ID`, may be empty.
    pub default_mess: Option<MessId>,
    /// See [`Part::Cache`]; `redis://` or `rediss://`.
    pub redis_url: Option<String>,
    /// The factor that multiplies all rate limits: `RATE_LIMIT_FACTOR`, 1 if absent.
    pub rate_limit_factor: u32,
    /// The issuer of access tokens: `JWT_ISSUER`.
    pub jwt_issuer: String,
    /// See [`Part::PublicKeys`].
    pub jwks: Option<JwkSet>,
    /// See [`Part::SigningKey`].
    pub signing_key: Option<SecretString>,
    /// See [`Part::RefreshKey`].
    pub refresh_key: Option<SecretString>,
    /// See [`Part::OtpKey`].
    pub otp_key: Option<SecretString>,
    /// See [`Part::PinKey`].
    pub pin_key: Option<SecretString>,
    /// See [`Part::QrKey`].
    pub qr_key: Option<SecretString>,
    /// See [`Part::Razorpay`].
    pub razorpay: Option<RazorpayConfig>,
    /// See [`Part::WebhookSecrets`].
    pub webhook_secrets: Option<Vec<SecretString>>,
    /// See [`Part::Queues`].
    pub queues: Option<QueueUrls>,
    /// See [`Part::Mail`].
    pub mail: Option<MailConfig>,
    /// See [`Part::Blobs`].
    pub bucket: Option<String>,
    /// See [`Part::Web`].
    pub web: Option<WebConfig>,
}

/// Everything that is wrong with the environment, in one message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not complete: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// Looks variables up and collects their errors.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    wrong: Vec<String>,
}

impl Reader<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The variable's text. If it is missing, the result is an empty text, and the whole
    /// configuration is refused at the end.
    fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.wrong.push(format!("{name} is missing"));
            String::new()
        })
    }

    fn secret(&mut self, name: &str) -> SecretString {
        self.required(name).into()
    }

    fn parsed<T>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let parsed = text.parse::<T>();
        parsed.map_err(|error| self.wrong.push(format!("{name} is malformed: {error}"))).ok()
    }

    fn jwks(&mut self) -> Option<JwkSet> {
        let text = self.required("JWKS");
        if text.is_empty() {
            return None;
        }
        let parsed = serde_json::from_str(&text);
        parsed.map_err(|error| self.wrong.push(format!("JWKS is malformed: {error}"))).ok()
    }
}

impl Config {
    /// Reads the variables that every function has, and those of `parts`, through
    /// `lookup`, which returns `None` for a variable that is not set.
    pub fn read(
        parts: &[Part],
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader { lookup, wrong: Vec::new() };
        let has = |part| parts.contains(&part);
        let default_mess = reader.optional("DEFAULT_MESS_ID");
        let factor = reader.optional("RATE_LIMIT_FACTOR").unwrap_or_else(|| "1".to_owned());
        let config = Self {
            stage: reader.required("STAGE"),
            tables: TableNames {
                accounts: reader.required("TABLE_ACCOUNTS"),
                tokens: reader.required("TABLE_TOKENS"),
                orders: reader.required("TABLE_ORDERS"),
                meals: reader.required("TABLE_MEALS"),
                audit: reader.required("TABLE_AUDIT"),
            },
            default_mess: default_mess.and_then(|id| reader.parsed("DEFAULT_MESS_ID", &id)),
            redis_url: has(Part::Cache).then(|| reader.optional("REDIS_URL")).flatten(),
            rate_limit_factor: reader.parsed("RATE_LIMIT_FACTOR", &factor).unwrap_or(1),
            jwt_issuer: reader.required("JWT_ISSUER"),
            jwks: has(Part::PublicKeys).then(|| reader.jwks()).flatten(),
            signing_key: has(Part::SigningKey).then(|| reader.secret("JWT_SIGNING_KEY")),
            refresh_key: has(Part::RefreshKey).then(|| reader.secret("REFRESH_KEY")),
            otp_key: has(Part::OtpKey).then(|| reader.secret("OTP_KEY")),
            pin_key: has(Part::PinKey).then(|| reader.secret("PIN_KEY")),
            qr_key: has(Part::QrKey).then(|| reader.secret("QR_KEY")),
            razorpay: has(Part::Razorpay).then(|| RazorpayConfig {
                url: reader.required("RAZORPAY_URL"),
                key_id: reader.required("RAZORPAY_KEY_ID"),
                key_secret: reader.secret("RAZORPAY_KEY_SECRET"),
            }),
            webhook_secrets: has(Part::WebhookSecrets).then(|| {
                let secrets = reader.required("RAZORPAY_WEBHOOK_SECRETS");
                secrets.split(',').map(|secret| secret.trim().to_owned().into()).collect()
            }),
            queues: has(Part::Queues).then(|| QueueUrls {
                mail: reader.required("QUEUE_MAIL_URL"),
                audit: reader.required("QUEUE_AUDIT_URL"),
                refunds: reader.required("QUEUE_REFUNDS_URL"),
                orders: reader.required("QUEUE_ORDERS_URL"),
                notices: reader.required("QUEUE_NOTICES_URL"),
                announcements: reader.required("QUEUE_ANNOUNCEMENTS_URL"),
            }),
            mail: has(Part::Mail).then(|| MailConfig {
                from: reader.required("MAIL_FROM"),
                app_url: reader.optional("APP_URL"),
            }),
            bucket: has(Part::Blobs).then(|| reader.required("BUCKET")),
            web: has(Part::Web).then(|| WebConfig {
                root: reader.optional("WEB_ROOT"),
                razorpay_url: reader.required("RAZORPAY_URL"),
            }),
        };
        if reader.wrong.is_empty() { Ok(config) } else { Err(ConfigError(reader.wrong)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_and_malformed_variable_is_named_at_once() {
        let lookup = |name: &str| match name {
            "STAGE" | "TABLE_ACCOUNTS" | "TABLE_TOKENS" | "TABLE_ORDERS" | "TABLE_AUDIT" => {
                Some("x".to_owned())
            }
            "DEFAULT_MESS_ID" => Some("demo".to_owned()),
            "JWKS" => Some("{".to_owned()),
            _ => None,
        };
        let error = Config::read(&[Part::PublicKeys, Part::OtpKey], &lookup).expect_err("refused");
        let message = error.to_string();
        for named in
            ["TABLE_MEALS", "JWT_ISSUER", "OTP_KEY", "DEFAULT_MESS_ID", "JWKS is malformed"]
        {
            assert!(message.contains(named), "{named} in {message}");
        }
        assert!(!message.contains("PIN_KEY"), "only the requested parts: {message}");
    }
}
