//! Repeated scans: the same device and nonce get the first outcome, whatever has changed.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::mess::Meal;
use thali_platform::store::keys;

use crate::support::{TestApp, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_admission_returns_the_first_result_despite_later_changes() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    let first = test.scanned(device.scan_once(&code, "n1")).await;
    assert_eq!(verdict(&first), "admitted");
    test.give_cut(asha, "2026-01-15", "2026-01-15", &[Meal::Lunch]).await;
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first, "cut");
    test.close("2026-01-15", &[Meal::Lunch]).await;
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first, "closed");
    test.set_member_status(asha, AccountStatus::Blocked).await;
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first, "blocked");
    test.reset_code(asha).await;
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first, "reset");
    test.rotate_key(test.now()).await;
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first, "rotated");
    test.advance(SignedDuration::from_hours(3));
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first, "after lunch");
    // Another nonce makes a new scan.
    assert_eq!(verdict(&test.scanned(device.scan_once(&code, "n2")).await), "unknown_key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_refusal_returns_the_first_result_unlike_a_new_scan() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    test.set_member_status(asha, AccountStatus::Blocked).await;
    let first = test.scanned(device.scan_once(&code, "n1")).await;
    assert_eq!(verdict(&first), "blocked");
    test.set_member_status(asha, AccountStatus::Active).await;
    test.advance(SignedDuration::from_secs(5));
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, first);
    let admitted = test.scanned(device.scan_once(&code, "n2")).await;
    assert_eq!(verdict(&admitted), "admitted");
    let second = test.scanned(device.scan_once(&code, "n3")).await;
    assert_eq!(verdict(&second), "already_scanned");
    for (nonce, answer) in [("n1", first), ("n2", admitted), ("n3", second)] {
        assert_eq!(test.scanned(device.scan_once(&code, nonce)).await, answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_scoped_to_its_device_student_and_meal() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let (_, other) = test.eater("binod@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    assert_eq!(verdict(&test.scanned(gate.scan_once(&code, "n1")).await), "admitted");
    assert_eq!(verdict(&test.scanned(door.scan_once(&code, "n1")).await), "already_scanned");
    // A device that restarts its nonces from one can still admit other students.
    assert_eq!(verdict(&test.scanned(gate.scan_once(&other, "n1")).await), "admitted");
    test.advance(SignedDuration::from_hours(24));
    assert_eq!(verdict(&test.scanned(gate.scan_once(&code, "n1")).await), "admitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_scan_of_a_malformed_code_is_recorded_once() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let first = test.scanned(device.scan_once("hello", "n1")).await;
    assert_eq!(verdict(&first), "malformed_qr");
    test.advance(SignedDuration::from_secs(5));
    assert_eq!(test.scanned(device.scan_once("hello", "n1")).await, first);
    let counts = test.scanned(device.counts("")).await;
    assert_eq!(counts["refused"], json!({ "malformed_qr": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_repeated_after_its_meal_closed_returns_the_first_result() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    test.serve(Meal::Dinner, "23:00", "01:00").await;
    let device = test.device("Gate 1").await;
    let dinner = json!({ "qr_data": code, "meal": "DINNER", "nonce": "n1" });
    let until = |time: &str| time.parse::<Timestamp>().expect("a time").duration_since(test.now());
    test.advance(until("2026-01-16T00:59:50+05:30"));
    let first = test.scanned(device.send(&dinner)).await;
    assert_eq!((verdict(&first), &first["date"]), ("admitted", &json!("2026-01-15")));
    test.advance(SignedDuration::from_secs(20));
    assert_eq!(test.scanned(device.send(&dinner)).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plate_keeps_at_most_two_hundred_refusals_and_every_admission() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    test.set_member_status(asha, AccountStatus::Blocked).await;
    for number in 0..203 {
        let refused = test.scanned(device.scan_once(&code, &format!("n{number}"))).await;
        assert_eq!(verdict(&refused), "blocked");
    }
    let sitting = thali_domain::meals::meal_times::Sitting {
        date: "2026-01-15".parse().expect("a date"),
        meal: Meal::Lunch,
    };
    let key = keys::plate(&test.mess_id, sitting, &asha.account_part());
    let scans = async || {
        let plate: Value = test.dynamo.item("meals", &key).await;
        plate.as_object().expect("an item").keys().filter(|name| name.starts_with("scan#")).count()
    };
    assert_eq!(scans().await, 200);
    test.set_member_status(asha, AccountStatus::Active).await;
    let admitted = test.scanned(device.scan_once(&code, "late")).await;
    assert_eq!((verdict(&admitted), scans().await), ("admitted", 201));
    assert_eq!(test.scanned(device.scan_once(&code, "late")).await, admitted);
    let again = test.scanned(device.scan_once(&code, "later")).await;
    assert_eq!((verdict(&again), scans().await), ("already_scanned", 201));
    assert_eq!(again["previous"]["scanned_at"], admitted["scanned_at"]);
}
