//! A scan as devices see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{Name, RollNo, RoomNo};
use thali_domain::days::MealDate;
use thali_domain::mess::Meal;
use thali_domain::staff::overrides::{Override, OverrideReason};
use thali_domain::staff::plates::{Conflict, ConflictReason, Diner, Outcome, Plate, Scan};
use thali_domain::staff::refusals::Refusal;
use thali_domain::staff::scan_ids::ScanId;
use thali_platform::app::App;
use thali_platform::blobs::BlobError;
use thali_platform::store::{Member, Recorded};
use utoipa::ToSchema;

use super::judge::Judged;

/// What became of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanResult {
    /// The student may eat.
    Admitted,
    /// The student may not eat.
    Refused,
}

/// A student as the counter sees them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScannedStudent {
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_no: Option<RollNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_no: Option<RoomNo>,
    /// Address of the picture, valid for 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_url: Option<String>,
}

impl ScannedStudent {
    /// The student, with a newly signed address of their picture.
    async fn of(app: &App, member: &Member) -> Result<Self, BlobError> {
        let picture_url = match member.picture_key {
            Some(key) => Some(app.blobs().download_from(&key.to_string(), app.clock.now()).await?),
            None => None,
        };
        let Member { name, roll_no, room_no, .. } = member.clone();
        Ok(Self { name, roll_no, room_no, picture_url })
    }
}

impl From<Diner> for ScannedStudent {
    fn from(diner: Diner) -> Self {
        let Diner { name, roll_no, room_no, .. } = diner;
        Self { name, roll_no, room_no, picture_url: None }
    }
}

/// When and where a code was scanned.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScannedBy {
    #[schema(value_type = String, format = DateTime)]
    scanned_at: Timestamp,
    device: String,
}

impl From<&Scan> for ScannedBy {
    fn from(scan: &Scan) -> Self {
        Self { scanned_at: scan.scanned_at, device: scan.device.clone() }
    }
}

/// A scan, and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Scan)]
pub struct ScanView {
    /// Absent from a dry run, which is no scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_id: Option<ScanId>,
    /// Whether nothing was recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    dry_run: bool,
    result: ScanResult,
    /// The first reason for which the scan was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<ScannedStudent>,
    meal: Meal,
    /// The day on which the meal's window opened.
    date: MealDate,
    #[schema(value_type = String, format = DateTime)]
    scanned_at: Timestamp,
    /// Whether staff named the student, without a code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    manual: bool,
    /// The earlier scan that admitted the student, if the reason is `already_scanned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<ScannedBy>,
    /// When the admission was undone; only in the response to an undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    undone_at: Option<Timestamp>,
    /// How the student was admitted in spite of a refusal; only in the response to an override or
    /// to an undo.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    overridden: Option<OverrideView>,
}

/// How a student was admitted in spite of a refusal.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ScanOverride)]
pub struct OverrideView {
    /// Why, in the words of staff.
    reason: OverrideReason,
    /// Why the scan had been refused.
    refused: Refusal,
    #[schema(value_type = String, format = DateTime)]
    overridden_at: Timestamp,
}

impl OverrideView {
    fn of(scan: &Scan) -> Option<Self> {
        let Override { reason, at, .. } = scan.overridden.clone()?;
        Some(Self { reason, refused: scan.refused?, overridden_at: at })
    }
}

/// An uploaded scan that an owner should look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ScanConflict {
    reason: ConflictReason,
    /// The uploaded scan.
    scan_id: ScanId,
    #[serde(skip_serializing_if = "Option::is_none")]
    student: Option<ScannedStudent>,
    meal: Meal,
    date: MealDate,
    /// The scan by which another device had already admitted the student. It counts as the
    /// admission.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<ScannedBy>,
    /// The uploaded one.
    second: ScannedBy,
}

impl ScanView {
    fn new(
        plate: &Plate,
        scan: &Scan,
        outcome: Outcome<'_>,
        student: Option<ScannedStudent>,
    ) -> Self {
        let (result, reason, previous) = match outcome {
            Outcome::Admitted => (ScanResult::Admitted, None, None),
            Outcome::Refused(reason) => (ScanResult::Refused, Some(reason), None),
            Outcome::AlreadyScanned { previous } => {
                (ScanResult::Refused, Some(Refusal::AlreadyScanned), previous.map(Into::into))
            }
        };
        // The student is shown only if the signature is valid and the student was found.
        let proven = reason.is_none_or(|reason| reason > Refusal::UnknownStudent);
        Self {
            scan_id: Some(scan.scan_id.clone()),
            dry_run: false,
            result,
            reason,
            manual: scan.manual,
            student: student.filter(|_| proven),
            meal: plate.sitting.meal,
            date: plate.sitting.date,
            scanned_at: scan.scanned_at,
            previous,
            undone_at: None,
            overridden: None,
        }
    }

    /// The view of a scan whose outcome was recorded, just now or when it came first.
    pub(crate) async fn of(app: &App, judged: &Judged<'_>) -> Result<Self, BlobError> {
        let student = match judged.member {
            Some(member) => Some(ScannedStudent::of(app, member).await?),
            None => None,
        };
        let Recorded { plate, scan } = &judged.recorded;
        Ok(Self::new(plate, scan, plate.first_outcome(scan), student))
    }

    /// The view of a scan that was only foreseen.
    pub(crate) async fn of_dry_run(app: &App, judged: &Judged<'_>) -> Result<Self, BlobError> {
        Ok(Self { scan_id: None, dry_run: true, ..Self::of(app, judged).await? })
    }

    /// The view of a scan whose admission was undone, or whose refusal was overridden. It has no
    /// picture, because the device has just shown it.
    pub(crate) fn changed(plate: &Plate, scan: &Scan) -> Self {
        let student = plate.diner.clone().map(Into::into);
        Self {
            undone_at: scan.undone_at,
            overridden: OverrideView::of(scan),
            ..Self::new(plate, scan, plate.outcome(scan), student)
        }
    }
}

impl ScanConflict {
    /// The conflict that a recorded scan caused, if any.
    pub(crate) fn of(judged: &Judged<'_>, shown: &ScanView) -> Option<Self> {
        let second = &judged.recorded.scan;
        let Conflict { reason, first } = judged.recorded.plate.conflict_of(second)?;
        Some(Self {
            reason,
            scan_id: second.scan_id.clone(),
            student: shown.student.clone(),
            meal: shown.meal,
            date: shown.date,
            first: first.map(Into::into),
            second: second.into(),
        })
    }
}
