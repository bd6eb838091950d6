//! Concurrent uploads and decisions, and processes that die half-way.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use thali_domain::days::MealDate;
use thali_domain::ids::CycleId;
use thali_domain::meals::entitlement::CycleState;

use super::{PAYMENTS, claim, reject, upload, verify};
use crate::support::{Call, Death, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_ten_concurrent_overlapping_uploads_is_accepted() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let first = MealDate::parse("2026-02-01").expect("a date");
    // All of them include 10 February.
    let call = |number: i32| {
        let (from, to) = (first.plus_days(number), first.plus_days(number + 9));
        upload(&asha, &claim(&from.to_string(), &to.to_string()))
    };
    let answers = test.send_together((0..10).map(call).collect()).await;
    let taken: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(taken.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(refused.problem(409), "cycle_overlap");
        assert_eq!(refused.body["payment_id"], taken[0].body["payment_id"]);
    }
    assert_eq!(test.states(&asha).await, [CycleState::Pending]);
    assert_eq!(test.list(&asha, PAYMENTS, 100).await.len(), 1, "there is one record");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uploads_of_different_days_all_succeed_in_one_millisecond() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let day = |number: u32| format!("2026-02-{number:02}");
    let calls = (1..=8).map(|number| upload(&asha, &claim(&day(number), &day(number)))).collect();
    let answers = test.send_together(calls).await;
    let ids: BTreeSet<String> = answers
        .into_iter()
        .map(|answer| answer.expect(201).text("payment_id").to_owned())
        .collect();
    assert_eq!(ids.len(), 8);
    assert_eq!(test.states(&asha).await, [CycleState::Pending; 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_uploads_with_one_key_create_one_payment() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let call = upload(&asha, &claim("2026-02-01", "2026-02-28")).header("idempotency-key", "k-1");
    let answers = test.send_together(vec![call; 10]).await;
    let first = answers[0].body.clone();
    let replays = answers.iter().filter(|it| it.header("idempotent-replay") == "true").count();
    assert_eq!(replays, 9);
    for answer in answers {
        assert_eq!(answer.expect(201).body, first);
    }
    assert_eq!(test.states(&asha).await, [CycleState::Pending]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_verified_or_rejected_and_never_both() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let owners = [test.owner("one@example.com").await, test.owner("other@example.com").await];
    let first = MealDate::parse("2026-02-01").expect("a date");
    let mut verified = 0;
    for round in 0..8 {
        let day = first.plus_days(round).to_string();
        let id = test.upload_cycle(&asha, &day, &day).await;
        let mut calls = vec![verify(&owners[0], id), reject(&owners[1], id)];
        calls.extend(calls.clone());
        let answers = test.send_together(calls).await;
        let done: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(done.len(), 1);
        let status = done[0].text("status");
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!(refused.problem(409), "already_decided");
            assert_eq!(refused.body["payment_status"], status);
        }
        assert_eq!(test.cycle(id).await.status.as_str(), status);
        verified += usize::from(status == "verified");
        assert_eq!(test.states(&asha).await, vec![CycleState::Verified; verified]);
    }
    println!("{verified} of 8 were verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_concurrent_with_a_decision_loses_neither() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let first = MealDate::parse("2026-02-01").expect("a date");
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-01").await;
    let (mut pending, mut all): (CycleId, usize) = (id, 1);
    for round in 1..8 {
        let day = first.plus_days(round).to_string();
        let calls = vec![upload(&asha, &claim(&day, &day)), verify(&owner, pending)];
        let answers = test.send_together(calls).await;
        answers[1].clone().expect(200);
        pending = answers[0].clone().expect(201).text("payment_id").parse().expect("an id");
        all += 1;
        let states = test.states(&asha).await;
        let waiting = states.iter().filter(|state| **state == CycleState::Pending).count();
        assert_eq!((states.len(), waiting), (all, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_process_dies_can_be_retried_and_is_stored_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let first = MealDate::parse("2026-02-01").expect("a date");
    let mut expected = 0;
    let deaths = (0..7).flat_map(|number| [Death::Before(number), Death::After(number)]);
    for (round, death) in (0..).zip(deaths) {
        let day = first.plus_days(round).to_string();
        let call = upload(&asha, &claim(&day, &day));
        let call = call.header("idempotency-key", &format!("k-{round}"));
        let dying_process = test.dying_process(death);
        let died = test.send_to(&dying_process.app, call.clone()).await.status != 201;
        assert!(!died || dying_process.is_dead(), "{death:?}");
        expected += 1;
        let again = test.send(call).await.expect(201);
        let records = test.list(&asha, PAYMENTS, 100).await;
        assert_eq!(records.len(), expected, "{death:?}");
        let is_it = |record: &&Value| record["payment_id"] == again.body["payment_id"];
        assert_eq!(records.iter().filter(is_it).count(), 1, "{death:?}");
        assert_eq!(test.open_cycles(&asha).await.len(), expected, "{death:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_with_a_lost_database_answer_is_made_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    // The SDK retries the transaction with the same token.
    let process = test.losing_answers("TransactWriteItems", 1);
    test.send_to(&process, verify(&owner, id)).await.expect(200);
    let next = test.upload_cycle(&asha, "2026-03-01", "2026-03-31").await;
    let process = test.losing_answers("TransactWriteItems", 3);
    let unknown = test.send_to(&process, reject(&owner, next)).await;
    assert_eq!(unknown.problem(503), "database_unavailable");
    let again = test.send(reject(&owner, next)).await;
    assert_eq!(again.problem(409), "already_decided");
    assert_eq!(again.body["payment_status"], "rejected");
    assert_eq!(test.states(&asha).await, [CycleState::Verified]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_every_request_fails_with_503_and_changes_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    let statement = format!("/api/v1/cycles/{id}/statement");
    // Redis knows these sessions.
    for somebody in [&asha, &owner] {
        test.send(Call::get("/api/v1/mess").bearer(&somebody.token)).await.expect(200);
    }
    let cut_off = test.without_database();
    for call in [
        upload(&asha, &claim("2026-03-01", "2026-03-31")),
        Call::get(PAYMENTS).bearer(&owner.token),
        Call::get(PAYMENTS).bearer(&asha.token),
        verify(&owner, id),
        Call::get(&statement).bearer(&asha.token),
    ] {
        let refused = test.send_to(&cut_off, call).await;
        assert_eq!(refused.problem(503), "database_unavailable");
        assert!(!refused.header("retry-after").is_empty());
    }
    assert_eq!(test.cycle(id).await.status, thali_domain::meals::cycles::CycleStatus::Pending);
}
