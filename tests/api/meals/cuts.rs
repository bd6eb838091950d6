//! Cutting meals: the cutoff, the bounds, the limit, and what the counter knows of a cut.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::days::MealDate;
use thali_domain::mess::{Approval, Meal};
use thali_platform::store::keys;
use tokio::task::JoinSet;

use super::{account_of, cancel_cut, cut, cut_day};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

/// A student's cuts as the counter knows them, each as its first and last day.
async fn known(test: &TestApp, student: &Student) -> Vec<String> {
    let cuts = test.member(account_of(student)).await.cuts;
    cuts.values().map(|cut| format!("{} {}", cut.period.from, cut.period.to)).collect()
}

async fn list(test: &TestApp, student: &Student) -> Vec<Value> {
    test.list(student, "/api/v1/mess-cuts", 100).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_is_returned_listed_and_known_at_the_counter() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let body = json!({ "from": "2026-01-16", "to": "2026-01-18", "meals": ["DINNER", "LUNCH"] });
    let answer = test.send(cut(&asha, &body)).await.expect(201);
    let cut_id = answer.text("cut_id").to_owned();
    let meals = json!(["LUNCH", "DINNER"]);
    let expected =
        json!({ "cut_id": cut_id, "from": "2026-01-16", "to": "2026-01-18", "meals": meals });
    assert_eq!(answer.body, expected);
    assert!(cut_id.ends_with(&account_of(&asha).account_part()));

    let entitlement = test.member(account_of(&asha)).await.entitlement();
    for (day, meal, is_cut) in [
        ("2026-01-15", Meal::Lunch, false),
        ("2026-01-16", Meal::Lunch, true),
        ("2026-01-18", Meal::Dinner, true),
        ("2026-01-17", Meal::Breakfast, false),
        ("2026-01-19", Meal::Lunch, false),
    ] {
        let day = MealDate::parse(day).expect("a date");
        assert_eq!(entitlement.has_cut(day, meal), is_cut, "{day} {meal:?}");
    }

    test.advance(SignedDuration::from_mins(5));
    test.send(cut_day(&asha, "2026-01-20")).await.expect(201);
    let listed = list(&test, &asha).await;
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["from"], &listed[1]["cut_id"]), (&json!("2026-01-20"), &json!(cut_id)));
    assert_eq!(
        listed[0]["meals"],
        json!(["BREAKFAST", "LUNCH", "DINNER"]),
        "all, if none is named"
    );
    assert_eq!(listed[1]["created_at"], "2026-01-15T06:30:00Z");
    assert_eq!(listed[1]["cancellable_until"], "2026-01-15T17:30:00Z");
    assert_eq!(listed[0]["cancellable_until"], "2026-01-19T17:30:00Z");
    assert_eq!(test.list(&asha, "/api/v1/mess-cuts", 1).await, listed, "page by page");
}

/// A time zone, a day, and the cutoff for making or cancelling a cut of that day: 23:00 local time
/// on the day before.
const CUTOFFS: [(&str, &str, &str); 10] = [
    ("Asia/Kolkata", "2026-01-16", "2026-01-15T17:30:00Z"),
    ("Asia/Kolkata", "2026-03-01", "2026-02-28T17:30:00Z"),
    ("Asia/Kolkata", "2027-01-01", "2026-12-31T17:30:00Z"),
    ("Asia/Kolkata", "2028-02-29", "2028-02-28T17:30:00Z"),
    ("Asia/Kolkata", "2028-03-01", "2028-02-29T17:30:00Z"),
    // The clocks go forward in the night to 29 March, and back in the night to 25 October.
    ("Europe/Berlin", "2026-03-29", "2026-03-28T22:00:00Z"),
    ("Europe/Berlin", "2026-03-30", "2026-03-29T21:00:00Z"),
    ("Europe/Berlin", "2026-10-25", "2026-10-24T21:00:00Z"),
    ("Europe/Berlin", "2026-10-26", "2026-10-25T22:00:00Z"),
    // The clocks go forward in New York on 8 March.
    ("America/New_York", "2026-03-09", "2026-03-09T03:00:00Z"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_cutoff_follows_the_local_time_of_the_mess_across_clock_changes() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (zone, day, cutoff) in CUTOFFS {
        let mess = keys::mess(&test.mess_id);
        test.dynamo.set("meals", &mess, "time_zone", AttributeValue::S(zone.to_owned())).await;
        test.go_to(cutoff);
        for before in [3_600, 60, 59, 1] {
            test.go_to(cutoff);
            test.advance(SignedDuration::from_secs(-before));
            let asha = test.with_new_session(&asha).await;
            let made = test.send(cut_day(&asha, day)).await.expect(201);
            test.send(cancel_cut(&asha, made.text("cut_id"))).await.expect(204);
        }
        // One cut is left, which was made in time.
        let asha = test.with_new_session(&asha).await;
        let made = test.send(cut_day(&asha, day)).await.expect(201);
        for late in [0, 1, 60, 3_600, 86_400] {
            test.go_to(cutoff);
            test.advance(SignedDuration::from_secs(late));
            let asha = test.with_new_session(&asha).await;
            for call in [cut_day(&asha, day), cancel_cut(&asha, made.text("cut_id"))] {
                let refused = test.send(call).await;
                assert_eq!(refused.problem(409), "cutoff_passed", "{zone} {day} {late}");
                assert_eq!(refused.body["cutoff"], cutoff, "{zone} {day} {late}");
            }
            let listed = list(&test, &asha).await;
            let of_day = listed.iter().find(|cut| cut["from"] == day).expect("it stays");
            assert_eq!(of_day["cancellable_until"], Value::Null);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_that_starts_today_or_earlier_is_refused() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (from, to) in [
        ("2026-01-15", "2026-01-15"),
        ("2026-01-15", "2026-01-20"),
        ("2026-01-14", "2026-01-14"),
        ("2025-01-15", "2025-01-16"),
    ] {
        let refused = test.send(cut(&asha, &json!({ "from": from, "to": to }))).await;
        assert_eq!(refused.problem(409), "cutoff_passed", "{from}");
    }
    assert_eq!(known(&test, &asha).await, [""; 0]);
    assert_eq!(list(&test, &asha).await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cutoff_applies_from_the_next_request() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let set = async |cutoff: &str| {
        let patch = Call::patch("/api/v1/mess", &json!({ "cut_cutoff": cutoff }));
        test.send(patch.bearer(&owner.token)).await.expect(200);
    };
    // It is noon.
    let made = test.send(cut_day(&asha, "2026-01-16")).await.expect(201);
    set("12:00").await;
    for call in [cut_day(&asha, "2026-01-16"), cancel_cut(&asha, made.text("cut_id"))] {
        let refused = test.send(call).await;
        assert_eq!(refused.problem(409), "cutoff_passed");
        assert_eq!(refused.body["cutoff"], "2026-01-15T06:30:00Z");
    }
    set("12:01").await;
    test.send(cancel_cut(&asha, made.text("cut_id"))).await.expect(204);
    test.send(cut_day(&asha, "2026-01-16")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_out_of_bounds_names_the_wrong_fields() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let days = |from: &str, to: &str| json!({ "from": from, "to": to });
    let meals = |meals: Value| json!({ "from": "2026-02-01", "to": "2026-02-01", "meals": meals });
    for (body, fields) in [
        (json!({}), vec!["from", "to"]),
        (days("2026-02-29", "2026-03-01"), vec!["from"]),
        (days("2026-2-1", "1 March"), vec!["from", "to"]),
        (days("2026-02-02", "2026-02-01"), vec!["to"]),
        (days("2026-02-01", "2026-05-04"), vec!["to"]),
        (days("2027-01-01", "2027-01-17"), vec!["to"]),
        (days("2199-12-31", "2199-12-31"), vec!["to"]),
        (meals(json!([])), vec!["meals"]),
        (meals(json!(["LUNCH", "LUNCH"])), vec!["meals"]),
        (meals(json!(["BRUNCH"])), vec!["meals[0]"]),
        (meals(json!(["LUNCH", "dinner"])), vec!["meals[1]"]),
        (meals(json!("LUNCH")), vec!["meals"]),
        (json!({ "from": "x", "to": "2026-02-01", "meals": ["TEA"] }), vec!["from", "meals[0]"]),
    ] {
        let answer = test.send(cut(&asha, &body)).await;
        assert_eq!(answer.wrong_fields(), fields, "{body}: {}", answer.body);
    }
    for odd in [json!([["LUNCH"]]), json!([1, {}]), json!({ "0": "LUNCH" }), json!(1)] {
        let answer = test.send(cut(&asha, &meals(odd.clone()))).await;
        let fields = answer.wrong_fields();
        assert!(fields.iter().all(|field| field.starts_with("meals")), "{odd}: {}", answer.body);
    }
    let named = test.send(cut(&asha, &meals(json!(["BRUNCH"])))).await;
    assert_eq!(named.body["errors"][0]["message"], "must be BREAKFAST, LUNCH or DINNER");
    // The longest cut, and the last day that can be cut.
    for body in [days("2026-02-01", "2026-05-03"), days("2027-01-16", "2027-01-16")] {
        test.send(cut(&asha, &body)).await.expect(201);
    }
    let refused = test.send(cut(&asha, &meals(json!(null)))).await;
    assert_eq!(refused.problem(409), "cut_overlap");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlapping_cut_is_refused_and_the_refusal_names_the_other_cut() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let body = json!({ "from": "2026-02-27", "to": "2026-03-01", "meals": ["LUNCH"] });
    let first = test.send(cut(&asha, &body)).await.expect(201);
    for (from, to, meals) in [
        ("2026-03-01", "2026-03-01", json!(["LUNCH"])),
        ("2026-02-20", "2026-02-27", json!(["DINNER", "LUNCH"])),
        ("2026-02-28", "2026-02-28", json!(null)),
    ] {
        let body = json!({ "from": from, "to": to, "meals": meals });
        let refused = test.send(cut(&asha, &body)).await;
        assert_eq!(refused.problem(409), "cut_overlap");
        for member in ["cut_id", "from", "to", "meals"] {
            assert_eq!(refused.body[member], first.body[member], "{member}");
        }
    }
    for (from, to, meals) in [
        ("2026-02-27", "2026-03-01", json!(["DINNER", "BREAKFAST"])),
        ("2026-03-02", "2026-03-02", json!(["LUNCH"])),
        ("2026-02-26", "2026-02-26", json!(["LUNCH"])),
    ] {
        let body = json!({ "from": from, "to": to, "meals": meals });
        test.send(cut(&asha, &body)).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_has_at_most_twenty_cuts_not_counting_old_ones() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for day in 1..=20 {
        test.send(cut_day(&asha, &format!("2026-02-{day:02}"))).await.expect(201);
        test.advance(SignedDuration::from_millis(1));
    }
    let refused = test.send(cut_day(&asha, "2026-02-21")).await;
    assert_eq!(refused.problem(409), "too_many_cuts");
    // The first cut ended on 1 February.
    test.go_to("2026-02-09T06:30:00Z");
    let asha = test.with_new_session(&asha).await;
    let refused = test.send(cut_day(&asha, "2026-03-21")).await;
    assert_eq!(refused.problem(409), "too_many_cuts");
    test.go_to("2026-02-11T06:30:00Z");
    let asha = test.with_new_session(&asha).await;
    test.send(cut_day(&asha, "2026-03-21")).await.expect(201);
    let mut known = known(&test, &asha).await;
    known.sort_unstable();
    assert_eq!((known.len(), known[0].as_str()), (19, "2026-02-03 2026-02-03"));
    assert_eq!(list(&test, &asha).await.len(), 21, "the records stay");
    // A cut that is only a record has begun, so it cannot be cancelled either.
    let oldest = list(&test, &asha).await.pop().expect("some");
    let refused = test.send(cancel_cut(&asha, oldest["cut_id"].as_str().expect("an id"))).await;
    assert_eq!(refused.problem(409), "cutoff_passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_returns_the_first_cut_even_after_its_cancellation() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let body = json!({ "from": "2026-01-20", "to": "2026-01-21", "meals": ["DINNER", "LUNCH"] });
    let keyed = |body: &Value| cut(&asha, body).header("idempotency-key", "k-1");
    let first = test.send(keyed(&body)).await.expect(201);
    assert_eq!(first.header("idempotent-replay"), "");
    let same = json!({ "to": "2026-01-21", "from": "2026-01-20", "meals": ["LUNCH", "DINNER"] });
    for body in [&body, &same] {
        let again = test.send(keyed(body)).await.expect(201);
        assert_eq!((again.header("idempotent-replay"), &again.body), ("true", &first.body));
    }
    let other = json!({ "from": "2026-01-20", "to": "2026-01-22", "meals": ["LUNCH"] });
    assert_eq!(test.send(keyed(&other)).await.problem(409), "idempotency_key_reused");

    test.send(cancel_cut(&asha, first.text("cut_id"))).await.expect(204);
    let again = test.send(keyed(&body)).await.expect(201);
    assert_eq!((again.header("idempotent-replay"), &again.body), ("true", &first.body));
    assert_eq!(known(&test, &asha).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_cut_is_gone_and_can_be_made_again() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let made = test.send(cut_day(&asha, "2026-01-20")).await.expect(201);
    let before = test.member(account_of(&asha)).await;
    test.send(cancel_cut(&asha, made.text("cut_id"))).await.expect(204);
    let after = test.member(account_of(&asha)).await;
    assert_eq!((after.cuts.len(), after.version), (0, before.version + 1));
    assert_eq!(list(&test, &asha).await, [json!(null); 0]);
    assert_eq!(
        test.send(cancel_cut(&asha, made.text("cut_id"))).await.problem(404),
        "cut_not_found"
    );
    assert_eq!(test.member(account_of(&asha)).await, after, "a refusal writes nothing");
    let again = test.send(cut_day(&asha, "2026-01-20")).await.expect(201);
    assert_ne!(again.body["cut_id"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_see_or_cancel_another_students_cut() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let made = test.send(cut_day(&asha, "2026-01-20")).await.expect(201);
    let cut_id = made.text("cut_id");
    assert_eq!(test.send(cancel_cut(&ravi, cut_id)).await.problem(404), "cut_not_found");
    assert_eq!(test.send(cancel_cut(&owner, cut_id)).await.problem(403), "wrong_role");
    assert_eq!(test.send(cut_day(&owner, "2026-01-20")).await.problem(403), "wrong_role");
    assert_eq!(list(&test, &ravi).await, [json!(null); 0]);
    for unknown in ["cut_00000000000000000000000000", "acc_00000000000000000000000000", "x"] {
        assert_eq!(test.send(cancel_cut(&asha, unknown)).await.problem(404), "cut_not_found");
    }
    assert_eq!(known(&test, &asha).await, ["2026-01-20 2026-01-20"]);
    let cursor = Call::get(&format!("/api/v1/mess-cuts?cursor={}", base64_of(cut_id)));
    let refused = test.send(cursor.bearer(&ravi.token)).await;
    assert_eq!(refused.wrong_fields(), ["cursor"]);
}

fn base64_of(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_ten_concurrent_overlapping_cuts_is_made() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    for round in 1..=5 {
        let bodies = (0..10).map(|number| {
            // All of them include the tenth.
            let (from, to) = (
                format!("2026-0{}-0{}", round + 1, 1 + number % 9),
                format!("2026-0{}-1{number}", round + 1),
            );
            json!({ "from": from, "to": to })
        });
        let calls = bodies.map(|body| cut(&asha, &body)).collect();
        let answers = test.send_together(calls).await;
        let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(made.len(), 1);
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(refused.problem(409), "cut_overlap");
            assert_eq!(refused.body["cut_id"], made[0].body["cut_id"]);
        }
    }
    assert_eq!(list(&test, &asha).await.len(), 5);
    assert_eq!(known(&test, &asha).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cuts_of_different_days_all_succeed_with_distinct_ids() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let calls = (1..=10).map(|day| cut_day(&asha, &format!("2026-02-{day:02}"))).collect();
    let answers = test.send_together(calls).await;
    let ids: BTreeSet<String> =
        answers.into_iter().map(|answer| answer.expect(201).text("cut_id").to_owned()).collect();
    assert_eq!(ids.len(), 10);
    let member = test.member(account_of(&asha)).await;
    assert_eq!((member.cuts.len(), member.version), (10, 10));
    assert_eq!(list(&test, &asha).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_cuts_never_exceed_the_limit_of_twenty() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    for day in 1..=17 {
        test.send(cut_day(&asha, &format!("2026-03-{day:02}"))).await.expect(201);
    }
    let calls = (1..=8).map(|day| cut_day(&asha, &format!("2026-02-{day:02}"))).collect();
    let answers = test.send_together(calls).await;
    let refused = answers.iter().filter(|answer| answer.status != 201);
    assert_eq!(refused.map(|answer| answer.problem(409)).collect::<Vec<_>>(), ["too_many_cuts"; 5]);
    assert_eq!(test.member(account_of(&asha)).await.cuts.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_requests_with_one_key_make_one_cut() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let call = cut_day(&asha, "2026-01-20").header("idempotency-key", "k-1");
    let answers = test.send_together(vec![call; 10]).await;
    let replayed = answers.iter().filter(|it| it.header("idempotent-replay") == "true").count();
    let ids: BTreeSet<String> =
        answers.into_iter().map(|answer| answer.expect(201).text("cut_id").to_owned()).collect();
    assert_eq!((ids.len(), replayed), (1, 9));
    assert_eq!(list(&test, &asha).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_ten_concurrent_cancellations_cancels_a_cut() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    for _ in 0..5 {
        let made = test.send(cut_day(&asha, "2026-01-20")).await.expect(201);
        let version = test.member(account_of(&asha)).await.version;
        let answers = test.send_together(vec![cancel_cut(&asha, made.text("cut_id")); 10]).await;
        let done = answers.iter().filter(|answer| answer.status == 204).count();
        assert_eq!(done, 1);
        for refused in answers.iter().filter(|answer| answer.status != 204) {
            assert_eq!(refused.problem(404), "cut_not_found");
        }
        let member = test.member(account_of(&asha)).await;
        assert_eq!((member.cuts.len(), member.version), (0, version + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_cuts_and_cycles_lose_nothing() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let id = account_of(&asha);
    let cutting = Arc::clone(&test);
    let cuts = (1..=8).map(|day| cut_day(&asha, &format!("2026-02-{day:02}"))).collect();
    let cutting = tokio::spawn(async move { cutting.send_together(cuts).await });
    for month in 1..=8 {
        let (from, to) = (format!("2026-0{month}-01"), format!("2026-0{month}-28"));
        test.give_cycle(id, &from, &to).await;
    }
    for answer in cutting.await.expect("it ends") {
        answer.expect(201);
    }
    let member = test.member(id).await;
    assert_eq!((member.cuts.len(), member.cycles.len(), member.version), (8, 8, 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_answer_repeats_neither_a_cut_nor_its_cancellation() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (lost, status) in [(1, 201), (2, 201), (3, 503)] {
        let call = cut_day(&asha, "2026-01-20").header("idempotency-key", &format!("k-{lost}"));
        let app = test.losing_answers("TransactWriteItems", lost);
        test.send_to(&app, call.clone()).await.expect(status);
        let again = test.send(call).await.expect(201);
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(list(&test, &asha).await.len(), 1, "{lost} answers lost");

        let app = test.losing_answers("TransactWriteItems", lost);
        let call = cancel_cut(&asha, again.text("cut_id"));
        test.send_to(&app, call).await.expect(if status == 201 { 204 } else { 503 });
        assert_eq!(known(&test, &asha).await, [""; 0], "{lost} answers lost");
        test.advance(SignedDuration::from_millis(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_records_a_cut_and_its_cancellation() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let made = test.send(cut_day(&asha, "2026-01-20")).await.expect(201);
    // Two changes in one millisecond have no order in the trail.
    test.advance(SignedDuration::from_millis(1));
    test.send(cancel_cut(&asha, made.text("cut_id"))).await.expect(204);
    test.settle().await;
    let path = format!("/api/v1/audit?entity={}", made.text("cut_id"));
    let trail = test.send(Call::get(&path).bearer(&owner.token)).await.expect(200);
    let [back, applied] = trail.body["items"].as_array().expect("records").as_slice() else {
        panic!("two records: {}", trail.body)
    };
    assert_eq!((&back["operation"], &applied["operation"]), (&json!("REMOVE"), &json!("INSERT")));
    assert_eq!((&back["kind"], &applied["kind"]), (&json!("cut"), &json!("cut")));
    assert_eq!(applied["actor"], asha.account_id);
    assert_eq!(applied["after"]["cut_id"], made.body["cut_id"]);
    assert_eq!(back["before"], applied["after"]);
    assert_eq!((&back["after"], &applied["before"]), (&Value::Null, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_that_contend_for_the_students_item_all_succeed() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let app = Arc::new(test.contended(Duration::from_millis(10)).await);
    let mut tasks = JoinSet::new();
    for day in 1..=6 {
        let (test, app) = (Arc::clone(&test), Arc::clone(&app));
        let call = cut_day(&asha, &format!("2026-02-{day:02}"));
        tasks.spawn(async move { test.send_to(&app, call).await.expect(201) });
    }
    let made = tasks.join_all().await;
    assert_eq!((made.len(), known(&test, &asha).await.len()), (6, 6));
    let mut tasks = JoinSet::new();
    for cut in made {
        let (test, app) = (Arc::clone(&test), Arc::clone(&app));
        let call = cancel_cut(&asha, cut.text("cut_id"));
        tasks.spawn(async move { test.send_to(&app, call).await.expect(204) });
    }
    tasks.join_all().await;
    assert_eq!(known(&test, &asha).await, [""; 0]);
}
