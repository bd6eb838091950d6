//! The payment of a cycle as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{Name, RollNo};
use thali_domain::days::MealDate;
use thali_domain::ids::{AccountId, CycleId};
use thali_domain::meals::cycles::{Cycle, CycleStatus};
use thali_domain::meals::rupees::CyclePaise;
use thali_domain::meals::screenshots::Screenshot;
use thali_domain::reason::Reason;
use thali_platform::app::App;
use thali_platform::blobs::BlobError;
use utoipa::ToSchema;

/// The payment of a cycle.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CyclePayment)]
pub struct CycleView {
    #[serde(rename = "payment_id")]
    cycle_id: CycleId,
    account_id: AccountId,
    /// The student's name at the time of the upload.
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_no: Option<RollNo>,
    cycle_start: MealDate,
    cycle_end: MealDate,
    amount_paise: CyclePaise,
    status: CycleStatus,
    /// Address of the screenshot. For an uploaded screenshot: only in lists, and valid for 15
    /// minutes. Otherwise: the external address that the student gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    screenshot_url: Option<String>,
    /// Whether the screenshot was uploaded here and validated as an image. External screenshots are
    /// not checked.
    screenshot_checked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
}

impl CycleView {
    /// The payment with a newly signed address of its screenshot.
    pub async fn signed(app: &App, cycle: Cycle) -> Result<Self, BlobError> {
        let address = match &cycle.screenshot {
            Screenshot::Uploaded(key) => {
                Some(app.blobs().download_from(&key.to_string(), app.clock.now()).await?)
            }
            Screenshot::Elsewhere(_) => None,
        };
        let view = Self::from(cycle);
        Ok(Self { screenshot_url: address.or(view.screenshot_url), ..view })
    }
}

impl From<Cycle> for CycleView {
    /// The payment without the address of an uploaded screenshot, which would have to be signed.
    fn from(cycle: Cycle) -> Self {
        let (screenshot_url, screenshot_checked) = match cycle.screenshot {
            Screenshot::Uploaded(_) => (None, true),
            Screenshot::Elsewhere(url) => (Some(url.into()), false),
        };
        Self {
            cycle_id: cycle.cycle_id,
            account_id: cycle.account_id,
            name: cycle.name,
            roll_no: cycle.roll_no,
            cycle_start: cycle.period.from,
            cycle_end: cycle.period.to,
            amount_paise: cycle.amount_paise,
            status: cycle.status,
            screenshot_url,
            screenshot_checked,
            reason: cycle.reason,
            created_at: cycle.created_at,
            decided_at: cycle.decided_at,
        }
    }
}
