//! A submission as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{SubmissionId, TokenId};
use thali_domain::tokens::redeeming::Submission;
use utoipa::ToSchema;

/// A submission, and the balance that it left.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Submission)]
pub struct SubmissionView {
    submission_id: SubmissionId,
    count: usize,
    token_ids: Vec<TokenId>,
    #[schema(value_type = String, format = DateTime)]
    submitted_at: Timestamp,
    balance: usize,
}

impl From<Submission> for SubmissionView {
    fn from(submission: Submission) -> Self {
        Self {
            submission_id: submission.submission_id,
            count: submission.token_ids.len(),
            token_ids: submission.token_ids,
            submitted_at: submission.submitted_at,
            balance: submission.balance,
        }
    }
}
