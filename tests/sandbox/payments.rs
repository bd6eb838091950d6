//! Orders, payments and refunds of the sandbox, through the API and the checkout page.

use serde_json::{Value, json};
use thali_sandbox::signature;

use super::{AMOUNT, Fixture, KEY_SECRET, body, text};

#[test]
fn signatures_match_those_that_razorpay_documents() {
    assert_eq!(
        signature::checkout(
            "EnLs21M47BllR3X8PSFtjtbd",
            "order_IEIaMR65cu6nz3",
            "pay_IH4NVgf4Dreq1l"
        ),
        "0d4e745a1838664ad6c9c9902212a32d627d68e917290b0ad5f08ff4561bc50f"
    );
    assert_eq!(
        signature::checkout("key_secret", "fake_order_id", "fake_payment_id"),
        "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89"
    );
    assert_eq!(
        signature::webhook("123456", br#"{"a":1,"b":2,"c":{"d":3}}"#),
        "2fe04e22977002e6c7cb553adab8b460cb9e2a4970d5953cb27a8472752e3bbc"
    );
}

#[tokio::test]
async fn an_authorized_payment_is_captured_by_the_merchant_later() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let payment_id = text(&checkout, "payment_id");
    assert_eq!(fixture.api_get(&format!("/orders/{order_id}")).await["status"], "attempted");

    let path = format!("/payments/{payment_id}/capture");
    let wrong = fixture.api_post(&path, json!({ "amount": AMOUNT - 1 })).await;
    assert_eq!(wrong.status(), 400);
    let captured = fixture.api_post(&path, json!({ "amount": AMOUNT, "currency": "INR" })).await;
    assert_eq!(body(captured).await["status"], "captured");

    fixture.receiver.wait_for(2).await;
    assert_eq!(fixture.receiver.events(), ["payment.captured", "order.paid"]);
    assert_eq!(fixture.api_get(&format!("/orders/{order_id}")).await["status"], "paid");
}

#[tokio::test]
async fn a_payment_is_captured_at_once_only_if_the_order_asked_for_it() {
    let fixture = Fixture::start().await;
    let options = json!({ "automatic_expiry_period": 12, "refund_speed": "normal" });
    let with = |capture: &str| json!({ "capture": capture, "capture_options": options });
    for (more, expected) in [
        (json!({}), "authorized"),
        (json!({ "payment_capture": 0 }), "authorized"),
        (json!({ "payment_capture": 1 }), "captured"),
        (json!({ "payment": with("manual") }), "authorized"),
        (json!({ "payment": with("automatic") }), "captured"),
    ] {
        let mut sent = json!({ "amount": AMOUNT, "currency": "INR" });
        let members = sent.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let order = body(fixture.api_post("/orders", sent).await).await;
        assert!(order.get("payment").is_none(), "{order}");
        let checkout = fixture.pay(&text(&order, "id"), json!({ "outcome": "captured" })).await;
        let path = format!("/payments/{}", text(&checkout, "payment_id"));
        assert_eq!(fixture.api_get(&path).await["status"], expected, "{more}");
    }
}

#[tokio::test]
async fn a_payment_is_captured_once_and_only_if_it_is_authorized() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let sent = json!({ "amount": AMOUNT, "currency": "INR" });
    let failed = fixture.pay(&order_id, json!({ "outcome": "failed" })).await;
    let failed = format!("/payments/{}/capture", text(&failed, "payment_id"));
    assert_eq!(fixture.api_post(&failed, sent.clone()).await.status(), 400);
    let held = fixture.pay(&order_id, json!({ "outcome": "authorized" })).await;
    let held = format!("/payments/{}/capture", text(&held, "payment_id"));
    let dollars = json!({ "amount": AMOUNT, "currency": "USD" });
    assert_eq!(fixture.api_post(&held, dollars).await.status(), 400);
    assert_eq!(fixture.api_post(&held, sent.clone()).await.status(), 200);
    assert_eq!(fixture.api_post(&held, sent).await.status(), 400, "already captured");
}

#[tokio::test]
async fn a_fee_on_top_is_listed_in_the_payment() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let how = json!({ "outcome": "captured", "customer_fee_paise": 1_180 });
    let checkout = fixture.pay(&order_id, how).await;
    let payment = fixture.api_get(&format!("/payments/{}", text(&checkout, "payment_id"))).await;
    assert_eq!(payment["amount"], AMOUNT + 1_180);
    assert_eq!((&payment["fee"], &payment["tax"]), (&json!(1_180), &json!(180)));
    assert_eq!(payment["fee_bearer"], "customer");
}

#[tokio::test]
async fn a_failed_payment_can_be_captured_later() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "failed" })).await;
    let payment_id = text(&checkout, "payment_id");
    let failed = fixture.api_get(&format!("/payments/{payment_id}")).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error_code"], "BAD_REQUEST_ERROR");

    let path = format!("/payments/{payment_id}/capture");
    let late = fixture.control(&path, json!({ "webhook": true, "wait": true })).await;
    assert_eq!(late["payment_id"], payment_id);
    assert_eq!(late["signature"], signature::checkout(KEY_SECRET, &order_id, &payment_id));
    let captured = fixture.api_get(&format!("/payments/{payment_id}")).await;
    assert_eq!(captured["status"], "captured");
    assert_eq!(captured["error_code"], Value::Null);
    assert_eq!(fixture.receiver.events(), ["payment.authorized", "payment.captured", "order.paid"]);

    let again = fixture.control_send("POST", &path, &json!({})).await;
    assert_eq!(again.status(), 409);
}

#[tokio::test]
async fn an_order_can_be_paid_after_a_failed_attempt() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.pay(&order_id, json!({ "outcome": "failed" })).await;
    fixture.pay(&order_id, json!({ "outcome": "captured" })).await;

    let payments = fixture.api_get(&format!("/orders/{order_id}/payments")).await;
    assert_eq!(payments["entity"], "collection");
    assert_eq!(payments["items"][0]["status"], "captured", "newest first");
    assert_eq!(payments["items"][1]["status"], "failed");
    let order = fixture.api_get(&format!("/orders/{order_id}")).await;
    assert_eq!((&order["status"], &order["attempts"]), (&json!("paid"), &json!(2)));

    let path = format!("/orders/{order_id}/pay");
    let third = fixture.control_send("POST", &path, &json!({ "outcome": "captured" })).await;
    assert_eq!(third.status(), 409, "a paid order takes no further payment");
}

#[tokio::test]
async fn a_payment_can_have_another_amount_and_currency_than_its_order() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let how = json!({ "outcome": "captured", "amount_paise": 100, "currency": "USD" });
    let checkout = fixture.pay(&order_id, how).await;

    let path = format!("/payments/{}", text(&checkout, "payment_id"));
    let payment = fixture.api_get(&path).await;
    assert_eq!((&payment["amount"], &payment["currency"]), (&json!(100), &json!("USD")));
    let order = fixture.api_get(&format!("/orders/{order_id}")).await;
    assert_eq!((&order["status"], &order["amount_due"]), (&json!("attempted"), &json!(AMOUNT)));
}

#[tokio::test]
async fn orders_are_validated_as_razorpay_validates_them() {
    let fixture = Fixture::start().await;
    let capture = |payment: Value| json!({ "amount": 100, "currency": "INR", "payment": payment });
    let options =
        |options: &Value| capture(json!({ "capture": "automatic", "capture_options": options }));
    let many: Value = (0..16).map(|index| (index.to_string(), json!("x"))).collect();
    let cases = [
        (json!({ "currency": "INR" }), json!("amount")),
        (json!({ "amount": 99, "currency": "INR" }), json!("amount")),
        (json!({ "amount": -1, "currency": "INR" }), json!("amount")),
        (json!({ "amount": 100.5, "currency": "INR" }), json!("amount")),
        (json!({ "amount": "500", "currency": "INR" }), json!("amount")),
        (json!({ "amount": 100 }), json!("currency")),
        (json!({ "amount": 100, "currency": "XXX" }), json!("currency")),
        (json!({ "amount": 100, "currency": "INR", "receipt": "r".repeat(41) }), json!("receipt")),
        (json!({ "amount": 100, "currency": "INR", "notes": many }), json!("notes")),
        (
            json!({ "amount": 100, "currency": "INR", "notes": { "n": "x".repeat(257) } }),
            json!("notes"),
        ),
        (json!({ "amount": 100, "currency": "INR", "colour": "red" }), Value::Null),
        (capture(json!("automatic")), json!("payment")),
        (capture(json!({ "capture": "later" })), json!("capture")),
        (capture(json!({ "capture": "automatic" })), json!("capture_options")),
        (options(&json!({ "refund_speed": "normal" })), json!("automatic_expiry_period")),
        (
            options(&json!({ "automatic_expiry_period": 11, "refund_speed": "normal" })),
            json!("automatic_expiry_period"),
        ),
        (
            options(&json!({ "automatic_expiry_period": 43_201, "refund_speed": "normal" })),
            json!("automatic_expiry_period"),
        ),
        (
            options(&json!({
                "automatic_expiry_period": 13,
                "manual_expiry_period": 12,
                "refund_speed": "normal",
            })),
            json!("manual_expiry_period"),
        ),
        (options(&json!({ "automatic_expiry_period": 12 })), json!("refund_speed")),
    ];
    for (sent, field) in cases {
        let response = fixture.api_post("/orders", sent.clone()).await;
        assert_eq!(response.status(), 400, "{sent}");
        let error = &body(response).await["error"];
        assert_eq!(error["code"], "BAD_REQUEST_ERROR", "{sent}");
        assert_eq!(error["field"], field, "{sent}");
    }
}

#[tokio::test]
async fn the_same_refund_key_refunds_once() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
    let payment_id = text(&checkout, "payment_id");
    let path = format!("/payments/{payment_id}/refund");
    let key = [("x-refund-idempotency", "refund-key-1")];
    let refund = async |sent: Value, headers: &[(&str, &str)]| {
        let response = fixture.api_send("POST", &path, &sent, headers).await;
        let response = response.expect("the sandbox answers");
        (response.status().as_u16(), body(response).await)
    };

    let (status, first) = refund(json!({ "amount": 20_000 }), &key).await;
    assert_eq!(status, 200, "{first}");
    let (_, again) = refund(json!({ "amount": 20_000 }), &key).await;
    assert_eq!(again, first);
    let (other_body, _) = refund(json!({ "amount": 10_000 }), &key).await;
    assert_eq!(other_body, 400);
    let (short_key, _) = refund(json!({}), &[("x-refund-idempotency", "short")]).await;
    assert_eq!(short_key, 400);
    let (too_much, _) = refund(json!({ "amount": 30_001 }), &[]).await;
    assert_eq!(too_much, 400);

    let refunds = fixture.api_get(&format!("/payments/{payment_id}/refunds")).await;
    assert_eq!(refunds["count"], 1);
    let payment = fixture.api_get(&format!("/payments/{payment_id}")).await;
    assert_eq!(payment["amount_refunded"], 20_000);
    fixture.receiver.wait_for(2).await;
    assert_eq!(fixture.receiver.events(), ["refund.created", "refund.processed"]);
    let processed = fixture.receiver.received().remove(1);
    assert_eq!(processed.json()["contains"], json!(["refund", "payment"]));
}

#[tokio::test]
async fn the_checkout_page_pays_and_hands_the_result_to_the_callback() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let page_url = format!("{}/checkout/{order_id}", fixture.sandbox.razorpay_url());
    let callback = "callback_url=http://localhost:8080/paid?from=%22checkout%22";
    let page = fixture.client.get(format!("{page_url}?{callback}")).send().await;
    let page = page.expect("the sandbox answers").text().await.expect("a page");
    assert!(page.contains("₹500.00") && page.contains(&order_id), "{page}");
    assert!(page.contains("from=&quot;checkout&quot;"), "{page}");

    let form = fixture
        .client
        .post(&page_url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("outcome=pay&{callback}"));
    let result = form.send().await;
    let result = result.expect("the sandbox answers").text().await.expect("a page");
    let payments = fixture.api_get(&format!("/orders/{order_id}/payments")).await;
    assert_eq!(payments["items"][0]["status"], "captured");
    let payment_id = text(&payments["items"][0], "id");
    for value in [&payment_id, &order_id, &signature::checkout(KEY_SECRET, &order_id, &payment_id)]
    {
        assert!(result.contains(value.as_str()), "{value} in {result}");
    }
    fixture.receiver.wait_for(3).await;

    let unsafe_url = format!("{page_url}?callback_url=javascript:alert(1)");
    let refused = fixture.client.get(unsafe_url).send().await;
    assert_eq!(refused.expect("the sandbox answers").status(), 409);
}

#[tokio::test]
async fn the_framed_checkout_tells_the_page_around_it() {
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    let script = format!("{}/v1/checkout.js", fixture.sandbox.razorpay_url());
    let script = fixture.client.get(script).send().await.expect("the sandbox answers");
    assert_eq!(script.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(script.text().await.expect("a script").contains("globalThis.Razorpay = Razorpay"));

    let page_url = format!("{}/checkout/{order_id}", fixture.sandbox.razorpay_url());
    let send = async |outcome: &str| {
        let form = fixture
            .client
            .post(&page_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("outcome={outcome}&embedded_in=http://localhost:8080"));
        form.send().await.expect("the sandbox answers").text().await.expect("a page")
    };
    let failed = send("fail").await;
    assert!(failed.contains(r#""kind":"failed""#) && failed.contains("Try again"), "{failed}");
    let paid = send("pay").await;
    let payments = fixture.api_get(&format!("/orders/{order_id}/payments")).await;
    let paid_ids = payments["items"].as_array().expect("a list").iter();
    let mut captured = paid_ids.filter(|it| it["status"] == "captured").map(|it| text(it, "id"));
    let payment_id = captured.next_back().expect("a payment is captured");
    let signature = signature::checkout(KEY_SECRET, &order_id, &payment_id);
    for part in
        [payment_id.as_str(), &signature, r#""kind":"paid""#, r#","http://localhost:8080")"#]
    {
        assert!(paid.contains(part), "{part} in {paid}");
    }

    let unsafe_url = format!("{page_url}?embedded_in=javascript:alert(1)");
    let refused = fixture.client.get(unsafe_url).send().await;
    assert_eq!(refused.expect("the sandbox answers").status(), 409);
}

#[tokio::test]
async fn a_pending_refund_ends_once_as_the_control_call_says() {
    let fixture = Fixture::start().await;
    let begin = fixture.control_send("PUT", "/refunds", &json!({ "begin": "pending" })).await;
    assert_eq!(begin.status(), 204);
    let mut ended = Vec::new();
    for outcome in ["processed", "failed"] {
        let order_id = fixture.order().await;
        let checkout = fixture.pay(&order_id, json!({ "outcome": "captured" })).await;
        let payment = format!("/payments/{}", text(&checkout, "payment_id"));
        let sent = json!({ "amount": AMOUNT });
        let refund = fixture.api_send("POST", &format!("{payment}/refund"), &sent, &[]).await;
        let refund = body(refund.expect("the sandbox answers")).await;
        assert_eq!(refund["status"], "pending");
        assert_eq!(fixture.api_get(&payment).await["amount_refunded"], AMOUNT);

        let end = format!("/refunds/{}/end", text(&refund, "id"));
        let sent = json!({ "outcome": outcome, "webhook": true, "wait": true });
        assert_eq!(fixture.control_send("POST", &end, &sent).await.status(), 200);
        assert_eq!(fixture.control_send("POST", &end, &sent).await.status(), 409, "it has ended");
        let refund = fixture.api_get(&format!("/refunds/{}", text(&refund, "id"))).await;
        assert_eq!(refund["status"], outcome);
        let payment = fixture.api_get(&payment).await;
        ended.push((payment["status"].clone(), payment["amount_refunded"].clone()));
    }
    assert_eq!(ended, [(json!("refunded"), json!(AMOUNT)), (json!("captured"), json!(0))]);
    let events = fixture.receiver.events();
    assert!(events.iter().any(|event| event == "refund.processed"), "{events:?}");
    assert!(events.iter().any(|event| event == "refund.failed"), "{events:?}");
}
