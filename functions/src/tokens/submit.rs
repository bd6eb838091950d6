//! `POST /student/token-submission`: redeems meal tokens. Replays of one
//! `Idempotency-Key` return the first submission.

use futures_util::try_join;
use thali_domain::ids::{SubmissionId, TokenId};
use thali_domain::tokens::{Selection, Submission, redeem};
use thali_platform::app::App;
use thali_platform::auth::password::PresentedPassword;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, IdempotencyKey, Problem, RATE_SUBMISSION, Request, Response, Session,
};
use thali_platform::problems;
use thali_platform::store::{
    CONTENTION_TRIES_MAX, Consistency, Replay, Stamp, StoreError, SubmissionError, contention_pause,
};

use super::security_code;
use super::view::SubmissionView;

/// The endpoint.
pub static ENDPOINT: Endpoint = Endpoint::post(
    "submit-tokens",
    &["/student/token-submission", "/student/token-submission/"],
    Access::Student,
    handler!(submit),
)
.rate(RATE_SUBMISSION)
.needs(&[Part::PinKey]);

#[derive(eserde::Deserialize)]
struct SubmitTokens {
    #[serde(default, alias = "tokenIds")]
    #[eserde(compat)]
    token_ids: Option<Vec<TokenId>>,
    #[serde(default)]
    count: Option<usize>,
    #[serde(alias = "securityCode")]
    #[eserde(compat)]
    security_code: PresentedPassword,
}

async fn submit(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let wanted: SubmitTokens = request.json()?;
    let selection = wanted.selection()?;
    let key = request.idempotency_key()?;
    let (first, account) = try_join!(replay(app, session, key.as_ref()), async {
        Ok(app.store.account_get(session.account_id, Consistency::Eventual).await?)
    },)?;
    if let Some(first) = first {
        return Ok(answer(first).replayed_if(true));
    }
    let account = account.ok_or_else(Problem::unauthenticated)?;
    let stamp = caller.stamp(app, request);
    security_code::check(app, &account, &wanted.security_code, &stamp).await?;
    let (submission, replayed) = commit(app, session, &selection, key.as_ref(), &stamp).await?;
    Ok(answer(submission).replayed_if(replayed))
}

/// Decides and records; decides again where another submission was quicker. A refusal
/// counts only after a strong read, because an eventual one may miss tokens bought just now.
async fn commit(
    app: &App,
    session: &Session,
    selection: &Selection,
    key: Option<&IdempotencyKey>,
    stamp: &Stamp,
) -> Result<(Submission, bool), Problem> {
    let account_id = session.account_id;
    let submission_id = SubmissionId::from_ulid(app.clock.ulid());
    let mut consistency = Consistency::Eventual;
    for attempt in 1..=CONTENTION_TRIES_MAX {
        let purchases = app.store.purchases_of(account_id, consistency).await?;
        let redemption = match redeem(&purchases, selection, stamp.at) {
            Ok(redemption) => redemption,
            Err(_) if consistency == Consistency::Eventual => {
                consistency = Consistency::Strong;
                continue;
            }
            Err(refusal) => {
                // Perhaps it was this very request, sent twice at once, that took them.
                let first = replay(app, session, key).await?.ok_or(refusal)?;
                return Ok((first, true));
            }
        };
        let submission = Submission {
            submission_id,
            account_id,
            mess_id: session.mess_id.clone(),
            token_ids: redemption.token_ids(),
            submitted_at: stamp.at,
            balance: redemption.balance,
        };
        match app.store.submission_record(&submission, &redemption, key, stamp).await {
            Ok(()) => return Ok((submission, false)),
            Err(SubmissionError::Store(error)) => return Err(error.into()),
            Err(SubmissionError::Overtaken) => {
                // Perhaps it was this very request, sent twice at once.
                if let Some(first) = replay(app, session, key).await? {
                    return Ok((first, true));
                }
                consistency = Consistency::Strong;
                contention_pause(attempt).await;
            }
        }
    }
    Err(StoreError::Contended.into())
}

/// The submission that the idempotency key named before.
async fn replay(
    app: &App,
    session: &Session,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Submission>, Problem> {
    let Some(key) = key else { return Ok(None) };
    match app.store.submission_replay(session.account_id, key).await? {
        None => Ok(None),
        Some(Replay::OtherBody) => Err(problems::idempotency_key_reused()),
        Some(Replay::Of(id)) => {
            let id = SubmissionId::parse(&id).map_err(Problem::internal)?;
            Ok(app.store.submission_get(session.account_id, id).await?)
        }
    }
}

fn answer(submission: Submission) -> Response {
    Response::created(&SubmissionView::from(submission))
}

impl SubmitTokens {
    fn selection(&self) -> Result<Selection, Problem> {
        match (&self.token_ids, self.count) {
            (Some(ids), None) => Selection::tokens(ids.clone())
                .map_err(|refusal| Problem::invalid_field("token_ids", refusal)),
            (None, Some(count)) => {
                Selection::count(count).map_err(|refusal| Problem::invalid_field("count", refusal))
            }
            (Some(_), Some(_)) => {
                Err(Problem::invalid_field("count", "cannot come together with token_ids"))
            }
            (None, None) => Err(Problem::invalid_field("token_ids", "is missing, and so is count")),
        }
    }
}
