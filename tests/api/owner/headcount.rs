//! The headcount report: expected and admitted students, and how yesterday differed.

use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::mess::Meal;
use thali_domain::staff::refusals::Refusal;

use super::id_of;
use crate::support::mess::sitting;
use crate::support::{Call, TestApp};

const PATH: &str = "/api/v1/reports/headcount";

fn meal(entitled: u32, cut: u32, admitted: u32, tokens: u32) -> Value {
    json!({
        "entitled": entitled, "cut": cut, "closed": false, "expected": entitled - cut,
        "admitted": admitted, "refused": {}, "tokens_submitted": tokens,
    })
}

fn before(expected: u32, admitted: u32) -> Value {
    let variance = i64::from(admitted) - i64::from(expected);
    json!({ "expected": expected, "admitted": admitted, "refused": {}, "variance": variance })
}

fn meals(of: [Value; 3]) -> Value {
    let [breakfast, lunch, dinner] = of;
    json!({ "BREAKFAST": breakfast, "LUNCH": lunch, "DINNER": dinner })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_expected_in_an_empty_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let yesterday = json!({ "date": "2026-01-14", "meals": meals([0; 3].map(|_| before(0, 0))) });
    let none = meals([0; 3].map(|_| meal(0, 0, 0, 0)));
    let expected = json!({ "date": "2026-01-15", "meals": none, "yesterday": yesterday });
    assert_eq!(test.seen(&owner, PATH).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headcount_expects_paid_students_without_cuts_and_counts_admissions() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let mut diners = Vec::new();
    for name in ["asha", "ravi", "meera", "joseph"] {
        let diner = test.diner(name).await;
        test.give_cycle(diner.account_id, "2026-01-01", "2026-01-15").await;
        diners.push(diner);
    }
    let [asha, ravi, meera, joseph] = diners.as_slice() else { panic!("four") };
    test.diner("unpaid").await;
    test.give_cut(ravi.account_id, "2026-01-15", "2026-01-16", &[Meal::Lunch]).await;
    test.give_cut(meera.account_id, "2026-01-14", "2026-01-14", &[Meal::Dinner]).await;
    let status = test.send(
        Call::post(&format!("/api/v1/students/{}/block", joseph.account_id), &json!({}))
            .bearer(&owner.token),
    );
    status.await.expect(200);
    assert_eq!(test.member(joseph.account_id).await.status, AccountStatus::Blocked);

    let (lunch, dinner) = (sitting("2026-01-15", Meal::Lunch), sitting("2026-01-14", Meal::Dinner));
    let mut refused = test.scan(lunch, Some(ravi), "2026-01-15T07:30:00Z");
    refused.refused = Some(Refusal::MessCut);
    let mut stray = test.scan(lunch, None, "2026-01-15T07:31:00Z");
    stray.refused = Some(Refusal::MalformedQr);
    let mut undone = test.scan(lunch, Some(meera), "2026-01-15T07:32:00Z");
    undone.undone_at = Some(test.now());
    let scan = |sitting, diner| test.scan(sitting, Some(diner), "2026-01-15T07:30:00Z");
    test.give_plates(&[
        test.plate(lunch, Some(asha), &[lunch; 3].map(|lunch| scan(lunch, asha))),
        test.plate(lunch, Some(ravi), &[refused]),
        test.plate(lunch, Some(meera), &[undone]),
        test.plate(lunch, None, &[stray]),
        test.plate(dinner, Some(asha), &[scan(dinner, asha)]),
        test.plate(dinner, Some(ravi), &[scan(dinner, ravi)]),
        test.plate(dinner, Some(meera), &[scan(dinner, meera)]),
    ])
    .await;
    let yesterday = [before(3, 0), before(3, 0), before(2, 3)];
    let yesterday = json!({ "date": "2026-01-14", "meals": meals(yesterday) });
    let mut today = meals([meal(3, 0, 0, 0), meal(3, 1, 1, 0), meal(3, 0, 0, 0)]);
    today["LUNCH"]["refused"] = json!({ "mess_cut": 1, "malformed_qr": 1, "already_scanned": 2 });
    let expected = json!({ "date": "2026-01-15", "meals": today.clone(), "yesterday": yesterday });
    assert_eq!(test.seen(&owner, PATH).await, expected);

    // Nobody has paid for tomorrow.
    let tomorrow = test.seen(&owner, &format!("{PATH}?date=2026-01-16")).await;
    assert_eq!(tomorrow["meals"], meals([0; 3].map(|_| meal(0, 0, 0, 0))));
    assert_eq!(tomorrow["yesterday"]["date"], "2026-01-15");
    let mut lunch = before(2, 1);
    lunch["refused"] = today["LUNCH"]["refused"].clone();
    assert_eq!(tomorrow["yesterday"]["meals"]["LUNCH"], lunch);

    let stranger = test.stranger().await;
    let theirs = test.seen(&stranger, PATH).await;
    assert_eq!(theirs["meals"], meals([0; 3].map(|_| meal(0, 0, 0, 0))));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_expected_when_the_mess_is_closed() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.diner("asha").await;
    test.give_cycle(asha.account_id, "2026-01-01", "2026-01-31").await;
    test.give_closure("2026-01-15", Meal::Lunch).await;
    let seen = test.seen(&owner, PATH).await;
    let closed = json!({
        "entitled": 1, "cut": 0, "closed": true, "expected": 0, "admitted": 0,
        "refused": {}, "tokens_submitted": 0,
    });
    assert_eq!(seen["meals"]["LUNCH"], closed);
    assert_eq!(seen["meals"]["DINNER"], meal(1, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_submission_counts_for_the_meal_window_it_falls_in() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 20).await;
    // Before lunch begins, at its first moment, during it, and when it is over.
    for (time, count) in [
        ("2026-01-15T06:59:59.999Z", 1),
        ("2026-01-15T07:00:00Z", 2),
        ("2026-01-15T08:59:59.999Z", 4),
        ("2026-01-15T09:00:00Z", 8),
    ] {
        test.wait_until(time);
        let asha = test.log_in_again(&asha).await;
        test.send(TestApp::submit(&asha, count)).await.expect(201);
    }
    // A submission is counted only after its change was processed.
    let owner = test.log_in_again(&owner).await;
    assert_eq!(test.seen(&owner, PATH).await["meals"]["LUNCH"]["tokens_submitted"], 0);
    test.settle().await;
    let seen = test.seen(&owner, PATH).await;
    let tokens = ["BREAKFAST", "LUNCH", "DINNER"];
    let tokens = tokens.map(|meal| seen["meals"][meal]["tokens_submitted"].as_u64());
    assert_eq!(tokens, [Some(0), Some(6), Some(0)]);
    let member = test.member(id_of(&asha)).await;
    assert!(member.cycles.is_empty(), "tokens pay for no cycle");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_date_is_local_and_dates_out_of_range_are_refused() {
    let test = TestApp::start().await;
    // It is past midnight in India, and not yet in London.
    test.wait_until("2026-01-15T18:30:00Z");
    let owner = test.owner("owner@example.com").await;
    assert_eq!(test.seen(&owner, PATH).await["date"], "2026-01-16");
    for date in ["2026-01-09", "2027-01-17"] {
        assert_eq!(test.seen(&owner, &format!("{PATH}?date={date}")).await["date"], date);
    }
    for query in ["date=2026-01-08", "date=2027-01-18", "date=today", "day=2026-01-16"] {
        let name = query.split('=').next().expect("a name");
        let answer = test.read(&owner, &format!("{PATH}?{query}")).await;
        assert_eq!(answer.wrong_fields(), [name], "{query}");
    }
}
