//! RFC 9457 problems: the format of every refusal and failure.

use std::error::Error;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::codes::CODES;
use super::rules::Broken;

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name, with dots and indices for nested ones.
    pub field: String,
    /// What is wrong, for people who read English.
    pub message: String,
    /// The rule that is broken, for programs; it is stable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// The rule's bounds and other values.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
}

impl FieldError {
    /// A field that breaks the rule with this sentence, one of [`super::rules::RULES`].
    #[must_use]
    pub fn new(field: &str, message: &str) -> Self {
        let broken = Broken::of_sentence(message);
        debug_assert!(broken.is_some(), "no rule has the sentence: {message}");
        let (rule, values) = broken.map(|it| (it.rule, it.values)).unzip();
        let (field, message) = (field.to_owned(), message.to_owned());
        Self { field, message, rule, values: values.unwrap_or_default() }
    }

    /// What is wrong with a field, where it is no rule of the field itself.
    #[must_use]
    pub fn of_detail(field: &str, detail: &str) -> Self {
        let (field, message) = (field.to_owned(), detail.to_owned());
        Self { field, message, rule: None, values: Map::new() }
    }
}

/// A refusal or a failure, as the client sees it. Only the log shows the cause.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// The stable name of the problem, for programs.
    pub code: &'static str,
    /// What happened, for people; contains no internals.
    pub detail: String,
    /// The invalid fields, with a 422.
    pub errors: Vec<FieldError>,
    /// Further members that the problem's code defines.
    pub members: Map<String, Value>,
    /// The seconds to wait before a retry.
    pub retry_after_s: Option<u64>,
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem of this status and code, both as [`CODES`] lists them.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(
            CODES.iter().any(|known| (known.0, known.1) == (code, status.as_u16())),
            "{status} {code} is not documented"
        );
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// Adds a further member.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("members are plain data and serialise");
        self.members.insert(member.to_owned(), value);
        self
    }

    /// Sets the seconds to wait before a retry.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Sets the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// 400: the body is not JSON; `detail` says where and why.
    #[must_use]
    pub fn malformed_json(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    }

    /// 422: these fields are invalid.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = "Some fields of the request are not acceptable; `errors` names them.";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields", detail);
        Self { errors, ..problem }
    }

    /// 422 for one field.
    #[must_use]
    pub fn invalid_field(field: &str, message: impl std::fmt::Display) -> Self {
        Self::invalid_fields(vec![FieldError::new(field, &message.to_string())])
    }

    /// 401: the caller is not logged in, or no longer.
    #[must_use]
    pub fn unauthenticated() -> Self {
        let detail = "Log in: the access token is missing, expired, logged out or not genuine.";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 403: the caller is logged in, but with another role.
    #[must_use]
    pub fn wrong_role() -> Self {
        Self::new(StatusCode::FORBIDDEN, "wrong_role", "Your role does not allow this.")
    }

    /// 403: an owner has not approved the account yet.
    #[must_use]
    pub fn not_approved() -> Self {
        let detail = "The mess has not approved your account yet.";
        Self::new(StatusCode::FORBIDDEN, "not_approved", detail)
    }

    /// 403: an owner has rejected or blocked the account.
    #[must_use]
    pub fn account_closed() -> Self {
        let detail = "The mess has blocked or rejected this account.";
        Self::new(StatusCode::FORBIDDEN, "account_closed", detail)
    }

    /// 404: the requested thing does not exist, or is not the caller's.
    #[must_use]
    pub fn not_found(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: a rule refuses the request.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 500: an error of ours.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let detail = "Something went wrong on our side. The request id helps us to find it.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).caused_by(cause)
    }

    /// 503: a system that we need does not respond; a retry is safe.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(2)
    }

    #[must_use]
    pub fn to_json(&self, request_id: &str) -> Value {
        let mut body = json!({
            "type": format!("urn:thali:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        });
        let members = body.as_object_mut().expect("an object was just made");
        members.extend(self.members.clone());
        if !self.errors.is_empty() {
            members.insert("errors".to_owned(), json!(self.errors));
        }
        body
    }
}
