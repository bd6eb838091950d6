//! Undoing an admission.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;

use crate::support::{Call, TestApp, verdict};

#[track_caller]
fn id(scan: &Value) -> &str {
    scan["scan_id"].as_str().expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_undone_admission_the_student_can_be_admitted_again() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let first = test.scanned(gate.scan_once(&code, "n1")).await;
    let between = test.scanned(door.scan_once(&code, "m1")).await;
    assert_eq!(verdict(&between), "already_scanned");
    test.advance(SignedDuration::from_mins(2));
    let undone = test.scanned(gate.undo(id(&first))).await;
    let mut expected = first.clone();
    expected["undone_at"] = json!(test.now().to_string());
    assert_eq!(undone, expected);
    let counts = test.scanned(gate.counts("")).await;
    assert_eq!(counts["admitted"], 0);

    // A repeat of the scan is not a new admission.
    assert_eq!(test.scanned(gate.scan_once(&code, "n1")).await, first);
    assert_eq!(test.scanned(gate.counts("")).await["admitted"], 0);
    test.advance(SignedDuration::from_secs(1));
    let second = test.scanned(door.scan_once(&code, "m2")).await;
    assert_eq!(verdict(&second), "admitted");

    // Every repeated request still gets its first result.
    test.advance(SignedDuration::from_mins(30));
    assert_eq!(test.scanned(gate.undo(id(&first))).await, undone);
    assert_eq!(test.scanned(gate.scan_once(&code, "n1")).await, first);
    assert_eq!(test.scanned(door.scan_once(&code, "m1")).await, between);
    assert_eq!(test.scanned(door.scan_once(&code, "m2")).await, second);
    let third = test.scanned(gate.scan_once(&code, "n2")).await;
    assert_eq!(
        (verdict(&third), &third["previous"]["device"]),
        ("already_scanned", &json!("Door"))
    );
    assert_eq!(test.scanned(gate.counts("?meal=LUNCH")).await["admitted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn scan_and_undo_can_be_repeated_many_times() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    for round in 0..4 {
        let admitted = test.scanned(device.scan_once(&code, &format!("n{round}"))).await;
        assert_eq!(verdict(&admitted), "admitted");
        assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "already_scanned");
        test.send(device.undo(id(&admitted))).await.expect(200);
        test.advance(SignedDuration::from_secs(1));
    }
    let counts = test.scanned(device.counts("")).await;
    assert_eq!(
        (&counts["admitted"], &counts["refused"]),
        (&json!(0), &json!({ "already_scanned": 4 }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_is_refused_ten_minutes_after_the_scan() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let (_, other) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    let (one, two) =
        (test.scanned(device.scan(&code)).await, test.scanned(device.scan(&other)).await);
    test.advance(SignedDuration::from_mins(10) - SignedDuration::from_millis(1));
    test.send(device.undo(id(&one))).await.expect(200);
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.send(device.undo(id(&two))).await.problem(409), "undo_expired");
    test.send(device.undo(id(&one))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_period_of_an_uploaded_scan_starts_at_its_arrival() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    test.advance(SignedDuration::from_hours(24));
    let scan = json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": "2026-01-15T07:30:00Z" });
    let uploaded = test.scanned(device.upload(&[scan])).await;
    test.advance(SignedDuration::from_mins(9));
    test.send(device.undo(id(&uploaded["results"][0]))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_admitting_device_can_undo_and_only_an_admission() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let admitted = test.scanned(gate.scan(&code)).await;
    let second = test.scanned(gate.scan(&code)).await;
    let stray = test.scanned(gate.scan("hello")).await;
    test.set_member_status(asha, AccountStatus::Blocked).await;
    let blocked = test.scanned(gate.scan(&code)).await;
    for refused in [&second, &stray, &blocked] {
        assert_eq!(test.send(gate.undo(id(refused))).await.problem(409), "not_admitted");
    }
    let staff = test.staff("staff@example.com").await;
    let path = format!("/api/v1/scanner/scans/{}/undo", id(&admitted));
    let by_staff = Call::post(&path, &json!({})).bearer(&staff.token);
    test.create_mess("mess_other", Approval::Automatic).await;
    let other: MessId = "mess_other".parse().expect("an id");
    let foreign =
        test.device_until(&other, "Gate 1", test.now() + SignedDuration::from_hours(1)).await;
    for call in [door.undo(id(&admitted)), foreign.undo(id(&admitted)), by_staff] {
        assert_eq!(test.send(call).await.problem(404), "scan_not_found");
    }
    let unknown = id(&admitted).replace("20260115L", "20260115D");
    assert_eq!(test.send(gate.undo(&unknown)).await.problem(404), "scan_not_found");
    assert_eq!(test.scanned(gate.counts("")).await["admitted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_undo_and_scans_leave_at_most_one_admission() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    for round in 0..10 {
        let (_, code) = test.eater(&format!("student{round}@example.com")).await;
        let first = test.scanned(gate.scan(&code)).await;
        let mut calls = vec![gate.undo(id(&first)), gate.undo(id(&first))];
        calls.extend((0..6).map(|n| door.scan_once(&code, &format!("n{n}"))));
        let answers = test.send_together(calls.clone()).await;
        assert_eq!(answers[0].clone().expect(200).body, answers[1].clone().expect(200).body);
        let admitted = answers[2..].iter().filter(|it| verdict(&it.body) == "admitted").count();
        assert!(admitted <= 1, "{admitted} admissions");
        // Each repeat gets its first outcome, admitted or refused.
        let again = test.send_together(calls).await;
        for (first, again) in answers.iter().zip(&again).skip(2) {
            assert_eq!(verdict(&first.body), verdict(&again.body));
            assert_eq!(first.body["scan_id"], again.body["scan_id"]);
        }
    }
}
