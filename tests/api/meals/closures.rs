//! Closing the mess: scans know a closure at once, everybody can read it, and owners can delete it.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::days::MealDate;
use thali_domain::ids::{ClosureId, CycleId, MessId};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::{Approval, Meal};
use thali_domain::staff::gate::Gate;
use thali_platform::store::{Attempt, Consistency, Stamp, keys};

use super::{account_of, close, reopen};
use crate::support::people::Student;
use crate::support::{Call, TestApp, verdict};

async fn gate(test: &TestApp) -> Gate {
    let found = test.app.store.gate_get(&test.mess_id, Consistency::Strong).await;
    found.expect("read").expect("a mess")
}

async fn is_closed(test: &TestApp, day: &str, meal: Meal) -> bool {
    gate(test).await.is_closed(Sitting { date: MealDate::parse(day).expect("a date"), meal })
}

async fn list(test: &TestApp, reader: &Student) -> Vec<Value> {
    test.list(reader, "/api/v1/closures", 100).await
}

fn days(from: &str, to: &str) -> Value {
    json!({ "from": from, "to": to, "reason": "Water supply" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_applies_to_scans_at_once_and_everybody_can_read_it() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let staff = test.staff("staff@example.com").await;
    let body = json!({
        "from": "2026-01-15", "to": "2026-01-16", "meals": ["DINNER", "LUNCH"],
        "reason": "Pongal ☀",
    });
    // It is noon, and lunch begins in half an hour.
    let answer = test.send(close(&owner, &body)).await.expect(201);
    let expected = json!({
        "closure_id": answer.body["closure_id"], "from": "2026-01-15", "to": "2026-01-16",
        "meals": ["LUNCH", "DINNER"], "reason": "Pongal ☀", "created_at": "2026-01-15T06:30:00Z",
    });
    assert_eq!(answer.body, expected);
    for (day, meal, closed) in [
        ("2026-01-14", Meal::Lunch, false),
        ("2026-01-15", Meal::Lunch, true),
        ("2026-01-16", Meal::Dinner, true),
        ("2026-01-16", Meal::Breakfast, false),
        ("2026-01-17", Meal::Lunch, false),
    ] {
        assert_eq!(is_closed(&test, day, meal).await, closed, "{day} {meal:?}");
    }
    let later = test.send(close(&owner, &days("2026-02-01", "2026-02-01"))).await.expect(201);
    for reader in [&owner, &asha, &staff] {
        let listed = list(&test, reader).await;
        let ids: BTreeSet<&str> =
            listed.iter().map(|it| it["closure_id"].as_str().expect("an id")).collect();
        let both = BTreeSet::from([later.text("closure_id"), answer.text("closure_id")]);
        assert_eq!(ids, both);
    }
    assert_eq!(later.body["meals"], json!(["BREAKFAST", "LUNCH", "DINNER"]));
    let nobody = test.send(Call::get("/api/v1/closures")).await;
    assert_eq!(nobody.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn closures_are_listed_newest_first_in_pages() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for day in 1..=7 {
        let day = format!("2026-02-0{day}");
        test.send(close(&owner, &days(&day, &day))).await.expect(201);
        test.advance(jiff::SignedDuration::from_millis(1));
    }
    let listed = list(&test, &owner).await;
    let first_days: Vec<_> = listed.iter().map(|it| it["from"].as_str().expect("a day")).collect();
    assert!(first_days.is_sorted_by(|one, other| one > other) && first_days.len() == 7);
    assert_eq!(test.list(&owner, "/api/v1/closures", 2).await, listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_out_of_bounds_names_the_wrong_fields() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (body, fields) in [
        (json!({}), vec!["from", "reason", "to"]),
        (json!({ "from": "2026-02-01", "to": "2026-02-01", "reason": " " }), vec!["reason"]),
        (json!({ "from": "2026-02-01", "to": "2026-02-01", "reason": "a\nb" }), vec!["reason"]),
        (days("2026-01-14", "2026-01-14"), vec!["to"]),
        (days("2026-01-17", "2026-01-16"), vec!["to"]),
        (days("2026-01-15", "2026-04-17"), vec!["to"]),
        (days("2027-01-17", "2027-01-17"), vec!["to"]),
    ] {
        let answer = test.send(close(&owner, &body)).await;
        assert_eq!(answer.wrong_fields(), fields, "{body}: {}", answer.body);
    }
    for body in [
        // A closure that began in the past, the longest one, and the last day.
        days("2026-01-10", "2026-01-15"),
        days("2026-01-15", "2026-04-16"),
        days("2027-01-16", "2027-01-16"),
    ] {
        test.send(close(&owner, &body)).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mess_stored_without_closures_can_be_closed() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    assert!(gate(&test).await.closures.is_empty());
    let one = test.send(close(&owner, &days("2026-01-20", "2026-01-20"))).await.expect(201);
    test.send(reopen(&owner, one.text("closure_id"))).await.expect(204);
    // Now the mess has a map of closures, which is empty.
    test.send(close(&owner, &days("2026-01-21", "2026-01-21"))).await.expect(201);
    test.send(close(&owner, &days("2026-01-21", "2026-01-22"))).await.expect(201);
    assert_eq!(gate(&test).await.closures.len(), 2);
    assert!(is_closed(&test, "2026-01-21", Meal::Lunch).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_can_be_deleted_until_it_has_ended() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let made = test.send(close(&owner, &days("2026-01-15", "2026-01-15"))).await.expect(201);
    let id = made.text("closure_id");
    assert!(is_closed(&test, "2026-01-15", Meal::Lunch).await);
    test.send(reopen(&owner, id)).await.expect(204);
    assert!(!is_closed(&test, "2026-01-15", Meal::Lunch).await);
    assert_eq!(list(&test, &owner).await, [json!(null); 0]);
    assert_eq!(test.send(reopen(&owner, id)).await.problem(404), "closure_not_found");

    let made = test.send(close(&owner, &days("2026-01-15", "2026-01-15"))).await.expect(201);
    test.go_to("2026-01-15T18:30:00Z");
    let owner = test.log_in_again(&owner).await;
    let refused = test.send(reopen(&owner, made.text("closure_id"))).await;
    assert_eq!(refused.problem(409), "closure_ended");
    assert_eq!(list(&test, &owner).await.len(), 1);
}

/// The marks in a cycle's statement: one text for each day, with the marks of its meals in order.
async fn marks(test: &TestApp, owner: &Student, cycle: CycleId) -> Vec<String> {
    let path = format!("/api/v1/cycles/{cycle}/statement");
    let answer = test.send(Call::get(&path).bearer(&owner.token)).await.expect(200);
    let days = answer.body["by_day"].as_array().expect("days").clone();
    let mark = |day: &Value, meal: Meal| day["meals"][meal.as_str()].as_str().map(str::to_owned);
    let of_day = |day| Meal::ALL.map(|meal| mark(day, meal).expect("a mark")).join(" ");
    days.iter().map(of_day).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_closure_that_has_begun_ends_it_yesterday() {
    let test = TestApp::start().await;
    test.lunch();
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let account = account_of(&asha);
    let cycle = test.upload_cycle(&asha, "2026-01-12", "2026-01-16").await;
    test.give_cycle(account, "2026-01-12", "2026-01-16").await;
    let (device, code) = (test.device("Gate 1").await, test.code_of(account).await);
    let made = test.send(close(&owner, &days("2026-01-12", "2026-01-20"))).await.expect(201);
    let id = made.text("closure_id");
    let before = test.scanned(device.scan(&code)).await;
    assert_eq!(verdict(&before), "mess_closed");

    test.send(reopen(&owner, id)).await.expect(204);
    assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "admitted");
    let closed = "closed closed closed".to_owned();
    let today = "missed taken upcoming".to_owned();
    let tomorrow = "upcoming upcoming upcoming".to_owned();
    let expected = [closed.clone(), closed.clone(), closed, today, tomorrow];
    assert_eq!(marks(&test, &owner, cycle).await, expected);
    let mut left = made.body.clone();
    left["to"] = json!("2026-01-14");
    assert_eq!(list(&test, &owner).await, [left]);
    assert!(is_closed(&test, "2026-01-14", Meal::Dinner).await, "for scans uploaded later");
    assert_eq!(test.send(reopen(&owner, id)).await.problem(409), "closure_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_deletions_shorten_a_begun_closure_once() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for _ in 0..5 {
        let made = test.send(close(&owner, &days("2026-01-12", "2026-01-20"))).await.expect(201);
        let answers = test.send_together(vec![reopen(&owner, made.text("closure_id")); 10]).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        for refused in answers.iter().filter(|answer| answer.status != 204) {
            assert_eq!(refused.problem(409), "closure_ended");
        }
    }
    assert!(list(&test, &owner).await.iter().all(|it| it["to"] == "2026-01-14"));
    let gate = gate(&test).await;
    let ends = gate.closures.values().map(|closure| closure.period.to.to_string());
    assert_eq!(ends.collect::<Vec<_>>(), ["2026-01-14"; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_read_cannot_delete_or_shorten_a_shortened_closure() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let made = test.send(close(&owner, &days("2026-01-12", "2026-01-20"))).await.expect(201);
    let id: ClosureId = made.text("closure_id").parse().expect("an id");
    let store = &test.app.store;
    let read = store.closure_get(&test.mess_id, id).await.expect("read").expect("a closure");
    test.send(reopen(&owner, made.text("closure_id"))).await.expect(204);
    let stamp = Stamp { actor: "test".to_owned(), request_id: "test".to_owned(), at: test.now() };
    let day = MealDate::parse("2026-01-15").expect("a date");
    for late in
        [store.closure_delete(&read, &stamp).await, store.closure_shorten(&read, day, &stamp).await]
    {
        assert!(matches!(late, Ok(Attempt::Overtaken)), "{late:?}");
    }
    assert!(is_closed(&test, "2026-01-14", Meal::Lunch).await);
    assert!(!is_closed(&test, "2026-01-15", Meal::Lunch).await);
    assert_eq!(list(&test, &owner).await[0]["to"], "2026-01-14");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mess_has_at_most_twenty_closures_not_counting_old_ones() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for _ in 0..17 {
        test.send(close(&owner, &days("2026-01-20", "2026-01-20"))).await.expect(201);
    }
    let calls = vec![close(&owner, &days("2026-02-01", "2026-02-01")); 8];
    let answers = test.send_together(calls).await;
    let refused = answers.iter().filter(|answer| answer.status != 201);
    let codes: Vec<_> = refused.map(|answer| answer.problem(409)).collect();
    assert_eq!(codes, ["too_many_closures"; 5]);
    assert_eq!(gate(&test).await.closures.len(), 20);

    test.go_to("2026-02-04T06:30:00Z");
    let owner = test.log_in_again(&owner).await;
    test.send(close(&owner, &days("2026-02-05", "2026-02-05"))).await.expect(201);
    assert_eq!(gate(&test).await.closures.len(), 4);
    assert_eq!(list(&test, &owner).await.len(), 21, "the records stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_returns_the_first_closure_even_after_its_deletion() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let keyed = |body: &Value| close(&owner, body).header("idempotency-key", "k-1");
    let body = days("2026-01-20", "2026-01-20");
    let answers = test.send_together(vec![keyed(&body); 10]).await;
    let first = answers[0].body.clone();
    let replayed = answers.iter().filter(|it| it.header("idempotent-replay") == "true").count();
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == first));
    assert_eq!((replayed, gate(&test).await.closures.len()), (9, 1));
    let mut other = body.clone();
    other["reason"] = json!("Another");
    assert_eq!(test.send(keyed(&other)).await.problem(409), "idempotency_key_reused");
    let id = first["closure_id"].as_str().expect("an id");
    test.send(reopen(&owner, id)).await.expect(204);
    test.advance(jiff::SignedDuration::from_mins(5));
    let again = test.send(keyed(&body)).await.expect(201);
    assert_eq!((again.header("idempotent-replay"), &again.body), ("true", &first));
    assert!(gate(&test).await.closures.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_ten_concurrent_deletions_deletes_a_closure() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for _ in 0..5 {
        let made = test.send(close(&owner, &days("2026-01-20", "2026-01-20"))).await.expect(201);
        let answers = test.send_together(vec![reopen(&owner, made.text("closure_id")); 10]).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
        for refused in answers.iter().filter(|answer| answer.status != 204) {
            assert_eq!(refused.problem(404), "closure_not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_settings_and_closures_lose_nothing() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let mut calls: Vec<Call> =
        (1..=5).map(|day| close(&owner, &days("2026-01-20", &format!("2026-02-0{day}")))).collect();
    for name in ["name", "cut_cutoff"] {
        let value = if name == "name" { "South Hostel" } else { "20:00" };
        calls.push(Call::patch("/api/v1/mess", &json!({ name: value })).bearer(&owner.token));
    }
    for answer in test.send_together(calls).await {
        assert!([200, 201].contains(&answer.status), "{}", answer.body);
    }
    let gate = gate(&test).await;
    assert_eq!((gate.closures.len(), gate.mess.name.as_str()), (5, "South Hostel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_can_close_their_mess_and_delete_closures() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let staff = test.staff("staff@example.com").await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = MessId::parse("mess_other").expect("an id");
    let stranger = test.owner_of(&other, "owner@example.org").await;
    let made = test.send(close(&owner, &days("2026-01-20", "2026-01-20"))).await.expect(201);
    let id = made.text("closure_id");
    for person in [&asha, &staff] {
        let calls = [close(person, &days("2026-01-20", "2026-01-20")), reopen(person, id)];
        for call in calls {
            assert_eq!(test.send(call).await.problem(403), "wrong_role");
        }
    }
    assert_eq!(test.send(reopen(&stranger, id)).await.problem(404), "closure_not_found");
    assert_eq!(list(&test, &stranger).await, [json!(null); 0]);
    for unknown in ["clo_00000000000000000000000000", "x"] {
        assert_eq!(test.send(reopen(&owner, unknown)).await.problem(404), "closure_not_found");
    }
    assert_eq!(list(&test, &owner).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dinner_past_midnight_can_be_closed_and_reopened_while_served() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let late = json!({ "meal_windows": { "DINNER": { "opens": "22:00", "closes": "01:00" } } });
    test.send(Call::patch("/api/v1/mess", &late).bearer(&owner.token)).await.expect(200);
    // Half past midnight on the 16th: the dinner of the 15th is still served.
    test.go_to("2026-01-15T19:00:00Z");
    let owner = test.log_in_again(&owner).await;
    let made = test.send(close(&owner, &days("2026-01-15", "2026-01-15"))).await.expect(201);
    assert!(is_closed(&test, "2026-01-15", Meal::Dinner).await);
    test.send(reopen(&owner, made.text("closure_id"))).await.expect(204);
    test.go_to("2026-01-15T19:30:00Z");
    let owner = test.log_in_again(&owner).await;
    let refused = test.send(close(&owner, &days("2026-01-15", "2026-01-15"))).await;
    assert_eq!(refused.wrong_fields(), ["to"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn today_follows_the_time_zone_of_the_mess() {
    let test = TestApp::start().await;
    test.go_to("2026-01-15T10:30:00Z");
    let owner = test.owner("owner@example.com").await;
    // It is 00:30 on the 16th in Kiritimati, and 23:30 on the 14th in Niue.
    for (zone, past, today) in [
        ("Pacific/Kiritimati", "2026-01-15", "2026-01-16"),
        ("Pacific/Niue", "2026-01-13", "2026-01-14"),
    ] {
        let mess = keys::mess(&test.mess_id);
        test.dynamo.set("meals", &mess, "time_zone", AttributeValue::S(zone.to_owned())).await;
        let refused = test.send(close(&owner, &days(past, past))).await;
        assert_eq!(refused.wrong_fields(), ["to"], "{zone}");
        test.send(close(&owner, &days(today, today))).await.expect(201);
    }
}
