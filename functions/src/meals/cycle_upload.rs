//! `POST /api/v1/payments/upload`: a student reports that a cycle is paid, with a screenshot as
//! proof. One transaction stores the record and adds the days to the member item that scans read,
//! so no two cycles of a student share a day. Replays of one `Idempotency-Key` return the first
//! upload.

use futures_util::try_join;
use serde::Serialize;
use thali_domain::days::{MealDate, Period};
use thali_domain::ids::CycleId;
use thali_domain::meals::cycles::{self, Cycle, CycleStatus};
use thali_domain::meals::rupees::{CyclePaise, CycleRupees};
use thali_domain::meals::screenshots::{Screenshot, ScreenshotUrl};
use thali_domain::pictures::ScreenshotKey;
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, Request, Response, Session, one_of,
    schema,
};
use thali_platform::pictures::{Cleaning, clean};
use thali_platform::problems;
use thali_platform::store::{Attempt, IdempotencyKey, Member, Operation, Stamp, retry_overtaken};
use utoipa::ToSchema;

use crate::repeats::{first_outcome, id_time};

pub static ENDPOINT: Endpoint =
    Endpoint::post("cycle-upload", &["/api/v1/payments/upload"], Access::Student, handler!(upload))
        .needs(&[Part::Blobs])
        .summary("Uploads the payment of a cycle, which waits for the owner")
        .takes(schema::<UploadPayment>)
        .answers(201, schema::<UploadedPayment>)
        .refuses(&[
            "mess_not_found",
            "student_not_found",
            "cycle_overlap",
            "cycle_limit",
            "storage_unavailable",
        ])
        .replays();

/// The days that are paid, the amount (in paise or in rupees), and the proof (an uploaded
/// screenshot, or the address of an external one).
#[derive(eserde::Deserialize, ToSchema)]
struct UploadPayment {
    #[serde(alias = "cycleStart")]
    #[eserde(compat)]
    cycle_start: MealDate,
    #[serde(alias = "cycleEnd")]
    #[eserde(compat)]
    cycle_end: MealDate,
    #[serde(default, alias = "amountPaise")]
    #[eserde(compat)]
    amount_paise: Option<CyclePaise>,
    #[serde(default)]
    #[eserde(compat)]
    amount: Option<CycleRupees>,
    #[serde(default, alias = "screenshotKey")]
    #[eserde(compat)]
    screenshot_key: Option<ScreenshotKey>,
    #[serde(default, alias = "screenshotUrl")]
    #[eserde(compat)]
    screenshot_url: Option<ScreenshotUrl>,
}

/// The payment, as it was uploaded.
#[derive(Serialize, ToSchema)]
struct UploadedPayment {
    #[serde(rename = "payment_id")]
    cycle_id: CycleId,
    status: CycleStatus,
}

async fn upload(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let session = caller.session()?;
    let claim =
        Claim::try_from(request.json_where::<UploadPayment>(amount_and_screenshot_errors)?)?;
    let key = request.idempotency_key(&claim.to_string())?;
    let new = NewCycle { session, claim, key, stamp: caller.stamp(app, request) };
    let (cycle_id, replayed) = match replay(app, &new).await? {
        Some(first) => (first, true),
        None => commit(app, &new).await?,
    };
    let uploaded = UploadedPayment { cycle_id, status: CycleStatus::Pending };
    Ok(Response::created(&uploaded).replayed_if(replayed))
}

/// The two fields for the amount and the two for the screenshot, with their aliases. A request
/// must have exactly one of each two.
const AMOUNTS: [&[&str]; 2] = [&["amount_paise", "amountPaise"], &["amount"]];
const SCREENSHOTS: [&[&str]; 2] =
    [&["screenshot_key", "screenshotKey"], &["screenshot_url", "screenshotUrl"]];

fn amount_and_screenshot_errors(members: &Members) -> Vec<FieldError> {
    let there = |names: &&[&str]| {
        names.iter().any(|name| members.get(*name).is_some_and(|value| !value.is_null()))
    };
    let wrong = |pair: [&[&str]; 2]| {
        if pair.iter().all(there) {
            let message = format!("does not go together with {}", pair[0][0]);
            return vec![FieldError::new(pair[1][0], &message)];
        }
        one_of(members, &pair.concat())
    };
    [wrong(AMOUNTS), wrong(SCREENSHOTS)].concat()
}

/// What a student claims: the days, the amount paid for them, and the screenshot as proof.
struct Claim {
    from: MealDate,
    to: MealDate,
    amount: CyclePaise,
    screenshot: Screenshot,
}

impl TryFrom<UploadPayment> for Claim {
    type Error = Problem;

    fn try_from(body: UploadPayment) -> Result<Self, Problem> {
        let missing = |field| Problem::invalid_field(field, "is missing");
        let rupees = body.amount.map(CycleRupees::paise);
        let uploaded = body.screenshot_key.map(Screenshot::Uploaded);
        let elsewhere = body.screenshot_url.map(Screenshot::Elsewhere);
        Ok(Self {
            from: body.cycle_start,
            to: body.cycle_end,
            amount: body.amount_paise.or(rupees).ok_or_else(|| missing(AMOUNTS[0][0]))?,
            screenshot: uploaded.or(elsewhere).ok_or_else(|| missing(SCREENSHOTS[0][0]))?,
        })
    }
}

impl std::fmt::Display for Claim {
    /// Equal claims give equal texts, whichever fields and units the requests use.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {}", self.from, self.to, self.amount, self.screenshot)
    }
}

/// A cycle that a student uploads.
struct NewCycle<'a> {
    session: &'a Session,
    claim: Claim,
    key: Option<IdempotencyKey>,
    stamp: Stamp,
}

/// Decides and writes; reads and decides again if the student's cycles or cuts changed since
/// they were read.
async fn commit(app: &App, new: &NewCycle<'_>) -> Result<(CycleId, bool), Problem> {
    let (today, wrong) = try_join!(today(app, new), screenshot_error(app, new))?;
    let period = period(new, today, wrong)?;
    let (mess, account) = (&new.session.mess_id, new.session.account_id);
    retry_overtaken(|attempt| async move {
        // Not in the first attempt: `upload` looked for a replay before the days and the
        // screenshot were validated, because a replay succeeds even if they are invalid by now.
        if attempt > 1
            && let Some(first) = replay(app, new).await?
        {
            return Ok(Attempt::Done((first, true)));
        }
        let member = app.store.member_ensured(mess, account, &new.stamp).await?;
        let member = member.ok_or_else(problems::student_not_found)?;
        let forgotten = match cycles::judge(&member.cycles, period, today) {
            Ok(forgotten) => forgotten,
            Err(refusal) => {
                // The days may have been taken by this same request, sent twice at once.
                let first = replay(app, new).await?.ok_or(refusal)?;
                return Ok(Attempt::Done((first, true)));
            }
        };
        let cycle = cycle(new, &member, period, attempt);
        let (key, stamp) = (new.key.as_ref(), &new.stamp);
        let uploaded = app.store.cycle_upload(&member, &cycle, &forgotten, key, stamp).await?;
        Ok(uploaded.map(|()| (cycle.cycle_id, false)))
    })
    .await
}

async fn today(app: &App, new: &NewCycle<'_>) -> Result<MealDate, Problem> {
    let mess = app.store.mess_get(&new.session.mess_id).await?;
    let mess = mess.ok_or_else(problems::mess_not_found)?;
    Ok(mess.date_at(new.stamp.at))
}

/// Removes the screenshot's metadata. Returns why the screenshot is refused, if it is: the key is
/// another student's, or there is no object under it, or the object is not an image of the format
/// that the key declares.
async fn screenshot_error(app: &App, new: &NewCycle<'_>) -> Result<Option<&'static str>, Problem> {
    let Screenshot::Uploaded(key) = &new.claim.screenshot else { return Ok(None) };
    let absent = Some("is not the key of a picture that you have uploaded");
    let object = key.to_string();
    // List first: S3 reports that an object is missing only to a caller that may list the bucket.
    if key.account_id != new.session.account_id
        || !app.blobs().list(&object).await?.contains(&object)
    {
        return Ok(absent);
    }
    // Not left to `picture-check`, which may come later: an owner could see the picture before.
    Ok(match clean(app.blobs(), &object, key.format).await? {
        Cleaning::Gone => absent,
        Cleaning::Refused(_) => Some("is not a picture of the declared type"),
        Cleaning::Clean { .. } => None,
    })
}

/// Validates the days. The problem lists all errors of the days and of the screenshot together;
/// `wrong` is the screenshot's.
fn period(new: &NewCycle<'_>, today: MealDate, wrong: Option<&str>) -> Result<Period, Problem> {
    let mut errors = Vec::from_iter(wrong.map(|wrong| FieldError::new(SCREENSHOTS[0][0], wrong)));
    match cycles::days(new.claim.from, new.claim.to, today) {
        Ok(period) if errors.is_empty() => return Ok(period),
        Ok(_) => {}
        Err(refusal) => {
            let field = if refusal.is_about_the_first_day() { "cycle_start" } else { "cycle_end" };
            errors.push(FieldError::new(field, &refusal.to_string()));
        }
    }
    Err(Problem::invalid_fields(errors))
}

fn cycle(new: &NewCycle<'_>, member: &Member, period: Period, attempt: u32) -> Cycle {
    let now = new.stamp.at;
    Cycle {
        cycle_id: CycleId::of(member.account_id, id_time(now, attempt)),
        account_id: member.account_id,
        mess_id: member.mess_id.clone(),
        name: member.name.clone(),
        roll_no: member.roll_no.clone(),
        period,
        amount_paise: new.claim.amount,
        screenshot: new.claim.screenshot.clone(),
        status: CycleStatus::Pending,
        reason: None,
        created_at: now,
        decided_at: None,
    }
}

/// The cycle that an earlier request with the same idempotency key made.
async fn replay(app: &App, new: &NewCycle<'_>) -> Result<Option<CycleId>, Problem> {
    let NewCycle { session, key, .. } = new;
    let (account, operation) = (session.account_id, Operation::UploadCycle);
    first_outcome(app, account, operation, key.as_ref()).await
}
