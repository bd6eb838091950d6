//! `GET /student/token-history`: every token ever issued and what became of it, the
//! newest purchase first.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::SubmissionId;
use thali_domain::tokens::{IssuedToken, TokenFate, history};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};
use utoipa::ToSchema;

use super::data::TokenView;

/// The endpoint.
pub static ENDPOINT: Endpoint = Endpoint::get(
    "token-history",
    &["/student/token-history", "/student/token-history/"],
    Access::Student,
    handler!(token_history),
)
.summary("Every token ever issued, and what became of it")
.answers_page(schema::<PastToken>);

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TokenStatus {
    Available,
    Redeemed,
    Expired,
    Refunded,
}

#[derive(Serialize, ToSchema)]
struct PastToken {
    #[serde(flatten)]
    token: TokenView,
    status: TokenStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    redeemed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_id: Option<SubmissionId>,
}

impl From<&IssuedToken<'_>> for PastToken {
    fn from(issued: &IssuedToken<'_>) -> Self {
        let (status, redeemed) = match issued.fate {
            TokenFate::Available => (TokenStatus::Available, None),
            TokenFate::Expired => (TokenStatus::Expired, None),
            TokenFate::Refunded => (TokenStatus::Refunded, None),
            TokenFate::Redeemed(by) => (TokenStatus::Redeemed, by),
        };
        Self {
            token: issued.into(),
            status,
            redeemed_at: redeemed.map(|(_, at)| at),
            submission_id: redeemed.map(|(submission, _)| submission),
        }
    }
}

async fn token_history(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let (purchases, submissions) = app.store.tokens_of(caller.session()?.account_id).await?;
    let issued = history(&purchases, &submissions, app.clock.now());
    let (issued, next) =
        page.cut(issued, |token| Page::newest_first(token.lot.captured_at, &token.token_id));
    let views: Vec<PastToken> = issued.iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
