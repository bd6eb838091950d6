//! `GET /student/token-data`: the tokens that can be redeemed, in the order of their expiry.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::{RazorpayOrderId, TokenId};
use thali_domain::money::Paise;
use thali_domain::tokens::history::{IssuedToken, TokenState, history};
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};
use thali_platform::store::Consistency;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint = Endpoint::get(
    "token-data",
    &["/student/token-data", "/student/token-data/"],
    Access::Student,
    handler!(token_data),
)
.summary("The tokens that can be redeemed, those that expire first at the top")
.answers_page(schema::<TokenView>);

/// A token, and the purchase that it came with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    token_id: TokenId,
    order_id: RazorpayOrderId,
    price_paise: Paise,
    #[schema(value_type = String, format = DateTime)]
    issued_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<&IssuedToken<'_>> for TokenView {
    fn from(issued: &IssuedToken<'_>) -> Self {
        Self {
            token_id: issued.token_id.clone(),
            order_id: issued.purchase.order_id.clone(),
            price_paise: issued.purchase.price,
            issued_at: issued.lot.captured_at,
            expires_at: issued.lot.expires_at,
        }
    }
}

async fn token_data(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let account = caller.session()?.account_id;
    let purchases = app.store.purchases_of(account, Consistency::Strong).await?;
    let mut issued = history(&purchases, &[], &[], app.clock.now());
    issued.retain(|token| token.fate == TokenState::Available);
    let position =
        |token: &IssuedToken<'_>| Page::oldest_first(token.lot.expires_at, &token.token_id);
    let (issued, next) = page.cut(issued, position);
    let views: Vec<TokenView> = issued.iter().map(Into::into).collect();
    Ok(Response::page(&views, next))
}
