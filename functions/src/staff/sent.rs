//! A scan as a device sends it, and why one of an upload is not taken.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use thali_domain::ids::AccountId;
use thali_domain::mess::Meal;
use thali_domain::staff::sent::{DeviceInfo, ScanNonce, ScannedAt, ScannedAtRefusal, trimmed};
use thali_domain::students::qr::ReadCode;
use thali_platform::http::{FieldError, Members, Problem, Request, one_of, parse_json};
use utoipa::ToSchema;

/// A scan as a device sends it, with either `qr_data` or `account_id`.
#[derive(eserde::Deserialize, ToSchema)]
#[schema(as = SentScan)]
pub(crate) struct SentScan {
    /// The text that the camera read, or that a scanner typed. Any text is accepted; a text that
    /// is not a code gives a refused scan. White space and what has no width around a code do not
    /// matter.
    #[serde(default, alias = "qrData")]
    qr_data: Option<String>,
    /// The student, if staff found them without a code. The scan is recorded as `manual`.
    #[serde(default, alias = "accountId")]
    #[eserde(compat)]
    account_id: Option<AccountId>,
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
    /// Whether only to say what a scan would say: nobody is admitted, and nothing is recorded. Not
    /// in an upload.
    #[serde(default, alias = "dryRun")]
    dry_run: bool,
}

/// How a scan names its student.
pub(super) enum SentStudent {
    /// By a text, without what surrounds a code.
    Text { qr_data: String, code: Option<ReadCode> },
    /// By staff.
    Account(AccountId),
}

/// A parsed scan, before anything is read from the database.
pub(crate) struct ParsedScan {
    pub(super) student: SentStudent,
    pub(super) meal: Meal,
    pub(super) info: Option<DeviceInfo>,
    pub(super) nonce: Option<ScanNonce>,
    /// Whether the device sent the time of the scan.
    pub(super) is_timed: bool,
    /// When the code was scanned.
    pub(crate) at: Timestamp,
    pub(crate) dry_run: bool,
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
    /// Parses a scan that is sent alone.
    pub(crate) fn parse_live(request: &Request, now: Timestamp) -> Result<ParsedScan, Problem> {
        let scan: Self = request.json_where(one_student)?;
        scan.parse(now).map_err(|refusal| Problem::invalid_field("scanned_at", refusal))
    }

    /// Parses the code and the time. Only the time can be an error: a bad code is a refused scan.
    fn parse(self, now: Timestamp) -> Result<ParsedScan, ScannedAtRefusal> {
        let Self { qr_data, account_id, meal, device_info: info, nonce, scanned_at, dry_run } =
            self;
        let at = scanned_at.map_or(Ok(now), |at| at.near(now))?;
        let student = account_id.map_or_else(
            || SentStudent::of_text(qr_data.unwrap_or_default()),
            SentStudent::Account,
        );
        Ok(ParsedScan { student, meal, info, nonce, is_timed: scanned_at.is_some(), at, dry_run })
    }

    /// Parses one scan of an upload.
    pub(crate) fn parse_uploaded(
        sent: &RawValue,
        now: Timestamp,
    ) -> Result<ParsedScan, UntakenScan> {
        let scan = parse_json::<Self>(sent.get().as_bytes(), of_upload).map_err(|problem| {
            let errors = match problem.errors.as_slice() {
                [] => vec![FieldError::of_detail("", &problem.detail)],
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

/// A scan has a code or a student, and not both.
fn one_student(members: &Members) -> Vec<FieldError> {
    let has = |names: [&str; 2]| {
        names.iter().any(|name| members.get(*name).is_some_and(|value| !value.is_null()))
    };
    if has(["qr_data", "qrData"]) && has(["account_id", "accountId"]) {
        return vec![FieldError::new("account_id", "does not go together with qr_data")];
    }
    one_of(members, &["qr_data", "qrData", "accountId", "account_id"])
}

/// The same in an upload, which has no dry runs: its scans were made.
fn of_upload(members: &Members) -> Vec<FieldError> {
    let mut errors = one_student(members);
    if ["dry_run", "dryRun"].iter().any(|name| members.get(*name) == Some(&true.into())) {
        errors.push(FieldError::new("dry_run", "is only for a scan that is sent alone"));
    }
    errors
}

impl SentStudent {
    fn of_text(sent: String) -> Self {
        let text = trimmed(&sent);
        let code = text.and_then(|text| ReadCode::parse(text).ok());
        let qr_data = text.map(str::to_owned).unwrap_or(sent);
        Self::Text { qr_data, code }
    }

    /// A text that tells the scans of two students apart.
    pub(super) fn identity(&self) -> Cow<'_, str> {
        match self {
            Self::Text { qr_data, .. } => qr_data.into(),
            Self::Account(account) => format!("account_id|{account}").into(),
        }
    }
}

impl ParsedScan {
    /// The code, if the scan has one.
    pub(super) const fn code(&self) -> Option<&ReadCode> {
        match &self.student {
            SentStudent::Text { code, .. } => code.as_ref(),
            SentStudent::Account(_) => None,
        }
    }

    /// The student whom the code names, before its signature is verified, or whom staff named.
    pub(crate) fn account_id(&self) -> Option<AccountId> {
        match &self.student {
            SentStudent::Text { code, .. } => code.as_ref().map(|read| read.code.account_id),
            SentStudent::Account(account) => Some(*account),
        }
    }
}
