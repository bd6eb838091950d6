//! `POST /api/v1/scanner/scans`: uploads scans that a device made while it was offline. What held
//! at the time of each scan decides about it. A scan that cannot be taken is refused in its place,
//! and the others are recorded. A repeated upload gets the same response as the first, even if the
//! first stopped half-way: each scan is a write of its own, which happens once.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use serde::Serialize;
use serde_json::value::RawValue;
use thali_domain::ids::{AccountId, MessId};
use thali_platform::app::App;
use thali_platform::config::Part;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Problem, Request, Response, schema};
use thali_platform::store::Member;
use utoipa::ToSchema;

use super::device::Device;
use super::judge::{Counter, Judged, gate};
use super::sent::{ParsedScan, SentScan, UntakenScan};
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
    /// Each scan is parsed alone: one that cannot be taken refuses no other.
    #[schema(value_type = Vec<SentScan>, min_items = 1, max_items = 100)]
    #[eserde(compat)]
    scans: Vec<Box<RawValue>>,
}

#[derive(Serialize, ToSchema)]
struct UploadedScans {
    /// What became of each scan, in the order in which they were sent.
    results: Vec<UploadedScan>,
    /// Scans that an owner should look at: valid ones of students whom another device had already
    /// admitted, and admissions of which nobody knows any more whether they were right.
    conflicts: Vec<ScanConflict>,
}

/// What became of an uploaded scan.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum UploadedScan {
    Recorded(Box<ScanView>),
    Untaken(UntakenScan),
}

async fn upload(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let (device, mess) = (Device::of(caller)?, caller.mess_id()?);
    let UploadScans { scans } = request.json()?;
    if !(1..=SCANS_MAX).contains(&scans.len()) {
        let message = format_args!("must be 1 to {SCANS_MAX} scans").to_string();
        return Err(Problem::invalid_field("scans", message));
    }
    let stamp = caller.stamp(app, request);
    let parsed: Vec<_> =
        scans.iter().map(|scan| SentScan::parse_uploaded(scan, stamp.at)).collect();
    let taken: Vec<&ParsedScan> = parsed.iter().filter_map(|scan| scan.as_ref().ok()).collect();
    let (gate, members) = try_join!(gate(app, mess), members(app, mess, &taken))?;
    let counter = Counter { app, device: &device, gate: &gate, stamp: &stamp, offline: true };
    let mut judged = judge_all(&counter, &taken, &members).await?.into_iter();
    let mut uploaded = UploadedScans { results: Vec::new(), conflicts: Vec::new() };
    for scan in parsed {
        let result = if let Err(untaken) = scan {
            UploadedScan::Untaken(untaken)
        } else {
            let judged = judged.next().expect("each taken scan was judged");
            let shown = ScanView::of(app, &judged).await?;
            uploaded.conflicts.extend(ScanConflict::of(&judged, &shown));
            UploadedScan::Recorded(Box::new(shown))
        };
        uploaded.results.push(result);
    }
    Ok(Response::ok(&uploaded))
}

/// The students whom the codes name.
async fn members(
    app: &App,
    mess: &MessId,
    taken: &[&ParsedScan],
) -> Result<HashMap<AccountId, Member>, Problem> {
    let accounts: BTreeSet<AccountId> = taken.iter().filter_map(|it| it.account_id()).collect();
    let found = app.store.members_of(mess, accounts).await?;
    Ok(found.into_iter().map(|member| (member.account_id, member)).collect())
}

/// Decides and records the scans: those of one student sequentially, in the order of their times,
/// and those of different students concurrently.
async fn judge_all<'m>(
    counter: &Counter<'_>,
    taken: &[&ParsedScan],
    members: &'m HashMap<AccountId, Member>,
) -> Result<Vec<Judged<'m>>, Problem> {
    let judge_queue = async |queue: Vec<usize>| {
        let mut judged = Vec::with_capacity(queue.len());
        for index in queue {
            let scan = taken[index];
            let member = scan.account_id().and_then(|account| members.get(&account));
            judged.push((index, counter.judge(scan, member).await?));
        }
        Ok::<_, Problem>(judged)
    };
    let queues = stream::iter(queues(taken)).map(judge_queue);
    let judged: Vec<_> = queues.buffer_unordered(STUDENTS_AT_ONCE).try_collect().await?;
    let mut judged: Vec<(usize, Judged<'m>)> = judged.into_iter().flatten().collect();
    judged.sort_by_key(|(index, _)| *index);
    Ok(judged.into_iter().map(|(_, judged)| judged).collect())
}

/// The indices of the scans, in a queue for each student. A scan that names no student has its
/// own queue.
fn queues(taken: &[&ParsedScan]) -> Vec<Vec<usize>> {
    let mut in_time: Vec<usize> = (0..taken.len()).collect();
    in_time.sort_by_key(|index| taken[*index].at);
    let mut places: HashMap<AccountId, usize> = HashMap::new();
    let mut queues: Vec<Vec<usize>> = Vec::new();
    for index in in_time {
        let next = queues.len();
        let place = taken[index].account_id().map_or(next, |id| *places.entry(id).or_insert(next));
        if place == next {
            queues.push(Vec::new());
        }
        queues[place].push(index);
    }
    queues
}
