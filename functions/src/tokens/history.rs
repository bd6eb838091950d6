//! `GET /student/token-history`: every token ever issued, its status, and what it was redeemed
//! for; newest purchase first.

use futures_util::try_join;
use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{OrderId, SubmissionId};
use thali_domain::tokens::history::{IssuedToken, RedeemedFor, TokenState, history};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};
use utoipa::ToSchema;

use super::data::TokenView;

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
    /// The submission that redeemed it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_id: Option<SubmissionId>,
    /// The order of items that it paid for, if any. `order_id` is the payment's order, which bought
    /// the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_for: Option<OrderId>,
}

impl From<&IssuedToken<'_>> for PastToken {
    fn from(issued: &IssuedToken<'_>) -> Self {
        let (status, redeemed) = match issued.fate {
            TokenState::Available => (TokenStatus::Available, None),
            TokenState::Expired => (TokenStatus::Expired, None),
            TokenState::Refunded => (TokenStatus::Refunded, None),
            TokenState::Redeemed(by) => (TokenStatus::Redeemed, by),
        };
        let (submission_id, redeemed_for) = match redeemed {
            None => (None, None),
            Some((RedeemedFor::Submission(submission), _)) => (Some(submission), None),
            Some((RedeemedFor::Order(order), _)) => (None, Some(order)),
        };
        let redeemed_at = redeemed.map(|(_, at)| at);
        Self { token: issued.into(), status, redeemed_at, submission_id, redeemed_for }
    }
}

async fn token_history(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let session = caller.session()?;
    let ((purchases, submissions), orders) = try_join!(
        app.store.tokens_of(session.account_id),
        app.store.orders_of(&session.mess_id, session.account_id),
    )?;
    let issued = history(&purchases, &submissions, &orders, app.clock.now());
    let (issued, next) =
        page.cut(issued, |token| Page::newest_first(token.lot.captured_at, &token.token_id));
    let views: Vec<PastToken> = issued.iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
