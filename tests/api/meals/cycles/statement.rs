//! A cycle's statement: who may see it, and what it says about each meal.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::days::MealDate;
use thali_domain::ids::{AccountId, ClosureId, CutId, CycleId};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::{Approval, Meal};
use thali_domain::staff::scan_ids::ScanId;
use thali_platform::store::keys::{self, Key};

use super::{account_of, verify};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn statement(somebody: &Student, id: CycleId, query: &str) -> Call {
    Call::get(&format!("/api/v1/cycles/{id}/statement{query}")).bearer(&somebody.token)
}

fn date(text: &str) -> MealDate {
    MealDate::parse(text).expect("a date")
}

impl TestApp {
    /// Stores an item directly, without the app.
    async fn given(&self, key: &Key, record: Value) {
        let mut item: HashMap<String, AttributeValue> =
            serde_dynamo::to_item(record).expect("plain data");
        item.extend(key.attributes());
        self.dynamo.put("meals", item).await;
    }

    /// Stores a cut of the student.
    async fn store_cut(&self, account: AccountId, from: &str, to: &str, meals: &[Meal]) {
        let id = CutId::of(account, self.now());
        let record = json!({
            "cut_id": id, "account_id": account, "mess_id": self.mess_id,
            "from": from, "to": to, "meals": meals,
            "created_at": self.now().as_millisecond(),
        });
        self.given(&keys::cut(&self.mess_id, id), record).await;
        self.advance(jiff::SignedDuration::from_millis(1));
    }

    /// Stores a closure of the mess.
    async fn store_closure(&self, from: &str, to: &str, meals: &[Meal]) {
        let id = ClosureId::from_ulid(self.app.clock.ulid());
        let record = json!({
            "closure_id": id, "mess_id": self.mess_id, "from": from, "to": to, "meals": meals,
            "reason": "A feast",
            "created_at": self.now().as_millisecond(),
        });
        self.given(&keys::closure(&self.mess_id, id), record).await;
    }

    /// Stores a plate of the student: with an admission, or with a refused scan alone.
    async fn store_plate(&self, account: AccountId, day: &str, meal: Meal, admitted: bool) {
        let sitting = Sitting { date: date(day), meal };
        let mut record = json!({ "mess_id": self.mess_id, "date": day, "meal": meal });
        if admitted {
            let id = ScanId::new(sitting, self.app.clock.ulid(), Some(account));
            record["admitted"] = json!(id);
        }
        self.given(&keys::plate(&self.mess_id, sitting, &account.account_part()), record).await;
    }
}

/// A cycle of five days around today, which is 15 January at noon, with plates, cuts and a closure.
async fn scene(test: &TestApp, asha: &Student) -> CycleId {
    use Meal::{Breakfast, Dinner, Lunch};
    let account = account_of(asha);
    let id = test.upload_cycle(asha, "2026-01-13", "2026-01-17").await;
    test.store_plate(account, "2026-01-13", Breakfast, true).await;
    test.store_plate(account, "2026-01-13", Dinner, true).await;
    test.store_plate(account, "2026-01-13", Lunch, false).await;
    test.store_plate(account, "2026-01-15", Breakfast, true).await;
    // Before the cycle.
    test.store_plate(account, "2026-01-12", Dinner, true).await;
    test.store_cut(account, "2026-01-10", "2026-01-14", &[Lunch]).await;
    test.store_cut(account, "2026-01-14", "2026-01-14", &[Breakfast, Dinner]).await;
    test.store_cut(account, "2026-01-16", "2026-01-17", &Meal::ALL).await;
    test.store_closure("2026-01-17", "2026-01-20", &[Dinner]).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_shows_the_state_of_each_meal() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id = scene(&test, &asha).await;
    test.send(verify(&owner, id)).await.expect(200);
    let day = |date: &str, [breakfast, lunch, dinner]: [&str; 3]| {
        json!({
            "date": date,
            "meals": { "BREAKFAST": breakfast, "LUNCH": lunch, "DINNER": dinner },
        })
    };
    let expected = json!({
        "payment_id": id,
        "cycle_start": "2026-01-13",
        "cycle_end": "2026-01-17",
        "status": "verified",
        "days": 5,
        "meals_taken": { "BREAKFAST": 2, "LUNCH": 0, "DINNER": 1, "total": 3 },
        "cut_days": 4,
        "rebate_days": 3,
        "cut_meals": 9,
        "closed_meals": 1,
        "by_day": [
            day("2026-01-13", ["taken", "cut", "taken"]),
            day("2026-01-14", ["cut", "cut", "cut"]),
            day("2026-01-15", ["taken", "upcoming", "upcoming"]),
            day("2026-01-16", ["cut", "cut", "cut"]),
            day("2026-01-17", ["cut", "cut", "closed"]),
        ],
    });
    for somebody in [&asha, &owner] {
        for query in ["", "?format=json"] {
            let answer = test.send(statement(somebody, id, query)).await.expect(200);
            assert_eq!(answer.body, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_available_as_csv() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = scene(&test, &asha).await;
    let table = "\u{feff}date,breakfast,lunch,dinner\r\n\
                 2026-01-13,taken,cut,taken\r\n\
                 2026-01-14,cut,cut,cut\r\n\
                 2026-01-15,taken,upcoming,upcoming\r\n\
                 2026-01-16,cut,cut,cut\r\n\
                 2026-01-17,cut,cut,closed\r\n";
    let by_header = statement(&asha, id, "").header("accept", "text/csv");
    for call in [statement(&asha, id, "?format=csv"), by_header.clone()] {
        let answer = test.send(call).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/csv");
        assert_eq!(String::from_utf8_lossy(&answer.bytes), table);
    }
    let json = statement(&asha, id, "?format=json").header("accept", "text/csv");
    assert_eq!(test.send(json).await.expect(200).body["days"], 5, "the query overrides the header");
    let refused = test.send(statement(&asha, id, "?format=pdf")).await;
    assert_eq!(refused.wrong_fields(), ["format"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_student_and_owners_of_the_mess_can_read_a_statement() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let id = test.upload_cycle(&asha, "2026-01-13", "2026-01-17").await;
    assert_eq!(test.send(statement(&ravi, id, "")).await.problem(404), "payment_not_found");
    let staff = test.staff("staff@example.com").await;
    assert_eq!(test.send(statement(&staff, id, "")).await.problem(403), "wrong_role");
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = "mess_other".parse().expect("an id");
    let stranger = test.owner_of(&other, "owner@example.org").await;
    assert_eq!(test.send(statement(&stranger, id, "")).await.problem(404), "payment_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_cycle_is_read_completely_and_future_days_not_at_all() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let past = test.upload_cycle(&asha, "2025-10-15", "2026-04-18").await;
    let ahead = test.upload_cycle(&asha, "2026-05-01", "2026-05-28").await;
    for day in ["2025-10-15", "2025-11-30", "2026-01-14"] {
        test.store_plate(account_of(&asha), day, Meal::Dinner, true).await;
    }
    let answer = test.send(statement(&asha, past, "")).await.expect(200);
    assert_eq!(answer.body["days"], 186);
    assert_eq!(answer.body["meals_taken"]["DINNER"], 3);
    let by_day = answer.body["by_day"].as_array().expect("days");
    assert_eq!((by_day.len(), &by_day[185]["date"]), (186, &json!("2026-04-18")));
    assert_eq!(by_day[0]["meals"]["LUNCH"], "missed");

    let cost = test.cost_of(statement(&asha, ahead, ""), 200).await;
    assert_eq!(cost.requests, 4, "the cycle, the mess, its closures, and the cuts: {cost}");
}
