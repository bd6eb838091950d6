//! The fields of a submission, and its limits.

use serde_json::{Value, json};

use super::{PIN, SUBMISSION, SUBMISSIONS, redeem};
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_takes_1_to_50_tokens_by_id_or_count() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 60).await;
    let all = test.token_ids(&asha).await;
    let (tokens, count) = ("token_ids", "count");
    let table: [(Value, &str); 19] = [
        (json!({ tokens: [] }), tokens),
        (json!({ tokens: all[..51] }), tokens),
        (json!({ tokens: [all[0], all[1], all[0]] }), tokens),
        (json!({ tokens: ["tok_"] }), "token_ids[0]"),
        (json!({ tokens: [all[0], all[0].replace("tok_", "order_")] }), "token_ids[1]"),
        (json!({ tokens: [format!("{}1", all[0])] }), "token_ids[0]"),
        (json!({ tokens: ["tok_AAAAAAAAAAAAAA_000"] }), "token_ids[0]"),
        (json!({ tokens: [7] }), "token_ids[0]"),
        (json!({ tokens: all[0] }), tokens),
        (json!({ count: 0 }), count),
        (json!({ count: 51 }), count),
        (json!({ count: -1 }), count),
        (json!({ count: 1.5 }), count),
        (json!({ count: "1" }), count),
        (json!({ count: true }), count),
        (json!({ tokens: [all[0]], count: 1 }), count),
        (json!({}), tokens),
        (json!({ tokens: null, count: null }), tokens),
        (json!({ count: 1, "amount": 1 }), "amount"),
    ];
    for (selection, field) in table {
        let answer = test.send(redeem(&asha, &selection, PIN)).await;
        assert_eq!(answer.wrong_fields(), [field], "{selection}");
    }
    assert_eq!(test.token_count(&asha).await, 60);
    assert_eq!(test.list(&asha, SUBMISSIONS, 100).await.len(), 0);

    test.send(redeem(&asha, &json!({ tokens: all[..50] }), PIN)).await.expect(201);
    assert_eq!(test.token_count(&asha).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_needs_a_security_code_and_accepts_camel_case() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 3).await;
    let all = test.token_ids(&asha).await;
    let send = async |path: &str, body: Value| {
        test.send(Call::post(path, &body).bearer(&asha.token)).await
    };
    let answer = send(SUBMISSION, json!({ "count": 1 })).await;
    assert_eq!(answer.wrong_fields(), ["security_code"]);
    let answer = send(SUBMISSION, json!({ "count": "1", "security_code": 2468 })).await;
    assert_eq!(answer.wrong_fields(), ["count", "security_code"]);
    assert_eq!(test.token_count(&asha).await, 3);

    let body = json!({ "tokenIds": [all[1]], "securityCode": PIN });
    let answer = send("/student/token-submission/", body).await.expect(201);
    assert_eq!(answer.body["token_ids"], json!([all[1]]));
    assert_eq!((&answer.body["count"], &answer.body["balance"]), (&json!(1), &json!(2)));
    assert_eq!(answer.body["submitted_at"], "2026-01-15T06:30:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tokens_can_be_redeemed_at_once_even_from_fifty_purchases() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 500).await;
    for left in [450, 400] {
        let answer = test.send(redeem(&asha, &json!({ "count": 50 }), PIN)).await.expect(201);
        assert_eq!((&answer.body["count"], &answer.body["balance"]), (&json!(50), &json!(left)));
    }
    let named = &test.token_ids(&asha).await[350..];
    let answer = test.send(redeem(&asha, &json!({ "token_ids": named }), PIN)).await.expect(201);
    assert_eq!(answer.body["token_ids"], json!(named));

    let ravi = test.student("ravi@example.com").await;
    test.set_pin(&ravi).await;
    for _ in 0..50 {
        test.buy_tokens(&ravi, 1).await;
    }
    let call = redeem(&ravi, &json!({ "count": 50 }), PIN).header("idempotency-key", "k-1");
    let answer = test.send(call).await.expect(201);
    assert_eq!((&answer.body["count"], &answer.body["balance"]), (&json!(50), &json!(0)));
    assert_eq!(test.token_count(&ravi).await, 0);
}
