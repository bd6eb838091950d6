//! Overrides: staff admit a student in spite of a refusal, where the owner allows it.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::mess::Meal;
use thali_domain::staff::overrides::may_be_overridden;
use thali_domain::staff::refusals::Refusal;

use super::scans::cause;
use crate::support::people::Student;
use crate::support::{Call, Device, TestApp, verdict};

const REASON: &str = "Has come back a day early";

#[track_caller]
fn id(scan: &Value) -> &str {
    scan["scan_id"].as_str().expect("an id")
}

/// The call that overrides a refused scan.
fn overrule(device: &Device, scan: &Value, reason: &str) -> Call {
    let path = format!("/api/v1/scanner/scans/{}/override", id(scan));
    Call::post(&path, &json!({ "reason": reason })).bearer(&device.token)
}

impl TestApp {
    /// An owner who has allowed overrides, or not.
    async fn overrides(&self, setting: &str) -> Student {
        let owner = self.owner("owner@example.com").await;
        self.set_overrides(&owner, setting).await;
        owner
    }

    async fn set_overrides(&self, owner: &Student, setting: &str) {
        let call = Call::patch("/api/v1/mess", &json!({ "overrides": setting }));
        let mess = self.send(call.bearer(&owner.token)).await.expect(200);
        assert_eq!(mess.text("overrides"), setting);
    }

    /// The refused scan of a student who has cut lunch, and the student's code.
    async fn cut_lunch(&self, device: &Device, email: &str) -> (Value, String) {
        let (account, code) = self.eater(email).await;
        self.give_cut(account, "2026-01-15", "2026-01-15", &[Meal::Lunch]).await;
        let refused = self.scanned(device.scan_once(&code, "n1")).await;
        assert_eq!(verdict(&refused), "mess_cut");
        (refused, code)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overridden_refusal_admits_and_the_owner_is_told_once() {
    let test = TestApp::start().await;
    test.lunch();
    let owner = test.overrides("allowed").await;
    let gate = test.device("Gate 1").await;
    let (refused, code) = test.cut_lunch(&gate, "asha@example.com").await;
    test.advance(SignedDuration::from_mins(1));
    let admitted = test.scanned(overrule(&gate, &refused, &format!(" {REASON} "))).await;
    let mut expected = refused.clone();
    expected["result"] = json!("admitted");
    expected.as_object_mut().expect("an object").remove("reason");
    expected["override"] = json!({
        "reason": REASON, "refused": "mess_cut", "overridden_at": test.now().to_string(),
    });
    assert_eq!(admitted, expected);
    // A second scan has the same reason, which comes first, and cannot be overridden.
    let second = test.scanned(gate.scan_once(&code, "n2")).await;
    assert_eq!(verdict(&second), "mess_cut");
    let answer = test.send(overrule(&gate, &second, REASON)).await;
    assert_eq!(answer.problem(409), "override_not_allowed");
    assert_eq!(answer.text("scan_reason"), "already_scanned");
    let counts = test.scanned(gate.counts("")).await;
    assert_eq!((&counts["admitted"], &counts["refused"]), (&json!(1), &json!({ "mess_cut": 1 })));

    // A repeat gives the same, also with another reason, later, or if the owner forbids it by then.
    test.set_overrides(&owner, "forbidden").await;
    test.advance(SignedDuration::from_mins(12));
    assert_eq!(test.scanned(overrule(&gate, &refused, "Another reason")).await, admitted);
    // The repeated scan gets its first outcome.
    assert_eq!(test.scanned(gate.scan_once(&code, "n1")).await, refused);

    test.settle().await;
    let told = test.list(&owner, "/owner/notifications", 100).await;
    let told: Vec<&Value> = told.iter().filter(|it| it["kind"] == "scan_overridden").collect();
    let [told] = told.as_slice() else { panic!("one notification: {told:?}") };
    assert_eq!((&told["name"], &told["reason"]), (&json!("asha"), &json!(REASON)));
    assert_eq!((&told["refused"], &told["meal"]), (&json!("mess_cut"), &json!("LUNCH")));
    assert_eq!(
        (&told["scan"]["scan_id"], &told["scan"]["device"]),
        (&refused["scan_id"], &json!("Gate 1"),)
    );
    assert_eq!((&told["by"], &told["by_name"]), (&json!(gate.id), &Value::Null));

    let path = "/api/v1/reports/scans.csv?from=2026-01-15&to=2026-01-15";
    let file = test.send(Call::get(path).bearer(&owner.token)).await.expect(200);
    let file = String::from_utf8(file.bytes).expect("text");
    let row = file.lines().nth(1).expect("a row");
    assert!(row.contains(",admitted,,asha,"), "{row}");
    assert!(row.ends_with(&format!(",false,mess_cut,{REASON}")), "{row}");
    let trail = format!("/api/v1/audit?entity={}", id(&refused));
    let records = test.seen(&owner, &trail).await["items"].clone();
    let overridden = records[0].to_string() + &records[1].to_string();
    assert!(overridden.contains(REASON), "{records}");
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_who_override_are_named_to_the_owner() {
    let test = TestApp::start().await;
    test.lunch();
    let owner = test.overrides("allowed").await;
    let (account, code) = test.eater("asha@example.com").await;
    test.give_cut(account, "2026-01-15", "2026-01-15", &[Meal::Lunch]).await;
    let staff = test.staff("meera@example.com").await;
    let body = json!({ "qr_data": code, "meal": "LUNCH" });
    let scan = Call::post("/api/v1/scanner/scan", &body).bearer(&staff.token);
    let refused = test.scanned(scan).await;
    let path = format!("/api/v1/scanner/scans/{}/override", id(&refused));
    let call = Call::post(&path, &json!({ "reason": REASON })).bearer(&staff.token);
    assert_eq!(verdict(&test.scanned(call).await), "admitted");
    test.settle().await;
    let told = test.list(&owner, "/owner/notifications", 100).await;
    let told = told.iter().find(|it| it["kind"] == "scan_overridden").expect("told");
    assert_eq!((&told["by"], &told["by_name"]), (&json!(staff.account_id), &json!("meera")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_refusals_that_an_owner_may_overrule_are_overridden() {
    for reason in Refusal::ALL.iter().copied() {
        let test = TestApp::start().await;
        test.lunch();
        test.overrides("allowed").await;
        let (asha, code) = test.eater("asha@example.com").await;
        let code = cause(&test, reason, asha, code).await;
        let gate = test.device("Gate 1").await;
        let refused = test.scanned(gate.scan(&code)).await;
        assert_eq!(verdict(&refused), reason.as_str());
        let answer = test.send(overrule(&gate, &refused, REASON)).await;
        if may_be_overridden(reason) {
            let admitted = answer.expect(200).body;
            assert_eq!(
                (verdict(&admitted), &admitted["override"]["refused"]),
                ("admitted", &json!(reason),)
            );
        } else {
            assert_eq!(answer.problem(409), "override_not_allowed", "{reason:?}");
            let told = &answer.body["scan_reason"];
            // The id of a scan names the student's part of ids, if the code is a student's.
            let is_stray = id(&refused).split('_').count() == 3;
            let expected = if is_stray { Refusal::UnknownStudent } else { reason };
            assert_eq!(*told, json!(expected), "{reason:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_are_forbidden_until_the_owner_allows_them() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let (refused, code) = test.cut_lunch(&gate, "asha@example.com").await;
    let answer = test.send(overrule(&gate, &refused, REASON)).await;
    assert_eq!(answer.problem(409), "override_not_allowed");
    assert_eq!(answer.body["scan_reason"], Value::Null);
    assert_eq!(verdict(&test.scanned(gate.scan_once(&code, "n2")).await), "mess_cut");
    test.overrides("allowed").await;
    test.send(overrule(&gate, &refused, REASON)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_is_refused_late_to_other_devices_and_without_a_reason() {
    let test = TestApp::start().await;
    test.lunch();
    test.overrides("allowed").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let (refused, _) = test.cut_lunch(&gate, "asha@example.com").await;
    assert_eq!(test.send(overrule(&door, &refused, REASON)).await.problem(404), "scan_not_found");
    for reason in ["", "ok", "two\nlines", &"x".repeat(201)] {
        let answer = test.send(overrule(&gate, &refused, reason)).await;
        assert_eq!(answer.wrong_fields(), ["reason"], "{reason:?}");
    }
    let (_, code) = test.eater("binod@example.com").await;
    let admitted = test.scanned(gate.scan(&code)).await;
    let answer = test.send(overrule(&gate, &admitted, REASON)).await;
    assert_eq!(answer.problem(409), "override_not_allowed");
    test.advance(SignedDuration::from_mins(10));
    let late = test.send(overrule(&gate, &refused, REASON)).await;
    assert_eq!(late.problem(409), "override_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_who_was_blocked_or_admitted_since_is_not_admitted() {
    let test = TestApp::start().await;
    test.lunch();
    test.overrides("allowed").await;
    let gate = test.device("Gate 1").await;
    let (account, code) = test.eater("asha@example.com").await;
    test.serve(Meal::Lunch, "14:00", "15:00").await;
    let early = test.scanned(gate.scan(&code)).await;
    assert_eq!(verdict(&early), "outside_meal_window");
    test.set_member_status(account, AccountStatus::Blocked).await;
    let answer = test.send(overrule(&gate, &early, REASON)).await;
    assert_eq!(
        (answer.problem(409), answer.text("scan_reason")),
        ("override_not_allowed", "blocked",)
    );
    test.set_member_status(account, AccountStatus::Active).await;
    test.serve(Meal::Lunch, "12:30", "14:30").await;
    assert_eq!(verdict(&test.scanned(gate.scan(&code)).await), "admitted");
    let answer = test.send(overrule(&gate, &early, REASON)).await;
    assert_eq!(
        (answer.problem(409), answer.text("scan_reason")),
        ("override_not_allowed", "already_scanned",)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overridden_admission_can_be_undone_within_ten_minutes_of_it() {
    let test = TestApp::start().await;
    test.lunch();
    test.overrides("allowed").await;
    let gate = test.device("Gate 1").await;
    let (refused, code) = test.cut_lunch(&gate, "asha@example.com").await;
    test.advance(SignedDuration::from_mins(9));
    test.send(overrule(&gate, &refused, REASON)).await.expect(200);
    test.advance(SignedDuration::from_mins(9));
    let undone = test.scanned(gate.undo(id(&refused))).await;
    assert_eq!(undone["override"]["reason"], REASON);
    assert_eq!(test.scanned(gate.counts("")).await["admitted"], 0);
    // The override of an undone scan is not a new admission; that of a new scan is.
    assert_eq!(test.scanned(overrule(&gate, &refused, REASON)).await, undone);
    let again = test.scanned(gate.scan_once(&code, "n2")).await;
    assert_eq!(verdict(&again), "mess_cut");
    test.send(overrule(&gate, &again, REASON)).await.expect(200);
    assert_eq!(test.scanned(gate.counts("")).await["admitted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_and_scans_at_once_admit_one_time() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    test.overrides("allowed").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    for round in 0..6 {
        let (_, code) = test.eater(&format!("student{round}@example.com")).await;
        test.serve(Meal::Lunch, "14:00", "15:00").await;
        let first = test.scanned(gate.scan(&code)).await;
        let second = test.scanned(door.scan(&code)).await;
        test.serve(Meal::Lunch, "12:30", "14:30").await;
        let mut calls = vec![
            overrule(&gate, &first, REASON),
            overrule(&gate, &first, "Another reason"),
            overrule(&door, &second, REASON),
        ];
        calls.extend((0..3).map(|n| door.scan_once(&code, &format!("n{n}"))));
        let answers = test.send_together(calls.clone()).await;
        let ids: std::collections::BTreeSet<&str> = answers
            .iter()
            .filter(|it| it.status == 200 && it.body["result"] == "admitted")
            .map(|it| it.text("scan_id"))
            .collect();
        assert_eq!(ids.len(), 1, "{answers:?}");
        for refused in answers.iter().filter(|it| it.status != 200) {
            assert_eq!(refused.problem(409), "override_not_allowed");
            assert_eq!(refused.text("scan_reason"), "already_scanned");
        }
        let again = test.send_together(calls).await;
        for (first, again) in answers.iter().zip(&again) {
            assert_eq!(
                (first.status, &first.body["result"]),
                (again.status, &again.body["result"])
            );
        }
    }
    assert_eq!(test.scanned(gate.counts("")).await["admitted"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_works_without_redis_and_is_in_the_roster() {
    let test = TestApp::start().await;
    test.lunch();
    test.overrides("allowed").await;
    let gate = test.device("Gate 1").await;
    let (account, code) = test.eater("asha@example.com").await;
    test.serve(Meal::Lunch, "14:00", "15:00").await;
    let early = test.scanned(gate.scan(&code)).await;
    let process = test.another_process(&[("REDIS_URL", "")]);
    test.send_to(&process, overrule(&gate, &early, REASON)).await.expect(200);
    let roster = test.scanned(gate.roster()).await;
    let lunch = json!({ "2026-01-15": { "LUNCH": "already_scanned" } });
    assert_eq!(roster["items"][0]["account_id"], json!(account));
    assert_eq!(roster["items"][0]["meals"], lunch);
}
