//! The main use case from start to end: sign up, buy tokens, redeem them.

use serde_json::json;

use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_student_signs_up_buys_ten_tokens_redeems_three_and_logs_out() {
    let test = TestApp::start().await;
    let asha = test.signed_up_student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 10).await;
    assert_eq!(test.token_count(&asha).await, 10);

    let data = test.send(Call::get("/student/token-data").bearer(&asha.token)).await.expect(200);
    let ids: Vec<_> = data.body["items"].as_array().expect("a list")[..3]
        .iter()
        .map(|token| token["token_id"].clone())
        .collect();
    let body = json!({ "tokenIds": ids, "securityCode": crate::support::people::PASSWORD });
    let call = Call::post("/student/token-submission", &body).bearer(&asha.token);
    let submission = test.send(call).await.expect(201);
    assert_eq!(submission.body["token_ids"], json!(ids));
    assert_eq!(submission.body["balance"], 7);
    assert_eq!(test.token_count(&asha).await, 7);

    let history = test.send(Call::get("/student/token-history").bearer(&asha.token)).await;
    let history = history.expect(200).body["items"].as_array().expect("a list").clone();
    let redeemed = |item: &&serde_json::Value| item["status"] == "redeemed";
    assert_eq!((history.len(), history.iter().filter(redeemed).count()), (10, 3));
    assert_eq!(history[0]["submission_id"], submission.body["submission_id"]);

    let payments = test.send(Call::get("/payment-history").bearer(&asha.token)).await.expect(200);
    assert_eq!(payments.body["items"][0]["payment_id"], checkout.payment_id);
    assert_eq!(payments.body["items"][0]["status"], "captured");

    let receipts = test.settle().await;
    assert!(receipts.iter().any(|mail| mail.subject.contains("10 meal tokens")), "{receipts:?}");

    let logout = Call::post("/student/logout", &json!({})).bearer(&asha.token);
    test.send(logout).await.expect(204);
    let refused = test.send(Call::get("/student/tokens").bearer(&asha.token)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
}
