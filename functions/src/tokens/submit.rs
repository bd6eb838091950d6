//! `POST /student/token-submission`: redeems meal tokens. Replays of one
//! `Idempotency-Key` return the first submission.

use futures_util::try_join;
use thali_domain::ids::{SubmissionId, TokenId};
use thali_domain::tokens::purchases::Purchase;
use thali_domain::tokens::redeeming::{SUBMISSION_TOKENS_MAX, Selection, Submission, redeem};
use thali_platform::app::App;
use thali_platform::auth::password::PresentedPassword;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, Problem, RATE_SUBMISSION, Request, Response, Session, one_of, schema,
};
use thali_platform::store::{
    Attempt, Consistency, IdempotencyKey, Operation, Stamp, SubmissionError, retry_overtaken,
};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, SchemaType, Type};

use super::view::SubmissionView;
use super::{counted, security_code};
use crate::repeats::first_outcome;

pub static ENDPOINT: Endpoint = Endpoint::post(
    "submit-tokens",
    &["/student/token-submission", "/student/token-submission/"],
    Access::Student,
    handler!(submit),
)
.rate(RATE_SUBMISSION)
.needs(&[Part::PinKey])
.summary("Redeems tokens, by id or by count")
.takes(schema::<SubmitTokens>)
.answers(201, schema::<SubmissionView>)
.refuses(&[
    "tokens_unavailable",
    "insufficient_tokens",
    "security_code_wrong",
    "security_code_locked",
    "account_closed",
])
.replays();

#[derive(eserde::Deserialize, ToSchema)]
struct SubmitTokens {
    #[serde(default, alias = "tokenIds")]
    #[eserde(compat)]
    #[schema(schema_with = several_token_ids)]
    token_ids: Option<Vec<TokenId>>,
    #[serde(default)]
    #[schema(schema_with = number_of_tokens)]
    count: Option<usize>,
    #[serde(alias = "securityCode")]
    #[eserde(compat)]
    security_code: PresentedPassword,
}

async fn submit(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let wanted: SubmitTokens =
        request.json_where(|body| one_of(body, &["token_ids", "tokenIds", "count"]))?;
    let selection = wanted.selection()?;
    let key = request.idempotency_key(&selection.to_string())?;
    let account_id = session.account_id;
    let (account, purchases) = try_join!(
        app.store.account_get(account_id, Consistency::Eventual),
        app.store.purchases_of(account_id, Consistency::Eventual),
    )?;
    let account = account.ok_or_else(Problem::unauthenticated)?;
    let stamp = caller.stamp(app, request);
    // Before a replay is returned: an earlier submission, too, is shown only for the right code.
    security_code::check(app, &account, &wanted.security_code, &stamp).await?;
    let new = NewSubmission { session, selection, code: wanted.security_code, key, stamp };
    let (submission, replayed) = commit(app, &new, &purchases).await?;
    counted::changed(app, account_id).await;
    Ok(answer(submission).replayed_if(replayed))
}

/// A submission that a student requests, with a security code that was right.
struct NewSubmission<'a> {
    session: &'a Session,
    selection: Selection,
    code: PresentedPassword,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// Decides and writes; reads and decides again if another submission was faster. The first reads
/// are eventually consistent and may miss tokens bought just now, so only a refusal after a
/// strongly consistent read counts.
///
/// There are two differences to `repeats::commit_once`. The purchases of the first attempt are
/// read earlier, together with the account. And a security code that has become wrong is refused
/// without looking for an earlier submission.
async fn commit(
    app: &App,
    new: &NewSubmission<'_>,
    known: &[Purchase],
) -> Result<(Submission, bool), Problem> {
    let account_id = new.session.account_id;
    let submission_id = SubmissionId::from_ulid(app.clock.ulid());
    retry_overtaken(|attempt| async move {
        // In every attempt, because this same request, sent twice at once, may have taken the
        // tokens.
        if let Some(first) = replay(app, new.session, new.key.as_ref()).await? {
            return Ok(Attempt::Done((first, true)));
        }
        let now;
        let purchases = if attempt == 1 {
            known
        } else {
            now = app.store.purchases_of(account_id, Consistency::Strong).await?;
            &now
        };
        let redemption = match redeem(purchases, &new.selection, new.stamp.at) {
            Ok(redemption) => redemption,
            Err(_) if attempt == 1 => return Ok(Attempt::Again),
            Err(refusal) => return Err(refusal.into()),
        };
        let submission = Submission {
            submission_id,
            account_id,
            mess_id: new.session.mess_id.clone(),
            token_ids: redemption.token_ids(),
            submitted_at: new.stamp.at,
            balance: redemption.balance,
        };
        let key = new.key.as_ref();
        match app.store.submission_record(&submission, &redemption, key, &new.stamp).await {
            Ok(()) => Ok(Attempt::Done((submission, false))),
            Err(SubmissionError::Overtaken) => Ok(Attempt::Overtaken),
            Err(SubmissionError::AccountChanged) => {
                check_again(app, new).await?;
                Ok(Attempt::Again)
            }
            Err(SubmissionError::Store(error)) => Err(error.into()),
        }
    })
    .await
}

/// Finds out why an account that passed the checks a moment ago no longer does.
async fn check_again(app: &App, new: &NewSubmission<'_>) -> Result<(), Problem> {
    let account_id = new.session.account_id;
    let account = app.store.account_get(account_id, Consistency::Strong).await?;
    let account = account.ok_or_else(Problem::unauthenticated)?;
    security_code::check(app, &account, &new.code, &new.stamp).await
}

/// The submission that an earlier request with the same idempotency key made.
async fn replay(
    app: &App,
    session: &Session,
    key: Option<&IdempotencyKey>,
) -> Result<Option<Submission>, Problem> {
    let account = session.account_id;
    let Some(id) = first_outcome(app, account, Operation::SubmitTokens, key).await? else {
        return Ok(None);
    };
    Ok(app.store.submission_get(account, id).await?)
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
                Err(Problem::invalid_field("count", "does not go together with token_ids"))
            }
            (None, None) => Err(Problem::invalid_field("token_ids", "is missing")),
        }
    }
}

fn several_token_ids() -> Array {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(Ref::from_schema_name(TokenId::name()))
        .min_items(Some(1))
        .max_items(Some(SUBMISSION_TOKENS_MAX))
        .unique_items(true)
        .build()
}

fn number_of_tokens() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
        .minimum(Some(1))
        .maximum(Some(SUBMISSION_TOKENS_MAX))
        .build()
}
