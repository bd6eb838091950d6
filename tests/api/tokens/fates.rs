//! The history of tokens: the use of each token, and its expiry.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::orders::order::FailureReason;

use super::{DATA, FATES, ids, redeem, redeemed};
use crate::support::people::PASSWORD;
use crate::support::{Call, TestApp};

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_valid_for_exactly_ninety_days() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 2).await;
    let all = test.token_ids(&asha).await;

    test.advance(90 * DAY - SignedDuration::from_millis(1));
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.token_count(&asha).await, 2);
    let last = json!({ "token_ids": [all[0]] });
    test.send(redeem(&asha, &last, PASSWORD)).await.expect(201);

    test.advance(SignedDuration::from_millis(1));
    let answer = test.send(Call::get("/student/tokens").bearer(&asha.token)).await.expect(200);
    assert_eq!(answer.body, json!({ "count": 0 }));
    assert_eq!(test.list(&asha, DATA, 100).await.len(), 0);
    let late = test.send(redeem(&asha, &json!({ "token_ids": [all[1]] }), PASSWORD)).await;
    assert_eq!(late.problem(409), "tokens_unavailable");
    assert_eq!(late.body["token_ids"], json!([all[1]]));
    let late = test.send(redeem(&asha, &json!({ "count": 1 }), PASSWORD)).await;
    assert_eq!(late.problem(409), "insufficient_tokens");

    let fates = test.list(&asha, FATES, 100).await;
    let fate = |token: &Value| token["status"].as_str().expect("a status").to_owned();
    assert_eq!(fates.iter().map(fate).collect::<Vec<_>>(), ["redeemed", "expired"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_shows_the_status_of_every_token() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let old = test.buy_tokens(&asha, 3).await;
    let first = test.send(TestApp::submit(&asha, 2)).await.expect(201);
    test.advance(90 * DAY);
    let asha = test.log_in_again(&asha).await;
    let new = test.buy_tokens(&asha, 3).await;
    test.advance(SignedDuration::from_mins(1));
    let second = test.send(TestApp::submit(&asha, 1)).await.expect(201);

    let fates = test.list(&asha, FATES, 100).await;
    let of_order = |token: &Value| token["order_id"].as_str().expect("an order").to_owned();
    let orders: Vec<String> = fates.iter().map(of_order).collect();
    let expected = [vec![&*new.order_id; 3], vec![&*old.order_id; 3]].concat();
    assert_eq!(orders, expected, "the newest purchase first");
    let statuses: Vec<&Value> = fates.iter().map(|token| &token["status"]).collect();
    let (open, done) = ("available", "redeemed");
    assert_eq!(statuses, [done, open, open, done, done, "expired"]);

    for (token, submission) in [(&fates[0], &second), (&fates[3], &first), (&fates[4], &first)] {
        assert_eq!(token["submission_id"], submission.body["submission_id"]);
        assert_eq!(token["redeemed_at"], submission.body["submitted_at"]);
        let id = token["token_id"].as_str().expect("an id");
        assert!(redeemed(&submission.body).iter().any(|named| named == id), "{id}");
    }
    for token in [&fates[1], &fates[5]] {
        assert!(token.get("submission_id").is_none(), "{token}");
        assert!(token.get("redeemed_at").is_none(), "{token}");
    }
    for limit in [1, 2, 5, 6] {
        assert_eq!(ids(&test.list(&asha, FATES, limit).await), ids(&fates), "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_names_the_order_for_which_a_token_was_redeemed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let staff = test.staff("staff@example.com").await;
    test.buy_tokens(&asha, 6).await;
    test.seed_item("dosa", 2, &[50]).await;
    test.send(TestApp::submit(&asha, 1)).await.expect(201);
    let (open, failed) =
        (test.place(&asha, &[("dosa", 1)]).await, test.place(&asha, &[("dosa", 1)]).await);
    test.fail(&failed, FailureReason::ItemUnavailable).await;
    let processed = test.processed(&asha, "dosa").await;
    let processed_at = test.now().to_string();
    test.advance(SignedDuration::from_mins(10));
    let collect = format!("/api/orders/{}/collect", processed.order_id);
    test.send(Call::new("POST", &collect).bearer(&staff.token)).await.expect(200);
    let last = test.place(&asha, &[("dosa", 1)]).await;
    test.process(&last).await.expect("nobody else processes it");

    let fates = test.list(&asha, FATES, 100).await;
    let statuses: Vec<&Value> = fates.iter().map(|token| &token["status"]).collect();
    let (redeemed, available) = ("redeemed", "available");
    assert_eq!(statuses, [redeemed, redeemed, redeemed, redeemed, redeemed, available]);
    for (token, order, at) in [
        (&fates[1], &processed, &processed_at),
        (&fates[2], &processed, &processed_at),
        (&fates[3], &last, &test.now().to_string()),
        (&fates[4], &last, &test.now().to_string()),
    ] {
        assert_eq!(token["redeemed_for"], order.order_id.to_string());
        assert_eq!(token["redeemed_at"], at.as_str(), "when it was paid, not handed over");
        assert!(token.get("submission_id").is_none(), "{token}");
        assert_ne!(token["order_id"], token["redeemed_for"], "that is the payment's order");
    }
    for token in [&fates[0], &fates[5]] {
        assert!(token.get("redeemed_for").is_none(), "{token}");
    }
    for order in [open, failed] {
        assert!(fates.iter().all(|token| token["redeemed_for"] != order.order_id.to_string()));
    }
}
