//! What is there before a request whose cost is measured, and the ways to measure one.

use serde_json::json;
use thali_domain::ids::AccountId;
use thali_domain::mess::Meal;
use thali_platform::queue::QueueName;
use thali_platform::worker::{BatchResponse, Consumer};

use crate::support::mess::sitting;
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, Cost, Device, TestApp};

/// The cost of an owner's report on a mess of a hundred students, of whom half have had lunch.
pub(super) async fn lunch_of_fifty(test: &TestApp, path: &str) -> Cost {
    fifty_ate(test).await;
    let owner = owner(test).await;
    test.cost_of(Call::get(path).bearer(&owner.token), 200).await
}

/// A mess of a hundred students, of whom half have had lunch.
pub(super) async fn fifty_ate(test: &TestApp) {
    let lunch = sitting("2026-01-15", Meal::Lunch);
    let mut plates = Vec::new();
    for (number, student) in test.crowd(100, 0).await.into_iter().enumerate() {
        let account = AccountId::parse(&student.account_id).expect("an id");
        test.give_cycle(account, "2026-01-01", "2026-01-31").await;
        if number % 2 == 0 {
            let diner = test.member(account).await.diner();
            let scan = test.scan(lunch, Some(&diner), "2026-01-15T07:10:00Z");
            plates.push(test.plate(lunch, Some(&diner), &[scan]));
        }
    }
    test.give_plates(&plates).await;
}

/// The request for another address.
pub(super) fn new_address(student: &Student) -> Call {
    let body = json!({ "email": "asha.rao@example.org", "current_password": PASSWORD });
    Call::post("/account/email", &body).bearer(&student.token)
}

/// The student of the rows, logged in, whose session Redis knows.
pub(super) async fn asha(test: &TestApp) -> Student {
    let asha = test.student("asha@example.com").await;
    test.settle().await;
    let profile = Call::get("/student/profile").bearer(&asha.token);
    test.send(profile).await.expect(200);
    asha
}

/// The student with ten tokens, and a menu.
pub(super) async fn diner(test: &TestApp) -> Student {
    for (name, price) in [("thali", 2), ("lassi", 1), ("idli", 1)] {
        test.seed_item(name, price, &[50]).await;
    }
    let asha = buyer(test, 1).await;
    test.settle().await;
    asha
}

/// The student with this number of purchases of ten tokens.
pub(super) async fn buyer(test: &TestApp, purchases: usize) -> Student {
    let asha = asha(test).await;
    for _ in 0..purchases {
        test.buy_tokens(&asha, 10).await;
    }
    asha
}

/// A day on which the mess is closed.
pub(super) fn holiday() -> serde_json::Value {
    json!({ "from": "2026-01-26", "to": "2026-01-26", "reason": "Republic Day" })
}

/// An owner, logged in, whose session Redis knows.
pub(super) async fn owner(test: &TestApp) -> Student {
    let owner = test.owner("owner@example.com").await;
    test.send(Call::get("/api/v1/mess").bearer(&owner.token)).await.expect(200);
    owner
}

/// An owner, and an order with a recorded payment above its price.
pub(super) async fn mismatch(test: &TestApp) -> (Student, String) {
    let asha = asha(test).await;
    let order_id = test.order_tokens(&asha, 10).await;
    let paid = json!({ "outcome": "captured", "amount_paise": 51_180 });
    let checkout = test.pay(&order_id, paid).await;
    assert_eq!(test.send(checkout.verify(&asha.token)).await.problem(409), "amount_mismatch");
    (owner(test).await, order_id)
}

/// At lunch time: a device whose session Redis knows, and the code of a student who may eat.
pub(super) async fn counter(test: &TestApp) -> (Device, String) {
    test.lunch();
    let device = test.device("Gate 1").await;
    test.send(Call::get("/api/v1/mess").bearer(&device.token)).await.expect(200);
    let (_, code) = test.eater("asha@example.com").await;
    (device, code)
}

pub(super) async fn read(test: &TestApp, path: &str) -> Cost {
    test.cost_of(Call::get(path).bearer(&asha(test).await.token), 200).await
}

/// The cost of a profile change.
pub(super) async fn profile(test: &TestApp, change: serde_json::Value) -> Cost {
    let asha = asha(test).await;
    test.cost_of(Call::patch("/student/profile", &change).bearer(&asha.token), 200).await
}

/// The cost of the first message that a worker gets because of the changes so far.
pub(super) async fn cost_of_message(test: &TestApp, consumer: &Consumer, queue: QueueName) -> Cost {
    let changes = test.dynamo.new_changes().await;
    assert_eq!(test.relay(&changes).await, BatchResponse::default());
    let message = test.app.queues().take(queue).remove(0);
    let meter = test.meter();
    assert_eq!(test.consume(consumer, &[message]).await, BatchResponse::default());
    meter.take()
}
