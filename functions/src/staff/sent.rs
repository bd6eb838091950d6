//! A scan as a device sends it, and why one of an upload is not taken.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use thali_domain::ids::AccountId;
use thali_domain::mess::Meal;
use thali_domain::staff::sent::{DeviceInfo, ScanNonce, ScannedAt, ScannedAtRefusal, trimmed};
use thali_domain::students::qr::ReadCode;
use thali_platform::http::{FieldError, Members, parse_json};
use utoipa::ToSchema;

/// A scan as a device sends it.
#[derive(eserde::Deserialize, ToSchema)]
#[schema(as = SentScan)]
pub(crate) struct SentScan {
    /// The text that the camera read, or that a scanner typed. Any text is accepted; a text that
    /// is not a code gives a refused scan. White space and what has no width around a code do not
    /// matter.
    #[serde(alias = "qrData")]
    qr_data: String,
    #[eserde(compat)]
    meal: Meal,
    #[serde(default, alias = "deviceInfo")]
    #[eserde(compat)]
    device_info: Option<DeviceInfo>,
    /// The device's id of the scan: a repeated request with the same nonce returns the first
    /// outcome.
    #[serde(default)]
    #[eserde(compat)]
    nonce: Option<ScanNonce>,
    /// When the code was scanned: at most seven days ago. Without it, now.
    #[serde(default, alias = "scannedAt")]
    #[eserde(compat)]
    scanned_at: Option<ScannedAt>,
}

/// A parsed scan, before anything is read from the database.
pub(crate) struct ParsedScan {
    /// The text, without what surrounds a code.
    pub(super) qr_data: String,
    pub(super) code: Option<ReadCode>,
    pub(super) meal: Meal,
    pub(super) info: Option<DeviceInfo>,
    pub(super) nonce: Option<ScanNonce>,
    /// Whether the device sent the time of the scan.
    pub(super) is_timed: bool,
    /// When the code was scanned.
    pub(crate) at: Timestamp,
}

/// A scan of an upload that is not taken: nothing of it is stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UntakenScan)]
pub(crate) struct UntakenScan {
    result: Untaken,
    reason: UntakenReason,
    /// What is wrong with the scan.
    errors: Vec<FieldError>,
}

/// The result of a scan that is not taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Untaken {
    Refused,
}

/// Why a scan of an upload is not taken.
#[derive(Debug, Serialize, ToSchema)]
enum UntakenReason {
    /// The scan is older than seven days.
    #[serde(rename = "scan_too_old")]
    TooOld,
    /// The scan's time is in the future.
    #[serde(rename = "scan_in_future")]
    InFuture,
    /// A field is missing, wrong or unknown.
    #[serde(rename = "scan_invalid")]
    Invalid,
}

impl SentScan {
    /// Parses the code and the time. Only the time can be an error: a bad code is a refused scan.
    pub(crate) fn parse(self, now: Timestamp) -> Result<ParsedScan, ScannedAtRefusal> {
        let Self { qr_data, meal, device_info: info, nonce, scanned_at } = self;
        let at = scanned_at.map_or(Ok(now), |at| at.near(now))?;
        let text = trimmed(&qr_data);
        let code = text.and_then(|text| ReadCode::parse(text).ok());
        let qr_data = text.map(str::to_owned).unwrap_or(qr_data);
        Ok(ParsedScan { qr_data, code, meal, info, nonce, is_timed: scanned_at.is_some(), at })
    }

    /// Parses one scan of an upload.
    pub(crate) fn parse_uploaded(
        sent: &RawValue,
        now: Timestamp,
    ) -> Result<ParsedScan, UntakenScan> {
        let no_rules = |_: &Members| Vec::new();
        let scan = parse_json::<Self>(sent.get().as_bytes(), no_rules).map_err(|problem| {
            let errors = match problem.errors.as_slice() {
                [] => vec![FieldError::new("", &problem.detail)],
                errors => errors.to_vec(),
            };
            UntakenScan { result: Untaken::Refused, reason: UntakenReason::Invalid, errors }
        })?;
        scan.parse(now).map_err(|refusal| UntakenScan {
            result: Untaken::Refused,
            reason: match refusal {
                ScannedAtRefusal::TooOld => UntakenReason::TooOld,
                ScannedAtRefusal::InFuture => UntakenReason::InFuture,
            },
            errors: vec![FieldError::new("scanned_at", &refusal.to_string())],
        })
    }
}

impl ParsedScan {
    /// The student whom the code names, before its signature is verified.
    pub(crate) fn account_id(&self) -> Option<AccountId> {
        self.code.as_ref().map(|read| read.code.account_id)
    }
}
