//! Scans without a code: staff name the student. And dry runs, which only say what a scan would
//! say.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::AccountId;
use thali_domain::mess::Meal;

use super::uploads::{evening, verdicts};
use crate::support::{Call, Device, TestApp, verdict};

/// The call that admits a student without a code.
fn enter(device: &Device, account: AccountId, nonce: &str) -> Call {
    device.send(&json!({ "account_id": account, "meal": "LUNCH", "nonce": nonce }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_without_a_code_is_admitted_once_and_marked() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let admitted = test.scanned(enter(&gate, asha, "n1")).await;
    assert_eq!((verdict(&admitted), &admitted["manual"]), ("admitted", &json!(true)));
    assert_eq!(admitted["student"]["name"], "asha");
    assert_eq!(test.scanned(enter(&gate, asha, "n1")).await, admitted, "a repeat is the same");
    let by_code = test.scanned(door.scan(&code)).await;
    assert_eq!((verdict(&by_code), &by_code["manual"]), ("already_scanned", &Value::Null));
    assert_eq!(verdict(&test.scanned(enter(&door, asha, "n1")).await), "already_scanned");

    // It is undone as any other.
    test.scanned(gate.undo(admitted["scan_id"].as_str().expect("an id"))).await;
    assert_eq!(verdict(&test.scanned(door.scan_once(&code, "n2")).await), "admitted");

    // The owner sees which scans had no code.
    let owner = test.owner("owner@example.com").await;
    let path = "/api/v1/reports/scans.csv?from=2026-01-15&to=2026-01-15";
    let file = test.send(Call::get(path).bearer(&owner.token)).await.expect(200);
    let file = String::from_utf8(file.bytes).expect("text");
    let manual = file.lines().filter(|row| row.ends_with(",true,,")).count();
    assert_eq!((manual, file.lines().count()), (2, 5), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_student_meets_the_checks_that_codes_do_not_decide() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let (asha, _) = test.eater("asha@example.com").await;
    // Neither matters without a code.
    test.reset_code(asha).await;
    test.rotate_key(test.now()).await;
    let dry = json!({ "account_id": asha, "meal": "LUNCH", "dry_run": true });
    let says = async || verdict(&test.scanned(gate.send(&dry)).await).to_owned();
    assert_eq!(says().await, "admitted");
    test.give_cut(asha, "2026-01-15", "2026-01-15", &[Meal::Lunch]).await;
    assert_eq!(says().await, "mess_cut");
    test.serve(Meal::Lunch, "14:00", "15:00").await;
    assert_eq!(says().await, "outside_meal_window");
    test.close("2026-01-15", &[Meal::Lunch]).await;
    assert_eq!(says().await, "mess_closed");
    test.set_member_status(asha, AccountStatus::Blocked).await;
    assert_eq!(says().await, "blocked");
    test.set_member_status(asha, AccountStatus::PendingApproval).await;
    assert_eq!(says().await, "not_approved");
    let refused = test.scanned(enter(&gate, asha, "n1")).await;
    assert_eq!((verdict(&refused), &refused["manual"]), ("not_approved", &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_student_of_the_mess_can_be_named() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let owner = test.owner("owner@example.com").await.account_id.parse().expect("an id");
    let nobody = AccountId::from_ulid(test.app.clock.ulid());
    for account in [owner, nobody] {
        let refused = test.scanned(enter(&gate, account, "n1")).await;
        assert_eq!((verdict(&refused), &refused["student"]), ("unknown_student", &Value::Null));
        let id = refused["scan_id"].as_str().expect("an id");
        assert!(!id.ends_with(&account.account_part()), "no plate of theirs: {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_has_either_a_code_or_a_student() {
    let test = TestApp::start().await;
    let device = test.device("Gate 1").await;
    let account = "acc_01J9Z6V3KQ4N6B7XTA0S2E5GHQ";
    for (body, field) in [
        (json!({ "qr_data": "x", "account_id": account, "meal": "LUNCH" }), "account_id"),
        (json!({ "qrData": "x", "accountId": account, "meal": "LUNCH" }), "account_id"),
        (json!({ "meal": "LUNCH" }), "qr_data"),
        (json!({ "account_id": "asha", "meal": "LUNCH" }), "account_id"),
        (json!({ "account_id": account, "meal": "LUNCH", "dry_run": "yes" }), "dry_run"),
    ] {
        assert_eq!(test.send(device.send(&body)).await.wrong_fields(), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn named_students_of_an_upload_are_judged_by_its_times() {
    let test = TestApp::start().await;
    let (asha, _) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    evening(&test);
    let at = |time: &str| {
        json!({
            "account_id": asha, "meal": "LUNCH", "scanned_at": format!("2026-01-15T{time}+05:30"),
        })
    };
    let scans = [at("13:00:00"), at("15:00:00"), at("13:00:01")];
    let uploaded = test.scanned(device.upload(&scans)).await;
    assert_eq!(verdicts(&uploaded), ["admitted", "outside_meal_window", "already_scanned"]);
    assert_eq!(uploaded["results"][0]["manual"], json!(true));
    assert_eq!(test.scanned(device.upload(&scans)).await, uploaded, "a repeat is the same");
    let counts = test.scanned(device.counts("?meal=LUNCH&date=2026-01-15")).await;
    assert_eq!(counts["admitted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_and_name_at_once_admit_one_time() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    for round in 0..5 {
        let (account, code) = test.eater(&format!("student{round}@example.com")).await;
        let calls = (0..6).map(|n| match n % 2 {
            0 => door.scan_once(&code, &format!("n{n}")),
            _ => enter(&gate, account, &format!("n{n}")),
        });
        let answers = test.send_together(calls.collect()).await;
        let admitted = answers.iter().filter(|it| verdict(&it.body) == "admitted").count();
        assert_eq!(admitted, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_a_scan_would_say_and_changes_nothing() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let gate = test.device("Gate 1").await;
    let dry = |qr_data: &str| {
        gate.send(&json!({ "qr_data": qr_data, "meal": "LUNCH", "nonce": "n1", "dry_run": true }))
    };
    let before = test.dynamo.items("meals").await.len();
    for (text, expected) in [(code.as_str(), "admitted"), ("hello", "malformed_qr")] {
        for _ in 0..2 {
            let said = test.scanned(dry(text)).await;
            assert_eq!((verdict(&said), &said["dry_run"]), (expected, &json!(true)));
            assert_eq!(said["scan_id"], Value::Null);
        }
    }
    assert_eq!(test.dynamo.items("meals").await.len(), before);
    // The nonce of a dry run is free.
    let admitted = test.scanned(gate.scan_once(&code, "n1")).await;
    assert_eq!(verdict(&admitted), "admitted");
    test.advance(SignedDuration::from_mins(1));
    let said = test.scanned(dry(&code)).await;
    assert_eq!(verdict(&said), "already_scanned");
    assert_eq!(said["previous"]["scanned_at"], admitted["scanned_at"]);
    assert_eq!(test.scanned(gate.counts("")).await["refused"], json!({}));
}
