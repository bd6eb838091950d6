//! The live counts of a meal.

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::AccountStatus;

use crate::support::{TestApp, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn scans_of_a_meal_are_counted_live_and_stay_readable_later() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let nothing = json!({ "date": "2026-01-15", "meal": "LUNCH", "admitted": 0, "refused": {} });
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
    let lunch = json!({ "date": "2026-01-15", "meal": "LUNCH", "admitted": 1, "refused": refused });
    assert_eq!(test.scanned(device.counts("")).await, lunch);
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
