//! The live counts of a meal.

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::AccountStatus;

use crate::support::{Call, TestApp, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn scans_of_a_meal_are_counted_live_and_stay_readable_later() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let nothing = json!({
        "date": "2026-01-15", "meal": "LUNCH", "admitted": 0, "refused": {}, "last": [],
    });
    assert_eq!(test.scanned(device.counts("")).await, nothing);
    let (_, code) = test.eater("asha@example.com").await;
    let (binod, other) = test.eater("binod@example.com").await;
    test.set_member_status(binod, AccountStatus::Blocked).await;
    for (what, expected) in [
        (&*code, "admitted"),
        (&code, "already_scanned"),
        (&code, "already_scanned"),
        (&other, "blocked"),
        ("hello", "malformed_qr"),
        ("hello", "malformed_qr"),
    ] {
        assert_eq!(verdict(&test.scanned(device.scan(what)).await), expected);
    }
    let refused = json!({ "already_scanned": 2, "blocked": 1, "malformed_qr": 2 });
    let lunch = test.scanned(device.counts("")).await;
    let counted = [&lunch["date"], &lunch["meal"], &lunch["admitted"], &lunch["refused"]];
    assert_eq!(counted, [&json!("2026-01-15"), &json!("LUNCH"), &json!(1), &refused]);
    assert_eq!(lunch["last"].as_array().map(Vec::len), Some(6));
    test.advance(SignedDuration::from_hours(48));
    assert_eq!(test.scanned(device.counts("?date=2026-01-15&meal=LUNCH")).await, lunch);
    let today = test.scanned(device.counts("")).await;
    assert_eq!((&today["date"], &today["admitted"]), (&json!("2026-01-17"), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meal_must_be_named_when_no_meal_is_served() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    assert_eq!(test.send(device.counts("")).await.wrong_fields(), ["meal"]);
    assert_eq!(test.send(device.counts("?date=2026-01-15")).await.wrong_fields(), ["meal"]);
    let named = test.scanned(device.counts("?meal=DINNER")).await;
    assert_eq!((&named["date"], &named["meal"]), (&json!("2026-01-15"), &json!("DINNER")));
    assert_eq!(test.send(device.counts("?meal=TEA")).await.wrong_fields(), ["meal"]);
    assert_eq!(test.send(device.counts("?meal=LUNCH&date=today")).await.wrong_fields(), ["date"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_counters_see_each_others_latest_scans() {
    let test = TestApp::start().await;
    test.lunch();
    let (one, other) = (test.device("Gate 1").await, test.device("Gate 2").await);
    let (_, code) = test.eater("asha@example.com").await;
    let first = test.scanned(one.scan(&code)).await;
    test.advance(SignedDuration::from_secs(1));
    let second = test.scanned(other.scan(&code)).await;
    test.advance(SignedDuration::from_secs(1));
    let third = test.scanned(other.scan("hello")).await;
    let name = &first["student"]["name"];
    let expected = json!([
        {
            "scan_id": third["scan_id"], "result": "refused", "reason": "malformed_qr",
            "scanned_at": third["scanned_at"], "device": "Gate 2",
        },
        {
            "scan_id": second["scan_id"], "name": name, "result": "refused",
            "reason": "already_scanned", "scanned_at": second["scanned_at"], "device": "Gate 2",
        },
        {
            "scan_id": first["scan_id"], "name": name, "result": "admitted",
            "scanned_at": first["scanned_at"], "device": "Gate 1",
        },
    ]);
    for device in [&one, &other] {
        assert_eq!(test.scanned(device.counts("")).await["last"], expected);
    }
    // An undone admission says so, and the meal is free again.
    let id = first["scan_id"].as_str().expect("an id");
    let undone = test.send(one.undo(id)).await.expect(200);
    let seen = test.scanned(other.counts("")).await;
    assert_eq!((&seen["admitted"], seen["last"].as_array().map(Vec::len)), (&json!(0), Some(3)));
    assert_eq!(seen["last"][2]["undone_at"], undone.body["undone_at"]);
    let path = "/api/v1/scanner/meal?meal=LUNCH&date=2026-01-15";
    let again = test.send(Call::get(path).bearer(&other.token)).await.expect(200);
    assert_eq!(again.body, seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_latest_twenty_scans_are_shown() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let mut scans = Vec::new();
    for _ in 0..25 {
        test.advance(SignedDuration::from_secs(1));
        scans.push(test.scanned(device.scan("hello")).await["scan_id"].clone());
    }
    let seen = test.scanned(device.counts("")).await;
    assert_eq!(seen["refused"], json!({ "malformed_qr": 25 }));
    let last = seen["last"].as_array().expect("a list").iter().map(|scan| &scan["scan_id"]);
    assert!(last.eq(scans.iter().rev().take(20)), "{seen}");
}
