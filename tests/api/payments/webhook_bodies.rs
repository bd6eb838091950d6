//! Signed webhooks of every form: never a server error, and no effect unless the event is genuine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{event, signed};
use crate::support::{RAZORPAY_WEBHOOK_SECRET, TestApp};

const EVENTS: [&str; 7] = [
    "payment.captured",
    "payment.authorized",
    "payment.failed",
    "order.paid",
    "refund.processed",
    "refund.failed",
    "payment.dispute.created",
];

/// Values where an id, an amount or another text is expected.
fn odd_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x"),
        json!("order_"),
        json!("pay_"),
        json!("pay_a/b"),
        json!("order_a#b"),
        json!("purchase#order_1"),
        json!("50000"),
        json!("\u{0}\u{1F600}"),
        json!(format!("pay_{}", "A".repeat(5_000))),
        json!(format!("order_{}", "A".repeat(41))),
        json!([]),
        json!({}),
        json!([{ "id": "pay_1" }]),
        json!({ "id": { "id": { "id": "pay_1" } } }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_body_that_is_not_json_is_refused() {
    let test = TestApp::start().await;
    let deep = "[".repeat(10_000);
    for body in ["not JSON", "", "{", "{\"event\":\"order.paid\"", "NaN", "\"\\ud800\"", &deep] {
        let answer = test.send(signed(RAZORPAY_WEBHOOK_SECRET, body)).await;
        assert_eq!(answer.problem(400), "malformed_json", "{body:.40}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_json_of_another_form_is_accepted_without_effect() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    let payment = json!({
        "id": "pay_AAAAAAAAAAAAAA", "order_id": order_id, "amount": 50_000, "currency": "INR",
        "status": "captured", "method": "upi",
    });
    let refund = json!({
        "id": "rfnd_AAAAAAAAAAAAAA", "payment_id": "pay_AAAAAAAAAAAAAA", "amount": 50_000,
        "currency": "INR", "status": "processed",
        "notes": { "account_id": asha.account_id, "refund_id": "rfd_01J9Z6V3KQ4N6B7XTA0S2E5GHQ" },
    });
    let mut bodies = odd_values();
    for odd in odd_values() {
        bodies.push(json!({ "event": odd }));
        bodies.push(json!({ "event": odd, "payload": { "payment": { "entity": payment } } }));
        for name in EVENTS {
            bodies.push(json!({ "event": name, "payload": odd }));
            bodies.push(json!({ "event": name, "payload": { "payment": odd, "refund": odd } }));
            bodies.push(event(name, &odd));
        }
        // One member of a good entity is odd. A captured payment stays without its status.
        for member in ["id", "order_id", "amount", "currency", "method"] {
            let mut bad = payment.clone();
            bad[member] = odd.clone();
            bad["status"] = json!("authorized");
            bodies.extend(EVENTS.map(|name| event(name, &bad)));
        }
        for member in ["id", "payment_id", "amount", "currency", "status", "notes"] {
            let mut bad = refund.clone();
            bad[member] = odd.clone();
            let payload = json!({ "refund": { "entity": bad }, "payment": { "entity": odd } });
            bodies.push(json!({ "event": "refund.processed", "payload": payload }));
        }
        let order = json!({ "entity": { "notes": { "account_id": odd } } });
        let payload = json!({ "payment": { "entity": odd }, "order": order });
        bodies.push(json!({ "event": "order.paid", "payload": payload }));
    }
    bodies.push(json!({ "event": "payment.captured" }));
    assert!(bodies.len() > 1_000, "{}", bodies.len());
    for body in bodies {
        let answer = test.send(signed(RAZORPAY_WEBHOOK_SECRET, &body.to_string())).await;
        assert_eq!(answer.expect(200).body, json!({ "status": "ok" }), "{body}");
    }
    assert_eq!(test.token_count(&asha).await, 0);
    assert!(test.single_purchase(&asha).await.get("mismatches").is_none());
    test.send(signed(RAZORPAY_WEBHOOK_SECRET, &event("payment.captured", &payment).to_string()))
        .await
        .expect(200);
    assert_eq!(test.token_count(&asha).await, 10, "a good event still credits");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_amounts_and_currencies_of_captured_payments_credit_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 10).await;
    for (index, odd) in odd_values().into_iter().enumerate() {
        let members = ["amount", "currency", "status", "id", "order_id"];
        for (position, member) in members.into_iter().enumerate() {
            let mut payment = json!({
                "id": format!("pay_{index}x{position}"), "order_id": order_id, "amount": 50_000,
                "currency": "INR", "status": "captured",
            });
            payment[member] = odd.clone();
            let body = event("payment.captured", &payment).to_string();
            test.send(signed(RAZORPAY_WEBHOOK_SECRET, &body)).await.expect(200);
            assert_eq!(test.token_count(&asha).await, 0, "{payment}");
        }
    }
}

/// Any JSON, often with the names and ids of real events.
fn any_json(order_id: String) -> impl Strategy<Value = Value> {
    let words = [
        "event",
        "payload",
        "payment",
        "order",
        "refund",
        "entity",
        "id",
        "order_id",
        "amount",
        "currency",
        "status",
        "captured",
        "authorized",
        "failed",
        "notes",
        "account_id",
        "INR",
        "payment_id",
        "refund_id",
        "fee",
        "fee_bearer",
        "customer",
        "method",
        "pay_1",
        "rfnd_1",
    ];
    let mut words: Vec<String> = words.map(str::to_owned).to_vec();
    words.push(order_id);
    words.extend(EVENTS.map(str::to_owned));
    let word = proptest::sample::select(words);
    let leaf = prop_oneof![
        3 => word.clone().prop_map(Value::from),
        1 => proptest::sample::select(odd_values()),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => ".{0,20}".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(5, 40, 6, move |inner| {
        let members = proptest::collection::vec((word.clone(), inner.clone()), 0..6);
        prop_oneof![
            3 => members.prop_map(|members| Value::Object(members.into_iter().collect())),
            1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    });
    (proptest::sample::select(EVENTS.to_vec()), tree, 0..4_u8).prop_map(|(name, tree, form)| {
        match form {
            0 => tree,
            1 => json!({ "event": name, "payload": tree }),
            2 => json!({ "event": name, "payload": { "payment": tree, "refund": tree } }),
            _ => json!({
                "event": name,
                "payload": { "payment": { "entity": tree }, "refund": { "entity": tree } },
            }),
        }
    })
}

#[test]
fn any_signed_json_gets_no_server_error() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (test, order_id) = runtime.block_on(async {
        let test = Arc::new(TestApp::start().await);
        let asha = test.student("asha@example.com").await;
        let order_id = test.order_tokens(&asha, 10).await;
        (test, order_id)
    });
    let mut runner = TestRunner::new(Config::with_cases(400));
    let ran = runner.run(&any_json(order_id), |body| {
        let call = signed(RAZORPAY_WEBHOOK_SECRET, &body.to_string());
        let sent = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test.send(call))));
        let status = sent.map_err(|_| TestCaseError::fail("it panicked"))?.status;
        prop_assert!(status == 200, "{status} for {body}");
        Ok(())
    });
    ran.expect("no body gets a server error");
}
