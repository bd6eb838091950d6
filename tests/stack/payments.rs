//! Refunds and the payment jobs on the deployed stack, with its queues, streams and grants.

use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};
use thali_functions::jobs::{expire_tokens, reconcile_payments};

use super::{Stack, Student, eventually};
use crate::support::Call;

impl Stack {
    /// Logs the demo mess's owner in. Returns the access token.
    pub(super) async fn demo_owner(&self) -> String {
        let body = json!({
            "email": self.variable("OWNER_EMAIL"),
            "password": self.variable("OWNER_PASSWORD"),
        });
        let login = self.send(Call::post("/login", &body)).await.expect(200);
        login.text("access_token").to_owned()
    }

    /// Invokes a function. Returns its response.
    pub(super) async fn invoke(&self, function: &str, event: &Value) -> Value {
        let client = aws_sdk_lambda::Client::new(&self.aws().await);
        let request = client.invoke().function_name(self.name(function));
        let answer = request.payload(Blob::new(event.to_string())).send().await;
        let answer = answer.expect("it is invoked");
        assert_eq!(answer.function_error(), None, "{:?}", answer.payload());
        let payload = answer.payload().expect("an answer").as_ref();
        serde_json::from_slice(payload).expect("JSON")
    }

    /// The statuses of a student's payments.
    async fn statuses(&self, student: &Student) -> Vec<String> {
        let answer = self.send(Call::get("/payment-history").bearer(&student.token)).await;
        let answer = answer.expect(200);
        let items = answer.body["items"].as_array().expect("a list").iter();
        items.map(|item| item["status"].as_str().expect("a status").to_owned()).collect()
    }

    /// Waits for a mail to the student with these words.
    async fn mailed(&self, student: &Student, words: &str) {
        eventually("a mail is sent", async || {
            let mails = self.mails_to(&student.email).await;
            mails.iter().any(|mail| mail.contains(words)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn an_owner_refunds_tokens_and_the_student_is_mailed() {
    let stack = Stack::running();
    let student = stack.student("refunded").await;
    let checkout = stack.pay_for_tokens(&student, 10, false).await;
    let verify = Call::post("/verify-payment", &checkout).bearer(&student.token);
    stack.send(verify).await.expect(200);
    let owner = stack.demo_owner().await;
    let order_id = checkout["order_id"].as_str().expect("an id");
    let refund = |body: Value, key: &str| {
        let call = Call::post(&format!("/payments/{order_id}/refund"), &body).bearer(&owner);
        stack.send(call.header("idempotency-key", key))
    };
    let key = format!("{order_id}-part");
    let part = refund(json!({ "token_count": 4 }), &key).await.expect(202);
    let again = refund(json!({ "token_count": 4 }), &key).await.expect(202);
    assert_eq!(again.body["refund"]["refund_id"], part.body["refund"]["refund_id"]);
    stack.mailed(&student, "4 meal tokens").await;
    assert_eq!(stack.statuses(&student).await, ["partially_refunded"]);
    assert_eq!(stack.token_count(&student).await, 6);

    let rest = refund(json!({}), &format!("{order_id}-rest")).await.expect(202);
    assert_eq!(rest.body["refund"]["token_count"], 6);
    eventually("the refund is processed", async || {
        let again = refund(json!({}), &format!("{order_id}-rest")).await.expect(202);
        (again.body["refund"]["status"] == "processed").then_some(())
    })
    .await;
    stack.mailed(&student, "6 meal tokens").await;
    assert_eq!(stack.statuses(&student).await, ["refunded"]);
    assert_eq!(stack.token_count(&student).await, 0);
}

#[tokio::test]
async fn an_owner_accepts_or_refunds_payments_of_another_amount() {
    let stack = Stack::running();
    let student = stack.student("overpaid").await;
    for is_accepted in [true, false] {
        let order_id = stack.order_tokens(&student, 2).await;
        let paid = json!({ "outcome": "captured", "amount_paise": 4_000_000 });
        let checkout = stack.pay(&order_id, &paid).await;
        let verify = Call::post("/verify-payment", &checkout).bearer(&student.token);
        assert_eq!(stack.send(verify).await.problem(409), "amount_mismatch");
        assert_eq!(stack.statuses(&student).await[0], "mismatch");
        // In a new session, which Redis does not know yet.
        let owner = stack.demo_owner().await;
        let (path, status) = if is_accepted { ("accept", 200) } else { ("refund", 202) };
        let call = Call::post(&format!("/payments/{order_id}/{path}"), &json!({})).bearer(&owner);
        stack.send(call).await.expect(status);
        let words = if is_accepted { "2 meal tokens" } else { "40000.00" };
        stack.mailed(&student, words).await;
        let status = if is_accepted { "captured" } else { "refunded" };
        assert_eq!(stack.statuses(&student).await[0], status);
    }
    assert_eq!(stack.token_count(&student).await, 2);
}

#[tokio::test]
async fn the_reconcile_job_captures_an_authorized_payment() {
    let stack = Stack::running();
    let student = stack.student("authorized").await;
    let order_id = stack.order_tokens(&student, 2).await;
    stack.pay(&order_id, &json!({ "outcome": "authorized" })).await;
    eventually("the job captures and credits", async || {
        stack.invoke(reconcile_payments::JOB.name, &json!({ "older_than_s": 0 })).await;
        (stack.token_count(&student).await == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_reconcile_job_credits_a_payment_without_a_webhook() {
    let stack = Stack::running();
    let student = stack.student("reconciled").await;
    stack.pay_for_tokens(&student, 10, false).await;
    assert_eq!(stack.token_count(&student).await, 0);
    // A scheduled run may be at work at the same time, also on purchases of other tests.
    eventually("the job credits", async || {
        let did = stack.invoke(reconcile_payments::JOB.name, &json!({ "older_than_s": 0 })).await;
        assert!(did["asked"].is_u64(), "{did}");
        (stack.token_count(&student).await == 10).then_some(())
    })
    .await;
    stack.invoke(reconcile_payments::JOB.name, &json!({ "older_than_s": 0 })).await;
    assert_eq!(stack.token_count(&student).await, 10);
    stack.mailed(&student, "10 meal tokens").await;
}

#[tokio::test]
async fn the_expiry_job_has_the_rights_that_it_needs() {
    let stack = Stack::running();
    let student = stack.student("expiring").await;
    stack.buy_tokens(&student, 3).await;
    let client = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let purchases = client
        .query()
        .table_name(stack.name("tokens"))
        .key_condition_expression("pk = :pk AND begins_with(sk, :purchase)")
        .expression_attribute_values(":pk", text(&student.account_id))
        .expression_attribute_values(":purchase", text("purchase#"))
        .send()
        .await
        .expect("the table can be read");
    let purchase = purchases.items().first().expect("one purchase");
    // The purchase would expire in three months: change that to tomorrow.
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let date = tomorrow.to_zoned(jiff::tz::TimeZone::UTC).date();
    client
        .update_item()
        .table_name(stack.name("tokens"))
        .key("pk", purchase["pk"].clone())
        .key("sk", purchase["sk"].clone())
        .update_expression("SET expires_at = :at, expires_on = :on")
        .expression_attribute_values(
            ":at",
            aws_sdk_dynamodb::types::AttributeValue::N(tomorrow.as_millisecond().to_string()),
        )
        .expression_attribute_values(":on", text(&format!("{date}#00")))
        .send()
        .await
        .expect("the table can be written");
    let did = stack.invoke(expire_tokens::JOB.name, &json!({})).await;
    assert_eq!(did["errors"], 0, "{did}");
    stack.mailed(&student, "After that they expire").await;
}

fn text(value: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned())
}
