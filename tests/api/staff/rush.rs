//! A whole lunch: two thousand students, twenty devices, and everything that goes wrong at a
//! counter. Some scans are made offline and uploaded together. Every decision is compared with
//! the rules, which are written here a second time and share nothing with the code.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use serde_json::{Value, json};
use thali_domain::accounts::identity::{Name, Role};
use thali_domain::ids::AccountId;
use thali_domain::students::qr::{Code, Kid, Nonce};
use thali_platform::store::{Account, Member, keys};
use tokio::task::JoinSet;

use crate::support::mess::sign;
use crate::support::{Device, Dice, STACK, TestApp, verdict};

const STUDENTS: usize = 2_000;
const DEVICES: usize = 20;

/// A student, and everything that the rules depend on.
#[derive(Debug, Clone)]
struct Eater {
    account: AccountId,
    status: &'static str,
    has_reset: bool,
    has_cut: bool,
    has_paid: bool,
}

/// The code that a visitor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// The student's own code, which is outdated if the student has reset it.
    Code,
    /// A code with a wrong signature.
    Forgery,
    /// A code of a key that does not exist yet.
    FutureKey,
    /// The student's code, signed for another mess.
    OtherMessCode,
    /// A code of an account that does not exist.
    UnknownAccountCode,
    /// A QR code of something else.
    Nothing,
}

/// A visit of a student at a counter.
#[derive(Debug, Clone)]
struct Visit {
    eater: usize,
    shows: Shows,
}

/// The rules, written a second time: the result of a student's first visit.
fn expected(eater: &Eater, shows: Shows) -> &'static str {
    match shows {
        Shows::Nothing => return "malformed_qr",
        Shows::FutureKey => return "unknown_key",
        Shows::Forgery | Shows::OtherMessCode => return "invalid_signature",
        Shows::UnknownAccountCode => return "unknown_student",
        Shows::Code => {}
    }
    if eater.has_reset {
        return "revoked_qr";
    }
    match eater.status {
        "pending_approval" | "rejected" => return "not_approved",
        "blocked" => return "blocked",
        _ => {}
    }
    if eater.has_cut {
        "mess_cut"
    } else if eater.has_paid {
        "admitted"
    } else {
        "no_active_cycle"
    }
}

fn one_in(dice: &mut Dice, many: u64) -> bool {
    dice.roll(many) == 0
}

fn eater(test: &TestApp, dice: &mut Dice) -> Eater {
    let status = match dice.roll(100) {
        0..3 => "blocked",
        3..6 => "pending_approval",
        6..8 => "rejected",
        _ => "active",
    };
    Eater {
        account: AccountId::from_ulid(test.app.clock.ulid()),
        status,
        has_reset: one_in(dice, 25),
        has_cut: one_in(dice, 12),
        has_paid: !one_in(dice, 10),
    }
}

fn visits(dice: &mut Dice) -> Vec<Visit> {
    let mut visits = Vec::new();
    for eater in 0..STUDENTS {
        let times = match dice.roll(20) {
            0 => 3,
            1..4 => 2,
            _ => 1,
        };
        for _ in 0..times {
            let shows = match dice.roll(100) {
                0..2 => Shows::Forgery,
                2 => Shows::FutureKey,
                3..6 => Shows::OtherMessCode,
                6 => Shows::UnknownAccountCode,
                7 => Shows::Nothing,
                _ => Shows::Code,
            };
            visits.push(Visit { eater, shows });
        }
    }
    for last in (1..visits.len()).rev() {
        let other = dice.roll(last as u64 + 1);
        visits.swap(last, usize::try_from(other).expect("small"));
    }
    visits
}

/// The nonce in the codes, and the valid nonce of a student after a reset.
const NONCE: [u8; 9] = [1; 9];
const RESET_NONCE: [u8; 9] = [2; 9];

fn code(test: &TestApp, eater: &Eater, shows: Shows) -> String {
    let code = |account_id, kid| Code { account_id, kid, nonce: Nonce::from_random(NONCE) };
    let own = code(eater.account, Kid::FIRST);
    match shows {
        Shows::Code => sign(&test.mess_id, &own),
        Shows::Forgery => {
            let good = sign(&test.mess_id, &own);
            let end = if good.ends_with('A') { 'E' } else { 'A' };
            format!("{}{end}", &good[..good.len() - 1])
        }
        Shows::FutureKey => sign(&test.mess_id, &code(eater.account, Kid::FIRST.next())),
        Shows::OtherMessCode => sign(&"mess_other".parse().expect("an id"), &own),
        Shows::UnknownAccountCode => {
            let nobody = AccountId::from_ulid(test.app.clock.ulid());
            sign(&test.mess_id, &code(nobody, Kid::FIRST))
        }
        Shows::Nothing => "https://example.com/menu".to_owned(),
    }
}

/// The stored member item of a student after sign-up, payment, cut, block and reset.
fn member(test: &TestApp, eater: &Eater) -> Member {
    let name = Name::parse(&eater.account.account_part()).expect("a name");
    let (mess, now) = (test.mess_id.clone(), test.now());
    let account = Account::new(eater.account, mess, Role::Student, name, "none".into(), now);
    let month = json!({ "from": "2026-01-01", "to": "2026-01-31", "state": "verified" });
    let today = json!({ "from": "2026-01-15", "to": "2026-01-15", "meals": ["LUNCH"] });
    let mut known = serde_json::to_value(Member::of(&account, now)).expect("plain data");
    known["status"] = json!(eater.status);
    known["qr_nonce"] =
        json!(Nonce::from_random(if eater.has_reset { RESET_NONCE } else { NONCE }));
    if eater.has_paid {
        known["cycles"]["cyc_01J9ZB1Q8W4N6B7XTA0S2E5GHQ"] = month;
    }
    if eater.has_cut {
        known["cuts"]["cut_01J9ZB1Q8W4N6B7XTA0S2E5GHQ"] = today;
    }
    serde_json::from_value(known).expect("a student")
}

/// Writes only the member items of the students. Two thousand sign-ups would take longer than
/// the lunch.
async fn write_members(test: &TestApp, eaters: &[Eater]) {
    let client = test.dynamo.client();
    for some in eaters.chunks(25) {
        let put = |eater: &Eater| {
            let mut item: HashMap<String, AttributeValue> =
                serde_dynamo::to_item(member(test, eater)).expect("plain data");
            item.extend(keys::member(&test.mess_id, eater.account).attributes());
            let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
            WriteRequest::builder().put_request(put).build()
        };
        let writes = some.iter().map(put).collect();
        let request = client.batch_write_item().request_items(format!("{STACK}-meals"), writes);
        let left = request.send().await.expect("written").unprocessed_items;
        assert!(left.is_none_or(|left| left.is_empty()));
    }
}

/// The responses to a device: each scan with its number, the numbers of uploaded scans, and the
/// conflicts.
#[derive(Default)]
struct Told {
    scans: Vec<(usize, Value)>,
    uploaded: Vec<usize>,
    conflicts: Vec<Value>,
}

/// Serves one device's queue, one visit after another. Now and then the device is offline for
/// up to 25 visits and uploads their scans together.
async fn serve(
    test: Arc<TestApp>,
    device: Device,
    mut queue: VecDeque<(usize, String)>,
    mut dice: Dice,
) -> Told {
    let mut told = Told::default();
    while !queue.is_empty() {
        if !one_in(&mut dice, 20) {
            let (number, code) = queue.pop_front().expect("somebody waits");
            let scan = test.scanned(device.scan_once(&code, &format!("n{number}"))).await;
            told.scans.push((number, scan));
            continue;
        }
        let some: Vec<_> = queue.drain(..queue.len().min(25)).collect();
        let scan = |(number, code): &(usize, String)| json!({ "qr_data": code, "meal": "LUNCH", "nonce": format!("n{number}") });
        let scans: Vec<Value> = some.iter().map(scan).collect();
        let uploaded = test.scanned(device.upload(&scans)).await;
        let results = uploaded["results"].as_array().expect("a list").clone();
        assert_eq!(results.len(), some.len());
        told.uploaded.extend(some.iter().map(|(number, _)| *number));
        told.scans.extend(some.into_iter().map(|(number, _)| number).zip(results));
        told.conflicts.extend(uploaded["conflicts"].as_array().expect("a list").clone());
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scan_of_a_lunch_of_two_thousand_students_follows_the_rules() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    let seed = u64::from_be_bytes(thali_platform::clock::random_bytes()) | 1;
    let mut dice = Dice(seed);
    let eaters: Vec<Eater> = (0..STUDENTS).map(|_| eater(&test, &mut dice)).collect();
    let preparing = Instant::now();
    write_members(&test, &eaters).await;
    let visits = visits(&mut dice);
    let mut queues: Vec<VecDeque<(usize, String)>> = vec![VecDeque::new(); DEVICES];
    for (number, visit) in visits.iter().enumerate() {
        queues[number % DEVICES]
            .push_back((number, code(&test, &eaters[visit.eater], visit.shows)));
    }
    let prepared = preparing.elapsed();

    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for (number, queue) in queues.into_iter().enumerate() {
        let device = test.device(&format!("Gate {number}")).await;
        let dice = Dice(seed ^ ((number as u64) << 1));
        tasks.spawn(serve(Arc::clone(&test), device, queue, dice));
    }
    let (mut answers, mut conflicts) = (Vec::<(usize, Value)>::new(), Vec::new());
    let mut uploaded = BTreeSet::new();
    for told in tasks.join_all().await {
        answers.extend(told.scans);
        uploaded.extend(told.uploaded);
        conflicts.extend(told.conflicts.iter().map(|it| it["scan_id"].to_string()));
    }
    let took = started.elapsed();
    answers.sort_by_key(|(number, _)| *number);
    assert_eq!(answers.len(), visits.len());

    let mut counted = BTreeMap::<&str, u32>::new();
    let mut admitted = HashMap::<usize, usize>::new();
    for (number, scan) in &answers {
        *counted.entry(verdict(scan)).or_default() += 1;
        if verdict(scan) == "admitted" {
            let before = admitted.insert(visits[*number].eater, *number);
            assert_eq!(before, None, "seed {seed}: one student was admitted twice");
        }
    }
    // An uploaded scan is a conflict if only another device's admission was in its way.
    let mut due = Vec::new();
    for (number, scan) in &answers {
        let Visit { eater, shows } = &visits[*number];
        let told = verdict(scan);
        match expected(&eaters[*eater], *shows) {
            "admitted" => {
                let first = admitted.get(eater).unwrap_or_else(|| panic!("seed {seed}: nobody"));
                let gate = format!("Gate {}", first % DEVICES);
                let of_first = first == number;
                assert_eq!(told, if of_first { "admitted" } else { "already_scanned" });
                assert!(of_first || scan["previous"]["device"] == gate.as_str(), "{scan}");
                if uploaded.contains(number) && first % DEVICES != number % DEVICES {
                    due.push(scan["scan_id"].to_string());
                }
            }
            refused => assert_eq!(told, refused, "seed {seed}: {eater:?} {shows:?}"),
        }
        assert_eq!(scan["student"].is_object(), *shows == Shows::Code, "seed {seed}: {scan}");
    }
    conflicts.sort();
    due.sort();
    assert!(!due.is_empty(), "seed {seed}: no upload was too late");
    assert_eq!(conflicts, due, "seed {seed}");
    let counts = test.scanned(test.device("Screen").await.counts("")).await;
    let refused: BTreeMap<&str, u32> = counted
        .iter()
        .map(|(told, count)| (*told, *count))
        .filter(|(told, _)| *told != "admitted")
        .collect();
    assert_eq!(
        (&counts["admitted"], &counts["refused"]),
        (&json!(admitted.len()), &json!(refused))
    );
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "some thousand")]
    let rate = answers.len() as f64 / seconds;
    println!(
        "{STUDENTS} students, {DEVICES} devices, {} scans in {seconds:.1} s, {rate:.0} scans/s \
         (made ready in {:.1} s): {counted:?}; {} conflicts",
        answers.len(),
        prepared.as_secs_f64(),
        due.len(),
    );
}
