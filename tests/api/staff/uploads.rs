//! Scans that were made offline and are uploaded later.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::identity::AccountStatus;
use thali_domain::mess::Meal;

use crate::support::{Death, TestApp, verdict};

fn verdicts(uploaded: &Value) -> Vec<&str> {
    uploaded["results"].as_array().expect("a list").iter().map(verdict).collect()
}

fn lunch_at(code: &str, time: &str, nonce: Option<&str>) -> Value {
    let scanned_at = format!("2026-01-15T{time}+05:30");
    match nonce {
        Some(nonce) => {
            json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": scanned_at, "nonce": nonce })
        }
        None => json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": scanned_at }),
    }
}

/// The evening of the day, when a device that was offline at lunch is online again.
fn evening(test: &TestApp) {
    let evening: Timestamp = "2026-01-15T20:00:00+05:30".parse().expect("a time");
    test.advance(evening.duration_since(test.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scan_is_judged_by_its_own_time_and_answered_in_its_own_place() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (_, other) = test.eater("binod@example.com").await;
    test.give_cut(asha, "2026-01-14", "2026-01-14", &[Meal::Lunch]).await;
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
    assert_eq!(uploaded["conflicts"], json!([]), "it is the same device's");
    assert_eq!(uploaded["results"][3]["date"], "2026-01-14");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_that_let_one_student_in_are_a_conflict_and_one_meal() {
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
        "scan_id": of_door["results"][0]["scan_id"],
        "student": { "name": "asha" },
        "meal": "LUNCH",
        "date": "2026-01-15",
        "first": { "scanned_at": "2026-01-15T07:40:00Z", "device": "Gate 1" },
        "second": { "scanned_at": "2026-01-15T07:35:00Z", "device": "Door" },
    }]);
    assert_eq!(of_door["conflicts"], conflicts);
    assert_eq!(test.scanned(door.upload(&[second])).await, of_door, "a repeated one says the same");
    assert_eq!(test.scanned(door.counts("?date=2026-01-15&meal=LUNCH")).await["admitted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_refused_anyway_is_no_conflict() {
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
async fn a_repeated_upload_is_answered_as_the_first_with_nonces_and_without() {
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
async fn an_upload_that_was_cut_off_half_way_is_finished_by_its_repetition() {
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
        let mortal = test.mortal(Death::After(dies_after));
        let answer = test.send_to(&mortal.app, device.upload(&scans)).await;
        assert!(mortal.is_dead() && answer.status >= 500, "{}", answer.body);
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
async fn a_live_scan_whose_answer_was_lost_is_found_by_its_upload() {
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
async fn what_is_wrong_with_an_upload_is_named_by_its_place() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let good = json!({ "qr_data": "x", "meal": "LUNCH" });
    let at = |time: &str| json!({ "qr_data": "x", "meal": "LUNCH", "scanned_at": time });
    let scans =
        [good.clone(), at("2026-01-01T00:00:00Z"), good.clone(), at("2026-02-01T00:00:00Z")];
    let refused = test.send(device.upload(&scans)).await;
    assert_eq!(refused.wrong_fields(), ["scans[1].scanned_at", "scans[3].scanned_at"]);
    let scans = [good.clone(), json!({ "qr_data": "x", "meal": "TEA", "price": 1 })];
    let refused = test.send(device.upload(&scans)).await;
    assert_eq!(refused.wrong_fields(), ["scans[1].meal", "scans[1].price"]);
    let refused = test.send(device.upload(&[json!(["x", "LUNCH"])])).await;
    assert!(refused.wrong_fields().contains(&"scans[0]"), "{}", refused.body);
    for scans in [vec![], vec![good.clone(); 101]] {
        assert_eq!(test.send(device.upload(&scans)).await.wrong_fields(), ["scans"]);
    }
    let many = test.scanned(device.upload(&vec![good; 100])).await;
    assert_eq!(verdicts(&many), ["malformed_qr"; 100]);
}
