//! `POST /api/v1/scanner/scans`: uploads scans that a device made while it was offline. The time
//! of each scan decides about it. A repeated upload gets the same response as the first, even if
//! the first stopped half-way: each scan is a write of its own, which happens once.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use serde::Serialize;
use thali_domain::ids::{AccountId, MessId};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{
    Access, Caller, Endpoint, FieldError, Members, Problem, Request, Response, schema,
};
use thali_platform::store::Member;
use utoipa::ToSchema;

use super::device::Device;
use super::judge::{Counter, Judged, ParsedScan, SentScan, gate};
use super::view::{ScanConflict, ScanView};

pub static ENDPOINT: Endpoint =
    Endpoint::post("scan-batch", &["/api/v1/scanner/scans"], Access::Staff, handler!(upload))
        .needs(&[Part::QrKey, Part::Blobs])
        .summary("Uploads scans that were made offline, and reports conflicts")
        .takes(schema::<UploadScans>)
        .answers(200, schema::<UploadedScans>)
        .refuses(&["mess_not_found"]);

/// The maximum number of scans in one upload.
const SCANS_MAX: usize = 100;

/// How many students' scans are written at the same time.
const STUDENTS_AT_ONCE: usize = 10;

#[derive(eserde::Deserialize, ToSchema)]
struct UploadScans {
    #[schema(min_items = 1, max_items = 100)]
    scans: Vec<SentScan>,
}

#[derive(Serialize, ToSchema)]
struct UploadedScans {
    /// What became of each scan, in the order in which they were sent.
    results: Vec<ScanView>,
    /// Scans that were valid when made, of students whom another device had already admitted.
    conflicts: Vec<ScanConflict>,
}

async fn upload(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (device, mess) = (Device::of(caller)?, caller.mess_id()?);
    let UploadScans { scans } = request.json_where(no_lists)?;
    let stamp = caller.stamp(app, request);
    let parsed = parse(scans, stamp.at)?;
    let (gate, members) = try_join!(gate(app, mess), members(app, mess, &parsed))?;
    let counter = Counter { app, device: &device, gate: &gate, stamp: &stamp, offline: true };
    let judged = judge_all(&counter, &parsed, &members).await?;
    let mut uploaded = UploadedScans { results: Vec::new(), conflicts: Vec::new() };
    for judged in &judged {
        let shown = ScanView::of(app, judged).await?;
        uploaded.conflicts.extend(ScanConflict::of(judged, &shown));
        uploaded.results.push(shown);
    }
    Ok(Response::ok(&uploaded))
}

/// Refuses lists in place of objects. Serde would read a list as an object's members in order.
fn no_lists(body: &Members) -> Vec<FieldError> {
    let scans = body.get("scans").and_then(|scans| scans.as_array()).into_iter().flatten();
    let lists = scans.enumerate().filter(|(_, scan)| scan.is_array());
    lists
        .map(|(index, _)| FieldError::new(&format!("scans[{index}]"), "must be an object"))
        .collect()
}

fn parse(scans: Vec<SentScan>, now: jiff::Timestamp) -> Result<Vec<ParsedScan>, Problem> {
    if !(1..=SCANS_MAX).contains(&scans.len()) {
        let message = format_args!("must be 1 to {SCANS_MAX} scans").to_string();
        return Err(Problem::invalid_field("scans", message));
    }
    let (mut parsed, mut errors) = (Vec::with_capacity(scans.len()), Vec::new());
    for (index, scan) in scans.into_iter().enumerate() {
        match scan.parse(now) {
            Ok(scan) => parsed.push(scan),
            Err(refusal) => {
                let field = format!("scans[{index}].scanned_at");
                errors.push(FieldError::new(&field, &refusal.to_string()));
            }
        }
    }
    if errors.is_empty() { Ok(parsed) } else { Err(Problem::invalid_fields(errors)) }
}

/// The students whom the codes name.
async fn members(
    app: &App,
    mess: &MessId,
    parsed: &[ParsedScan],
) -> Result<HashMap<AccountId, Member>, Problem> {
    let accounts: BTreeSet<AccountId> = parsed.iter().filter_map(ParsedScan::account_id).collect();
    let found = app.store.members_of(mess, accounts).await?;
    Ok(found.into_iter().map(|member| (member.account_id, member)).collect())
}

/// Decides and records the scans: those of one student sequentially, in the order of their times,
/// and those of different students concurrently.
async fn judge_all<'m>(
    counter: &Counter<'_>,
    parsed: &[ParsedScan],
    members: &'m HashMap<AccountId, Member>,
) -> Result<Vec<Judged<'m>>, Problem> {
    let judge_queue = async |queue: Vec<usize>| {
        let mut judged = Vec::with_capacity(queue.len());
        for index in queue {
            let scan = &parsed[index];
            let member = scan.account_id().and_then(|account| members.get(&account));
            judged.push((index, counter.judge(scan, member).await?));
        }
        Ok::<_, Problem>(judged)
    };
    let queues = stream::iter(queues(parsed)).map(judge_queue);
    let judged: Vec<_> = queues.buffer_unordered(STUDENTS_AT_ONCE).try_collect().await?;
    let mut judged: Vec<(usize, Judged<'m>)> = judged.into_iter().flatten().collect();
    judged.sort_by_key(|(index, _)| *index);
    Ok(judged.into_iter().map(|(_, judged)| judged).collect())
}

/// The indices of the scans, in a queue for each student. A scan that names no student has its
/// own queue.
fn queues(parsed: &[ParsedScan]) -> Vec<Vec<usize>> {
    let mut in_time: Vec<usize> = (0..parsed.len()).collect();
    in_time.sort_by_key(|index| parsed[*index].at);
    let mut places: HashMap<AccountId, usize> = HashMap::new();
    let mut queues: Vec<Vec<usize>> = Vec::new();
    for index in in_time {
        let next = queues.len();
        let place = parsed[index].account_id().map_or(next, |id| *places.entry(id).or_insert(next));
        if place == next {
            queues.push(Vec::new());
        }
        queues[place].push(index);
    }
    queues
}
