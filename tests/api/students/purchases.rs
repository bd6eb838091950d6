//! What a student has bought, as an owner sees it.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::api::payments::refund;
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

fn path(student: &Student) -> String {
    format!("/api/v1/students/{}/purchases", student.account_id)
}

fn texts<'a>(items: &'a [Value], member: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[member].as_str().expect("text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_finds_a_students_purchases_and_what_became_of_them() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    assert_eq!(test.seen(&owner, &path(&asha)).await, json!({ "items": [] }));
    let first = test.buy_tokens(&asha, 10).await.order_id;
    test.send(TestApp::submit(&asha, 3)).await.expect(201);
    test.advance(SignedDuration::from_mins(1));
    let unpaid = test.order_tokens(&asha, 2).await;
    let refunds = async |count: u16| {
        test.advance(SignedDuration::from_mins(1));
        let body = json!({ "token_count": count });
        let answer = test.send(refund(&owner, &first, &body)).await.expect(202);
        answer.body["refund"]["refund_id"].as_str().expect("an id").to_owned()
    };
    let one = refunds(2).await;
    test.settle().await;
    let two = refunds(1).await;

    let bought = test.list(&owner, &path(&asha), 25).await;
    assert_eq!(texts(&bought, "order_id"), [unpaid.as_str(), first.as_str()]);
    assert_eq!(texts(&bought, "status"), ["created", "partially_refunded"]);
    assert_eq!(texts(&bought, "name"), ["asha"; 2]);
    assert_eq!((&bought[0]["unused"], &bought[0]["refunds"]), (&json!(0), &json!([])));
    let paid = &bought[1];
    assert_eq!((&paid["redeemed"], &paid["unused"]), (&json!(3), &json!(4)));
    let of_paid = paid["refunds"].as_array().expect("a list");
    assert_eq!(texts(of_paid, "refund_id"), [two.as_str(), one.as_str()]);
    assert_eq!(texts(of_paid, "status"), ["pending", "processed"]);
    assert_eq!(of_paid[1]["amount_paise"], 10_000);
    for limit in 1..=3 {
        assert_eq!(test.list(&owner, &path(&asha), limit).await, bought, "{limit}");
    }
    // What the student sees of a purchase is the same.
    let own = test.list(&asha, "/payment-history", 25).await;
    for (seen, own) in bought.iter().zip(&own) {
        for (member, value) in own.as_object().expect("an object") {
            assert_eq!(seen[member], *value, "{member}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_of_another_mess_or_of_nobody_are_not_found() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    test.buy_tokens(&asha, 2).await;
    let stranger = test.stranger().await;
    assert_eq!(test.read(&stranger, &path(&asha)).await.problem(404), "student_not_found");
    for nobody in ["acc_00000000000000000000000000", "acc_1", &owner.account_id] {
        let path = format!("/api/v1/students/{nobody}/purchases");
        assert_eq!(test.read(&owner, &path).await.problem(404), "student_not_found", "{nobody}");
    }
    assert_eq!(test.read(&asha, &path(&asha)).await.problem(403), "wrong_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_bought_is_found_after_the_account_was_deleted() {
    let test = TestApp::start().await;
    let (asha, owner) = (test.student("asha@example.com").await, test.owner("o@example.com").await);
    let order_id = test.buy_tokens(&asha, 2).await.order_id;
    let body = json!({ "current_password": PASSWORD }).to_string();
    let delete = Call::with_body("DELETE", "/account", "application/json", &body);
    test.send(delete.bearer(&asha.token)).await.expect(202);
    let bought = test.list(&owner, &path(&asha), 25).await;
    assert_eq!(texts(&bought, "order_id"), [order_id.as_str()]);
    assert_eq!(bought[0].get("name"), None);
}
