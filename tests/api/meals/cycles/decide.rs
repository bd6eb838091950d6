//! Verifying and rejecting payments: once, by an owner of the mess, and what the counter knows
//! then.

use serde_json::json;
use thali_domain::days::MealDate;
use thali_domain::meals::entitlement::CycleState;
use thali_domain::mess::Approval;
use thali_platform::store::keys;

use super::{PAYMENTS, account_of, decide, reject, verify};
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_payment_entitles_its_days_and_a_rejected_one_frees_them() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    let next = test.upload_cycle(&asha, "2026-03-01", "2026-03-31").await;

    let reason = json!({ "reason": " the money came " });
    let answer = test.send(decide(&owner, id, "verify", &reason)).await.expect(200);
    let expected = json!({
        "payment_id": id,
        "account_id": asha.account_id,
        "name": "asha",
        "cycle_start": "2026-02-01",
        "cycle_end": "2026-02-28",
        "amount_paise": 300_000,
        "status": "verified",
        "screenshot_url": "https://example.com/paid.png",
        "screenshot_checked": false,
        "reason": "the money came",
        "created_at": "2026-01-15T06:30:00Z",
        "decided_at": "2026-01-15T06:30:00Z",
    });
    assert_eq!(answer.body, expected);
    let member = test.member(account_of(&asha)).await;
    let paid = |day: &str| member.entitlement().has_paid(MealDate::parse(day).expect("a date"));
    assert!(paid("2026-02-01") && paid("2026-02-28"), "the first and the last day");
    assert!(!paid("2026-01-31") && !paid("2026-03-01"));
    assert_eq!(member.version, 3);

    let answer = test.send(reject(&owner, next)).await.expect(200);
    assert_eq!((answer.text("status"), answer.body["reason"].is_null()), ("rejected", true));
    assert_eq!(test.states(&asha).await, [CycleState::Verified]);
    assert_eq!(test.member(account_of(&asha)).await.version, 4);
    let record = test.dynamo.item("meals", &keys::cycle(&test.mess_id, next)).await;
    assert_eq!(record["cycle_status"], "mess_demo#rejected");
    assert_eq!(record["decided_by"], json!(owner.account_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_can_be_decided_only_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    for (first, status, from, to) in [
        ("verify", "verified", "2026-02-01", "2026-02-28"),
        ("reject", "rejected", "2026-03-01", "2026-03-31"),
    ] {
        let id = test.upload_cycle(&asha, from, to).await;
        test.send(decide(&owner, id, first, &json!({}))).await.expect(200);
        let before = test.member(account_of(&asha)).await;
        for again in [verify(&owner, id), reject(&owner, id)] {
            let refused = test.send(again).await;
            assert_eq!(refused.problem(409), "already_decided");
            assert_eq!(refused.body["payment_status"], status);
        }
        assert_eq!(test.member(account_of(&asha)).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_optional_and_the_reason_is_one_line() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    for refused in [json!({ "reason": "" }), json!({ "reason": "two\nlines" })] {
        let answer = test.send(decide(&owner, id, "reject", &refused)).await;
        assert_eq!(answer.wrong_fields(), ["reason"]);
    }
    let bodiless = Call::new("POST", &format!("{PAYMENTS}/{id}/reject")).bearer(&owner.token);
    test.send(bodiless).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_of_the_mess_can_decide_on_a_payment() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let staff = test.staff("staff@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    for somebody in [&asha, &staff] {
        assert_eq!(test.send(verify(somebody, id)).await.problem(403), "wrong_role");
    }
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = "mess_other".parse().expect("an id");
    let stranger = test.owner_of(&other, "owner@example.org").await;
    for decision in ["verify", "reject"] {
        let refused = test.send(decide(&stranger, id, decision, &json!({}))).await;
        assert_eq!(refused.problem(404), "payment_not_found");
    }
    let owner = test.owner("owner@example.com").await;
    let nobody = "cyc_01J9Z6V3KQ4N6B7XTA0S2E5GHQ".parse().expect("an id");
    assert_eq!(test.send(verify(&owner, nobody)).await.problem(404), "payment_not_found");
    assert_eq!(test.states(&asha).await, [CycleState::Pending]);
}
