//! Razorpay's error shape (<https://razorpay.com/docs/errors/>).

use std::io;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error as the API answers it.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    description: String,
    source: &'static str,
    step: &'static str,
    reason: &'static str,
    field: Option<String>,
}

impl ApiError {
    /// Something in the request is wrong. Razorpay says so with 400 in every case,
    /// an id that does not exist included.
    pub(super) fn bad_request(description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "BAD_REQUEST_ERROR",
            description: description.into(),
            source: "business",
            step: "payment_initiation",
            reason: "input_validation_failed",
            field: None,
        }
    }

    /// One field is wrong.
    pub(super) fn field(field: &str, description: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::bad_request(description) }
    }

    pub(super) fn id_unknown() -> Self {
        Self::bad_request("The id provided does not exist")
    }

    pub(super) fn unauthenticated() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            source: "NA",
            step: "NA",
            reason: "NA",
            ..Self::bad_request("Authentication failed")
        }
    }

    /// The error that goes with a status which a fault asked for.
    pub(super) fn from_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => "GATEWAY_ERROR",
            status if status.is_server_error() => "SERVER_ERROR",
            _ => "BAD_REQUEST_ERROR",
        };
        Self {
            status,
            code,
            source: "NA",
            step: "NA",
            reason: "NA",
            ..Self::bad_request("We are facing some trouble completing your request at the moment.")
        }
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "the state file was not written");
        Self::from_status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({
            "code": self.code,
            "description": self.description,
            "source": self.source,
            "step": self.step,
            "reason": self.reason,
            "metadata": {},
        });
        if let Some(field) = self.field {
            error["field"] = field.into();
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}
