//! What a deleted account leaves behind: nothing that leads to the person, in any table or in the
//! bucket, and the books.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::mess::Meal;
use thali_functions::workers::announcer;
use thali_platform::queue::QueueName;

use super::deletion::{ASHA, PNG, deleted, found, id_of, person};
use super::picture::{check, key, objects, put};
use crate::support::mess::sitting;
use crate::support::people::Student;
use crate::support::{Call, Death, TestApp};

/// What leads to the student of [`person`].
const PERSONAL: [&str; 10] = [
    ASHA,
    "asha_the_student",
    "Asha Zacharias",
    "B21-7777",
    "Room 4711",
    "+919876543210",
    "I cook and I eat",
    "12 Secret Lane",
    "Rocket scientist",
    "2004-08-31",
];

/// What the person did at the mess: a verified cycle, cuts, meals, tokens, an order.
async fn history(test: &TestApp, asha: &Student, owner: &Student) {
    let cycle = test.upload_cycle(asha, "2026-01-01", "2026-01-31").await;
    let call = Call::post(
        &format!("/api/v1/payments/{cycle}/verify"),
        &json!({ "reason": "Paid by Asha Zacharias" }),
    );
    test.send(call.bearer(&owner.token)).await.expect(200);
    for (from, to) in [("2026-01-20", "2026-01-21"), ("2026-02-20", "2026-02-20")] {
        let body = json!({ "from": from, "to": to });
        test.send(Call::post("/api/v1/mess-cuts", &body).bearer(&asha.token)).await.expect(201);
    }
    let body = json!({ "content_type": "image/png", "content_length": PNG.len() });
    let address = Call::post("/api/v1/payments/upload-url", &body).bearer(&asha.token);
    let address = test.send(address).await.expect(201);
    put(test, address.text("screenshot_key"), "image/png", PNG);
    test.buy_tokens(asha, 5).await;
    test.settle().await;
    let diner = test.member(id_of(asha)).await.diner();
    let mut plates = Vec::new();
    for day in ["2026-01-15", "2026-01-16"] {
        let scan = test.scan(sitting(day, Meal::Lunch), Some(&diner), "2026-01-15T07:30:00Z");
        plates.push(test.plate(sitting(day, Meal::Lunch), Some(&diner), &[scan]));
    }
    test.give_plates(&plates).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_tables_or_the_bucket_leads_to_the_person() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = person(&test).await;
    history(&test, &asha, &owner).await;
    for text in PERSONAL {
        assert!(!found(&test, text).await.is_empty(), "{text} was known before");
    }
    assert_eq!(objects(&test).await.len(), 2);
    test.settle().await;
    test.advance(SignedDuration::from_hours(24 * 4));
    // What only waits for its time is gone by then.
    let asha = test.log_in_again(&asha).await;
    let answer = deleted(&test, &asha).await;
    assert_eq!(answer.body, json!({}));
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{:?}", answer.headers);
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(
        (mails[0].to.as_str(), mails[0].subject.as_str()),
        (ASHA, "Your account at Demo Mess was deleted")
    );
    for text in PERSONAL {
        let mut left = found(&test, text).await;
        // A registration and its address wait for DynamoDB's TTL.
        left.retain(|item| {
            !item.contains("S(\"registration\")") && !item.contains("newest_registration")
        });
        assert!(left.is_empty(), "{text} is left in {left:#?}");
    }
    assert!(objects(&test).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_keep_the_account_without_its_person() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = person(&test).await;
    history(&test, &asha, &owner).await;
    let before = [test.dynamo.items("tokens").await.len(), test.dynamo.items("orders").await.len()];
    deleted(&test, &asha).await;
    test.settle().await;
    let after = [test.dynamo.items("tokens").await.len(), test.dynamo.items("orders").await.len()];
    assert_eq!(after, before);
    let cycles = Call::get("/api/v1/payments?status=verified").bearer(&owner.token);
    let cycles = test.send(cycles).await.expect(200);
    let cycle = &cycles.body["items"][0];
    assert_eq!(
        (&cycle["account_id"], &cycle["name"]),
        (&json!(asha.account_id), &json!("Deleted account"))
    );
    assert_eq!((&cycle["roll_no"], &cycle["amount_paise"]), (&Value::Null, &json!(300_000)));
    let scans = Call::get("/api/v1/reports/scans.csv?from=2026-01-01&to=2026-01-31");
    let scans = test.send(scans.bearer(&owner.token)).await.expect(200);
    let scans = String::from_utf8(scans.bytes).expect("text");
    assert_eq!(scans.matches("Deleted account").count(), 2, "{scans}");
    let member = test.member(id_of(&asha)).await;
    let mut cuts: Vec<String> =
        member.cuts.values().map(|cut| cut.period.from.to_string()).collect();
    cuts.sort();
    assert!(cuts.is_empty(), "no cut has begun: {cuts:?}");
    let path = format!("/api/v1/audit?entity={}", asha.account_id);
    let trail = test.send(Call::get(&path).bearer(&owner.token)).await.expect(200);
    let records = trail.body["items"].as_array().expect("a list");
    let mut deletions = records.iter().filter(|it| it["after"]["status"] == "deleted");
    let record = deletions.next().expect("the deletion is recorded");
    assert_eq!(
        (&record["before"]["status"], &record["before"]["name"]),
        (&json!("active"), &Value::Null)
    );
}

/// Older records stay until their year is over.
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_of_a_deletion_does_not_repeat_what_is_deleted() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = person(&test).await;
    history(&test, &asha, &owner).await;
    test.settle().await;
    let before = test.dynamo.items("audit").await.len();
    let known: Vec<_> = test.dynamo.items("audit").await;
    deleted(&test, &asha).await;
    test.settle().await;
    let is_new = |item: &HashMap<String, AttributeValue>| {
        known.iter().all(|known| (&known["pk"], known.get("sk")) != (&item["pk"], item.get("sk")))
    };
    let mut new = test.dynamo.items("audit").await;
    assert!(new.len() > before + 8);
    new.retain(is_new);
    for text in PERSONAL {
        let told: Vec<_> = new.iter().filter(|item| format!("{item:?}").contains(text)).collect();
        assert!(told.is_empty(), "{text} is in {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_died_anywhere_is_completed_when_it_comes_again() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = person(&test).await;
    history(&test, &asha, &owner).await;
    test.settle().await;
    deleted(&test, &asha).await;
    let changes = test.dynamo.new_changes().await;
    test.relay(&changes).await;
    let mut bodies = test.app.queues().take(QueueName::Announcements);
    assert_eq!(bodies.len(), 1);
    let mut steps = 0;
    while !bodies.is_empty() {
        for number in 0..10 {
            let process = test.dying_process(Death::After(number));
            let _ = (announcer::CONSUMER.handle)(&process.app, &bodies[0]).await;
        }
        // Twice, as a queue may deliver it.
        for _ in 0..2 {
            test.app.queues().take(QueueName::Announcements);
            (announcer::CONSUMER.handle)(&test.app, &bodies[0]).await.expect("done");
        }
        bodies = test.app.queues().take(QueueName::Announcements);
        assert!(bodies.len() <= 1, "{bodies:?}");
        steps += 1;
    }
    assert!(steps >= 3, "{steps} steps");
    for text in ["Asha Zacharias", "B21-7777", "Room 4711"] {
        let mut left = found(&test, text).await;
        left.retain(|item| !item.contains("registration"));
        assert!(left.is_empty(), "{text} is left in {left:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plates_of_many_months_are_erased_page_by_page() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    let diner = test.member(id_of(&asha)).await.diner();
    let days = ["2026-01-15", "2026-02-28", "2026-04-01", "2026-06-30"];
    let mut plates = Vec::new();
    for day in days {
        let scan = test.scan(sitting(day, Meal::Dinner), Some(&diner), "2026-01-15T07:30:00Z");
        plates.push(test.plate(sitting(day, Meal::Dinner), Some(&diner), &[scan]));
    }
    test.give_plates(&plates).await;
    test.advance(SignedDuration::from_hours(24 * 167));
    let asha = test.log_in_again(&asha).await;
    deleted(&test, &asha).await;
    test.settle().await;
    for day in days {
        let part = id_of(&asha).account_part();
        let plate =
            test.app.store.plate_get(&test.mess_id, sitting(day, Meal::Dinner), &part).await;
        let plate = plate.expect("read").expect("it stays");
        assert_eq!(plate.diner.expect("a diner").name.as_str(), "Deleted account", "{day}");
        assert!(plate.admitted.is_some() && plate.scans.len() == 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_are_uploaded_after_the_deletion_are_removed() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    let picture = key(&test, &asha, "image/png").await;
    let body = json!({ "content_type": "image/png", "content_length": PNG.len() });
    let address = Call::post("/api/v1/payments/upload-url", &body).bearer(&asha.token);
    let screenshot = test.send(address).await.expect(201).text("screenshot_key").to_owned();
    deleted(&test, &asha).await;
    test.settle().await;
    for key in [&picture, &screenshot] {
        put(&test, key, "image/png", PNG);
        check(&test, &[key]).await;
    }
    assert!(objects(&test).await.is_empty());
    assert_eq!(test.member(id_of(&asha)).await.picture_key, None);
}
