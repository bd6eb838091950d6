//! Placed orders on the deployed stack: listed, cancelled, collected and reported by mail, with
//! the grants of the template.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Stack, Student, eventually, ulid_now};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call};

impl Stack {
    /// A logged-in staff member of a mess, invited by its owner.
    pub(super) async fn staff_of(&self, mess_id: &str, owner_token: &str) -> Student {
        let invite = Call::post("/api/v1/invites", &json!({ "role": "staff" }));
        let invite = self.send(invite.bearer(owner_token)).await.expect(201);
        let email = format!("staff-{}@example.com", ulid_now());
        let sign_up = json!({
            "mess_id": mess_id, "email": email, "password": PASSWORD, "role": "staff",
            "invite_code": invite.text("code"),
        });
        self.sign_up(&sign_up).await;
        let login = json!({ "mess_id": mess_id, "email": email, "password": PASSWORD });
        Student::of(&self.send(Call::post("/login", &login)).await.expect(200))
    }

    /// Places an order, and repeats the request with the same key. Returns the order's id.
    async fn place(&self, student: &Student, sku: &str, quantity: u32) -> String {
        let body = json!({ "items": [{ "sku": sku, "quantity": quantity }] });
        let call = Call::post("/api/orders", &body).bearer(&student.token);
        let call = call.header("idempotency-key", &ulid_now());
        let placed = self.send(call.clone()).await.expect(202);
        let replayed = self.send(call).await.expect(202);
        assert_eq!(replayed.header("idempotent-replay"), "true");
        assert_eq!(replayed.body["order_id"], placed.body["order_id"]);
        placed.text("order_id").to_owned()
    }

    /// Ends an order; `how` is `cancel` or `collect`.
    async fn end_order(&self, person: &Student, order_id: &str, how: &str) -> Answer {
        let path = format!("/api/orders/{order_id}/{how}");
        self.send(Call::new("POST", &path).bearer(&person.token)).await
    }

    async fn items_of(&self, student: &Student, path: &str) -> Vec<Value> {
        let answer = self.send(Call::get(path).bearer(&student.token)).await.expect(200);
        answer.body["items"].as_array().expect("a list").clone()
    }

    /// The stock of an item.
    async fn stock(&self, student: &Student, sku: &str) -> Value {
        let menu = self.items_of(student, "/api/items?limit=100").await;
        let item = menu.into_iter().find(|item| item["sku"] == sku).expect("it is on the menu");
        item["stock"].clone()
    }

    /// Waits for the mail about an order.
    async fn mail_about(&self, student: &Student, order_id: &str) -> String {
        eventually("the student is notified", async || {
            let mails = self.mails_to(&student.email).await;
            mails.into_iter().find(|mail| mail.contains(order_id))
        })
        .await
    }
}

#[tokio::test]
async fn a_pending_order_is_cancelled_once_and_a_processed_one_never() {
    let stack = Stack::running();
    let student = stack.student("changed-mind").await;
    stack.buy_tokens(&student, 3).await;
    let sku = stack.dish(2, 20).await;
    let processed = stack.place(&student, &sku, 1).await;
    stack.order_becomes(&student, &processed, "Processed").await;
    let refused = stack.end_order(&student, &processed, "cancel").await;
    assert_eq!(refused.problem(409), "order_not_pending");

    // An order without a message stays pending until the test cancels it.
    let just_now = SignedDuration::from_secs(1);
    let pending = stack.order_without_message(&student, &sku, just_now).await;
    let list = stack.items_of(&student, "/api/orders").await;
    let ids: Vec<&Value> = list.iter().map(|order| &order["order_id"]).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&&json!(processed)) && ids.contains(&&json!(pending)), "{ids:?}");
    assert_eq!(stack.stock(&student, &sku).await, 19);
    for _ in 0..2 {
        let cancelled = stack.end_order(&student, &pending, "cancel").await.expect(200);
        assert_eq!(cancelled.body["status"], "Cancelled");
        assert_eq!(stack.stock(&student, &sku).await, 20);
    }
    assert_eq!(stack.order(&student, &pending).await["status"], "Cancelled");
}

#[tokio::test]
async fn a_processed_order_is_mailed_in_the_history_and_collected_once() {
    let stack = Stack::running();
    let student = stack.student("collecting").await;
    let owner = stack.demo_owner().await;
    let staff = stack.staff_of(&student.mess_id, &owner).await;
    stack.buy_tokens(&student, 5).await;
    let sku = stack.dish(2, 20).await;
    let order_id = stack.place(&student, &sku, 2).await;
    stack.order_becomes(&student, &order_id, "Processed").await;
    let mail = stack.mail_about(&student, &order_id).await;
    for said in [&format!("2 × {sku}, 2 meal tokens each"), "Total: 4 meal tokens", "Processed"] {
        assert!(mail.contains(said), "{said} in {mail}");
    }
    let history = stack.items_of(&student, "/student/token-history").await;
    let of_order = |token: &&Value| token["redeemed_for"] == order_id.as_str();
    assert_eq!(history.iter().filter(of_order).count(), 4, "{history:?}");

    let collected = stack.end_order(&staff, &order_id, "collect").await.expect(200);
    assert_eq!(collected.body["status"], "Collected");
    let again = stack.end_order(&staff, &order_id, "collect").await;
    assert_eq!(again.problem(409), "already_collected");
    assert_eq!(again.body["collected_at"], collected.body["updated_at"]);
    assert_eq!(stack.order(&student, &order_id).await["status"], "Collected");
}

#[tokio::test]
async fn a_failed_order_is_mailed_with_its_reason_and_restores_the_stock() {
    let stack = Stack::running();
    let student = stack.student("without-tokens").await;
    let sku = stack.dish(2, 20).await;
    let order_id = stack.place(&student, &sku, 3).await;
    stack.order_becomes(&student, &order_id, "Failed").await;
    assert_eq!(stack.order(&student, &order_id).await["failure_reason"], "insufficient_tokens");
    assert_eq!(stack.stock(&student, &sku).await, 20);
    let mail = stack.mail_about(&student, &order_id).await;
    for said in ["you have fewer tokens than it costs", "Nothing was charged", "Status: Failed"] {
        assert!(mail.contains(said), "{said} in {mail}");
    }
}
