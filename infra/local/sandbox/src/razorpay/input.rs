//! What Razorpay checks of a request's body, with its own words for what is wrong.

use axum::body::Bytes;
use serde_json::{Map, Value};

use super::entities::Notes;
use super::errors::ApiError;

/// One rupee, the least that can be ordered, paid or refunded.
const AMOUNT_MIN: u64 = 100;
/// Razorpay's default limit for one payment, five lakh rupees.
const AMOUNT_MAX: u64 = 50_000_000;
const RECEIPT_CHARS_MAX: usize = 40;
const NOTES_MAX: usize = 15;
const NOTE_CHARS_MAX: usize = 256;

/// A request's JSON object, of which only the named fields may be there.
pub(super) struct Input(Map<String, Value>);

impl Input {
    /// Reads a body; none at all is an empty object.
    pub(super) fn parse(body: &Bytes, fields: &[&str]) -> Result<Self, ApiError> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            return Err(ApiError::bad_request("The request body is not a JSON object"));
        };
        match object.keys().find(|name| !fields.contains(&name.as_str())) {
            Some(extra) => Err(ApiError::bad_request(format!(
                "{extra} is/are not required and should not be sent"
            ))),
            None => Ok(Self(object)),
        }
    }

    /// The body as it was understood, to compare a repeated request with the first.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// `null` counts as not sent.
    fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn amount(&self) -> Result<u64, ApiError> {
        self.amount_if_any()?
            .ok_or_else(|| ApiError::field("amount", "The amount field is required."))
    }

    pub(super) fn amount_if_any(&self) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.get("amount") else {
            return Ok(None);
        };
        let wrong = |description| Err(ApiError::field("amount", description));
        match (value.as_u64(), value.as_i64()) {
            (Some(amount), _) if amount > AMOUNT_MAX => {
                wrong("Amount exceeds maximum amount allowed.")
            }
            (Some(amount), _) if amount >= AMOUNT_MIN => Ok(Some(amount)),
            (None, None) => wrong("The amount must be an integer."),
            _ => wrong("The amount must be atleast INR 1.00"),
        }
    }

    /// The account takes rupees only, as one without international payments does.
    pub(super) fn currency(&self) -> Result<String, ApiError> {
        match self.get("currency") {
            None => Err(ApiError::field("currency", "The currency field is required.")),
            Some(Value::String(currency)) if currency == "INR" => Ok(currency.clone()),
            Some(_) => Err(ApiError::field("currency", "Currency is not supported")),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<String>, ApiError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(ApiError::field(field, format!("The {field} must be a string."))),
        }
    }

    pub(super) fn receipt(&self) -> Result<Option<String>, ApiError> {
        let receipt = self.text("receipt")?;
        if receipt.as_ref().is_some_and(|text| text.chars().count() > RECEIPT_CHARS_MAX) {
            return Err(ApiError::field(
                "receipt",
                "The receipt may not be greater than 40 characters.",
            ));
        }
        Ok(receipt)
    }

    pub(super) fn notes(&self) -> Result<Notes, ApiError> {
        let wrong = |description: &str| Err(ApiError::field("notes", description));
        let notes = match self.get("notes") {
            None => return Ok(Notes::default()),
            Some(Value::Array(list)) if list.is_empty() => return Ok(Notes::default()),
            Some(Value::Object(notes)) => notes,
            Some(_) => return wrong("The notes must be an array."),
        };
        if notes.len() > NOTES_MAX {
            return wrong("Number of fields in notes should be less than or equal to 15");
        }
        for (name, value) in notes {
            let chars = match value {
                Value::String(text) => text.chars().count(),
                Value::Number(_) | Value::Bool(_) => 0,
                _ => return wrong("Notes should be key-value pairs of plain values"),
            };
            if chars > NOTE_CHARS_MAX || name.chars().count() > NOTE_CHARS_MAX {
                return wrong("Notes may have keys and values of at most 256 characters");
            }
        }
        Ok(Notes(notes.clone()))
    }
}

/// For how many minutes after its creation a payment can be captured.
const CAPTURE_MINUTES: std::ops::RangeInclusive<u64> = 12..=43_200;

impl Input {
    /// Whether the order's payments are captured at once: by `payment.capture`, or by the older
    /// `payment_capture`. Without either, the account's setting counts, and this account captures
    /// by hand. <https://razorpay.com/docs/payments/payments/capture-settings/api/>
    pub(super) fn captures_at_once(&self) -> Result<bool, ApiError> {
        let older = self.get("payment_capture");
        let older = older.is_some_and(|it| *it == Value::Bool(true) || it.as_u64() == Some(1));
        let Some(payment) = self.get("payment") else { return Ok(older) };
        let wrong = |field: &str, why: &str| Err(ApiError::field(field, why));
        let Some(payment) = payment.as_object() else {
            return wrong("payment", "The payment must be an array.");
        };
        let at_once = match payment.get("capture").and_then(Value::as_str) {
            Some("automatic") => true,
            Some("manual") => false,
            _ => return wrong("capture", "The capture must be automatic or manual."),
        };
        let Some(options) = payment.get("capture_options").and_then(Value::as_object) else {
            return wrong("capture_options", "The capture_options field is required.");
        };
        let known =
            ["automatic_expiry_period", "manual_expiry_period", "refund_speed"].map(str::to_owned);
        if let Some(extra) = options.keys().find(|name| !known.contains(name)) {
            return wrong(extra, "is/are not required and should not be sent");
        }
        let minutes = |name: &str| options.get(name).map(|it| it.as_u64().unwrap_or(0));
        let (automatic, manual) =
            (minutes("automatic_expiry_period"), minutes("manual_expiry_period"));
        let is_allowed = |it: Option<u64>| it.is_none_or(|it| CAPTURE_MINUTES.contains(&it));
        if at_once && automatic.is_none() || !is_allowed(automatic) {
            let why = "The automatic_expiry_period must be between 12 and 43200.";
            return wrong("automatic_expiry_period", why);
        }
        if !is_allowed(manual) || manual.is_some_and(|it| automatic.is_some_and(|auto| it < auto)) {
            let why = "The manual_expiry_period must be between 12 and 43200, and not less than \
                       the automatic_expiry_period.";
            return wrong("manual_expiry_period", why);
        }
        match options.get("refund_speed").map(Value::as_str) {
            Some(Some("normal" | "optimum")) => Ok(at_once),
            _ => wrong("refund_speed", "The refund_speed should be normal or optimum"),
        }
    }
}

/// An id from the path: its prefix and fourteen letters or digits. A well-formed id
/// that does not exist is another error, as with Razorpay.
pub(super) fn id_check(id: &str, prefix: &str) -> Result<(), ApiError> {
    let is_id = id.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() == 14 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if is_id { Ok(()) } else { Err(ApiError::bad_request(format!("{id} is not a valid id"))) }
}
