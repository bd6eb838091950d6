//! `GET /account/sessions`: where the caller is logged in, the session that was used last first.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::ids::SessionId;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};
use thali_platform::store::SessionRecord;
use utoipa::ToSchema;

pub static ENDPOINT: Endpoint =
    Endpoint::get("session-list", &["/account/sessions"], Access::Any, handler!(list))
        .summary("Lists the caller's sessions, the last used one first")
        .answers_page(schema::<SessionView>);

/// A session, without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    session_id: SessionId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the session was begun or refreshed last.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// The browser and the system, if they are known: `Firefox on Android`.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Whether this request belongs to the session.
    current: bool,
}

impl SessionView {
    fn of(session: SessionRecord, current: SessionId) -> Self {
        let created_at = session.session_id.made_at();
        Self {
            session_id: session.session_id,
            created_at,
            // The id is made a moment after the login's own time.
            last_used_at: session.rotated_at.max(created_at),
            device: session.device,
            current: session.session_id == current,
        }
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let caller = caller.session()?;
    let mut sessions = app.store.sessions_of(caller.account_id).await?;
    // DynamoDB removes expired items only after days.
    let now = app.clock.now();
    sessions.retain(|session| session.is_alive(now));
    let position = |it: &SessionRecord| Page::newest_first(it.rotated_at, it.session_id);
    let (sessions, next) = page.cut(sessions, position);
    let view = |session| SessionView::of(session, caller.session_id);
    Ok(Response::page(&sessions.into_iter().map(view).collect::<Vec<_>>(), next))
}
