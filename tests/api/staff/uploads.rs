//! Scans that were made offline and are uploaded later.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::mess::Meal;

use crate::support::people::Student;
use crate::support::{Call, Death, TestApp, verdict};

pub(super) fn verdicts(uploaded: &Value) -> Vec<&str> {
    uploaded["results"].as_array().expect("a list").iter().map(verdict).collect()
}

pub(super) fn lunch_at(code: &str, time: &str, nonce: Option<&str>) -> Value {
    let scanned_at = format!("2026-01-15T{time}+05:30");
    match nonce {
        Some(nonce) => {
            json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": scanned_at, "nonce": nonce })
        }
        None => json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": scanned_at }),
    }
}

/// Moves the clock to the evening, when a device that was offline at lunch is online again.
pub(super) fn evening(test: &TestApp) {
    advance_to(test, "20:00:00");
}

/// Moves the clock forward to a local time of 15 January.
pub(super) fn advance_to(test: &TestApp, time: &str) {
    let then: Timestamp = format!("2026-01-15T{time}+05:30").parse().expect("a time");
    test.advance(then.duration_since(test.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_uploaded_scan_is_decided_by_its_own_time() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (_, other) = test.eater("binod@example.com").await;
    // The cut was made two days ago.
    test.advance(SignedDuration::from_hours(-48));
    test.give_cut(asha, "2026-01-14", "2026-01-14", &[Meal::Lunch]).await;
    test.advance(SignedDuration::from_hours(48));
    let device = test.device("Gate 1").await;
    evening(&test);
    let yesterday = json!({
        "qr_data": code, "meal": "LUNCH", "scanned_at": "2026-01-14T13:00:00+05:30",
    });
    let scans = [
        lunch_at(&code, "13:10:00", None),
        lunch_at(&other, "12:29:59", None),
        lunch_at(&code, "13:05:00", None),
        yesterday,
        lunch_at("hello", "13:00:00", None),
        lunch_at(&other, "12:30:00", None),
        json!({ "qr_data": other, "meal": "DINNER" }),
    ];
    let uploaded = test.scanned(device.upload(&scans)).await;
    let expected = [
        "already_scanned",
        "outside_meal_window",
        "admitted",
        "mess_cut",
        "malformed_qr",
        "admitted",
        "admitted",
    ];
    assert_eq!(verdicts(&uploaded), expected);
    let previous = &uploaded["results"][0]["previous"];
    assert_eq!(previous["scanned_at"], "2026-01-15T07:35:00Z");
    assert_eq!(uploaded["conflicts"], json!([]), "both are of one device");
    assert_eq!(uploaded["results"][3]["date"], "2026-01-14");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_admitting_one_student_cause_a_conflict_and_one_admission() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    evening(&test);
    let first = lunch_at(&code, "13:10:00", Some("a"));
    let second = lunch_at(&code, "13:05:00", Some("b"));
    let of_gate = test.scanned(gate.upload(&[first])).await;
    assert_eq!((verdicts(&of_gate), &of_gate["conflicts"]), (vec!["admitted"], &json!([])));
    let of_door = test.scanned(door.upload(std::slice::from_ref(&second))).await;
    assert_eq!(verdicts(&of_door), ["already_scanned"]);
    let conflicts = json!([{
        "reason": "already_admitted",
        "scan_id": of_door["results"][0]["scan_id"],
        "student": { "name": "asha" },
        "meal": "LUNCH",
        "date": "2026-01-15",
        "first": { "scanned_at": "2026-01-15T07:40:00Z", "device": "Gate 1" },
        "second": { "scanned_at": "2026-01-15T07:35:00Z", "device": "Door" },
    }]);
    assert_eq!(of_door["conflicts"], conflicts);
    assert_eq!(test.scanned(door.upload(&[second])).await, of_door, "a repeat returns the same");
    assert_eq!(test.scanned(door.counts("?date=2026-01-15&meal=LUNCH")).await["admitted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_refused_for_another_reason_is_not_a_conflict() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    evening(&test);
    test.scanned(gate.upload(&[lunch_at(&code, "13:10:00", None)])).await;
    test.set_member_status(asha, AccountStatus::Blocked).await;
    let uploaded = test.scanned(door.upload(&[lunch_at(&code, "13:11:00", None)])).await;
    assert_eq!((verdicts(&uploaded), &uploaded["conflicts"]), (vec!["blocked"], &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_upload_returns_the_first_result_with_or_without_nonces() {
    let test = TestApp::start().await;
    let mut scans = Vec::new();
    for number in 0..20 {
        let (_, code) = test.eater(&format!("student{number}@example.com")).await;
        let nonce = format!("n{number}");
        let nonce = (number % 2 == 0).then_some(nonce.as_str());
        scans.push(lunch_at(&code, "13:00:00", nonce));
        scans.push(lunch_at(&code, "13:01:00", None));
    }
    let device = test.device("Gate 1").await;
    evening(&test);
    let first = test.scanned(device.upload(&scans)).await;
    let admitted = verdicts(&first).into_iter().filter(|it| *it == "admitted").count();
    assert_eq!((admitted, verdicts(&first).len()), (20, 40));
    test.advance(SignedDuration::from_mins(1));
    assert_eq!(test.scanned(device.upload(&scans)).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_completes_an_upload_that_crashed_halfway() {
    let test = TestApp::start().await;
    let mut scans = Vec::new();
    for number in 0..12 {
        let (_, code) = test.eater(&format!("student{number}@example.com")).await;
        scans.push(lunch_at(&code, "13:00:00", None));
        scans.push(lunch_at(&code, "13:01:00", None));
    }
    let device = test.device("Gate 1").await;
    evening(&test);
    let expected: Vec<&str> = ["admitted", "already_scanned"].repeat(12);
    for dies_after in [3, 9, 17] {
        let dying_process = test.dying_process(Death::After(dies_after));
        let answer = test.send_to(&dying_process.app, device.upload(&scans)).await;
        assert!(dying_process.is_dead() && answer.status >= 500, "{}", answer.body);
    }
    let uploaded = test.scanned(device.upload(&scans)).await;
    assert_eq!(verdicts(&uploaded), expected);
    let counts = test.scanned(device.counts("?meal=LUNCH")).await;
    assert_eq!(
        (&counts["admitted"], &counts["refused"]),
        (&json!(12), &json!({ "already_scanned": 12 }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn uploading_a_live_scan_with_a_lost_answer_returns_its_result() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    let live = test.scanned(device.scan_once(&code, "n1")).await;
    evening(&test);
    let uploaded = test.scanned(device.upload(&[lunch_at(&code, "13:00:00", Some("n1"))])).await;
    assert_eq!((&uploaded["results"][0], &uploaded["conflicts"]), (&live, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_reset_after_an_offline_scan_hides_no_second_admission() {
    let test = TestApp::start().await;
    let (asha, code_of_asha) = test.eater("asha@example.com").await;
    let (binod, code_of_binod) = test.eater("binod@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let scanned_before = |code: &str| lunch_at(code, "12:40:00", Some("n1"));
    advance_to(&test, "12:50:00");
    test.reset_code(asha).await;
    test.reset_code(binod).await;

    // Binod's upload comes before the new code is shown, Asha's after it.
    advance_to(&test, "12:55:00");
    let uploaded = test.scanned(gate.upload(&[scanned_before(&code_of_binod)])).await;
    assert_eq!((verdicts(&uploaded), &uploaded["conflicts"]), (vec!["admitted"], &json!([])));
    advance_to(&test, "13:00:00");
    let second = test.scanned(door.scan(&test.code_of(binod).await)).await;
    let told = (verdict(&second), &second["previous"]["device"]);
    assert_eq!(told, ("already_scanned", &json!("Gate 1")));
    let first = test.scanned(door.scan(&test.code_of(asha).await)).await;
    assert_eq!(verdict(&first), "admitted");

    advance_to(&test, "14:00:00");
    // A live scan sees the reset at once, whatever its `scanned_at` says.
    for body in [scanned_before(&code_of_asha), json!({ "qr_data": code_of_asha, "meal": "LUNCH" })]
    {
        assert_eq!(verdict(&test.scanned(door.send(&body)).await), "revoked_qr");
    }
    let late = lunch_at(&code_of_asha, "12:50:00", Some("n2"));
    let uploaded = test.scanned(gate.upload(&[scanned_before(&code_of_asha), late])).await;
    assert_eq!(verdicts(&uploaded), ["already_scanned", "revoked_qr"]);
    let conflicts = uploaded["conflicts"].as_array().expect("a list");
    let devices: Vec<_> =
        conflicts.iter().map(|it| (&it["first"]["device"], &it["second"]["device"])).collect();
    assert_eq!(devices, [(&json!("Door"), &json!("Gate 1"))]);

    // After a second reset, both codes from before are remembered.
    let between = test.code_of(asha).await;
    test.reset_code(asha).await;
    let scans = [lunch_at(&code_of_asha, "12:41:00", None), lunch_at(&between, "13:30:00", None)];
    let uploaded = test.scanned(gate.upload(&scans)).await;
    assert_eq!(verdicts(&uploaded), ["already_scanned", "already_scanned"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_logins_of_one_account_count_as_two_devices() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    evening(&test);
    let one = test.staff("staff@example.com").await;
    let other = Student::of(&test.log_in("staff@example.com").await);
    assert_eq!(one.account_id, other.account_id);
    // Both phones count their nonces from one.
    let body = json!({ "scans": [lunch_at(&code, "13:00:00", Some("n1"))] });
    let upload = |phone: &Student| Call::post("/api/v1/scanner/scans", &body).bearer(&phone.token);
    let first = test.scanned(upload(&one)).await;
    assert_eq!((verdicts(&first), &first["conflicts"]), (vec!["admitted"], &json!([])));
    let second = test.scanned(upload(&other)).await;
    assert_eq!(verdicts(&second), ["already_scanned"]);
    assert_eq!(second["conflicts"][0]["scan_id"], second["results"][0]["scan_id"]);
    assert_eq!(test.scanned(upload(&one)).await, first, "a repeat returns the same");

    let id = first["results"][0]["scan_id"].as_str().expect("an id");
    let path = format!("/api/v1/scanner/scans/{id}/undo");
    let undo = |phone: &Student| Call::post(&path, &json!({})).bearer(&phone.token);
    assert_eq!(test.send(undo(&other)).await.problem(404), "scan_not_found");
    test.send(undo(&one)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_sharing_a_token_are_told_apart_by_their_device_info() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let gate = test.device("Gate 1").await;
    evening(&test);
    for nonce in [Some("n1"), None] {
        let of_phone = |phone: &str| {
            let mut scan = lunch_at(&code, "13:00:00", nonce);
            scan["device_info"] = json!(phone);
            scan
        };
        let first = test.scanned(gate.upload(&[of_phone("Pixel")])).await;
        assert_eq!((verdicts(&first), &first["conflicts"]), (vec!["admitted"], &json!([])));
        let second = test.scanned(gate.upload(&[of_phone("Nokia")])).await;
        assert_eq!(verdicts(&second), ["already_scanned"]);
        assert_eq!(second["conflicts"][0]["first"]["device"], "Gate 1 (Pixel)");
        assert_eq!(second["conflicts"][0]["second"]["device"], "Gate 1 (Nokia)");
        assert_eq!(test.scanned(gate.upload(&[of_phone("Pixel")])).await, first);
        // The undo works for any phone with the same token.
        let id = first["results"][0]["scan_id"].as_str().expect("an id");
        test.send(gate.undo(id)).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_reported_even_if_the_plate_is_full() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    assert_eq!(verdict(&test.scanned(door.scan(&code)).await), "admitted");
    evening(&test);
    let scans: Vec<Value> = (0..201)
        .map(|second| lunch_at(&code, &format!("13:{:02}:{:02}", second / 60, second % 60), None))
        .collect();
    for some in scans.chunks(100) {
        let uploaded = test.scanned(gate.upload(some)).await;
        assert_eq!(verdicts(&uploaded), vec!["already_scanned"; some.len()]);
        let conflicts = uploaded["conflicts"].as_array().expect("a list");
        let ids = |list: &[Value]| -> Vec<Value> {
            list.iter().map(|it| it["scan_id"].clone()).collect()
        };
        assert_eq!(ids(conflicts), ids(uploaded["results"].as_array().expect("a list")));
        assert!(conflicts.iter().all(|it| it["first"]["device"] == "Door"), "{uploaded}");
    }
    let counts = test.scanned(gate.counts("?meal=LUNCH")).await;
    assert_eq!(counts["refused"], json!({ "already_scanned": 199 }), "the plate is full");
}
