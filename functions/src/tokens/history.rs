//! `GET /student/token-history`: every token ever issued and what became of it, the
//! newest purchase first.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::SubmissionId;
use thali_domain::tokens::{IssuedToken, TokenFate, history};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response};

use super::data::TokenView;

/// The endpoint.
pub static ENDPOINT: Endpoint = Endpoint::get(
    "token-history",
    &["/student/token-history", "/student/token-history/"],
    Access::Student,
    handler!(token_history),
);

#[derive(Serialize)]
struct PastToken {
    #[serde(flatten)]
    token: TokenView,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_id: Option<SubmissionId>,
}

impl From<&IssuedToken<'_>> for PastToken {
    fn from(issued: &IssuedToken<'_>) -> Self {
        let (status, redeemed) = match issued.fate {
            TokenFate::Available => ("available", None),
            TokenFate::Expired => ("expired", None),
            TokenFate::Refunded => ("refunded", None),
            TokenFate::Redeemed(by) => ("redeemed", by),
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
