//! Concurrent submissions: a token is redeemed once, and a balance never becomes negative.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::{FATES, PIN, SUBMISSIONS, redeem, redeemed};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_concurrent_submissions_for_ten_tokens_ten_are_accepted() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 6).await;
    test.buy_tokens(&asha, 4).await;
    // With the password as the security code, as most students have it.
    let answers = test.send_together(vec![TestApp::submit(&asha, 1); 50]).await;

    let mut taken = Vec::new();
    let mut refused = 0;
    for answer in answers {
        if answer.status == 201 {
            taken.extend(redeemed(&answer.body));
        } else {
            assert_eq!(answer.problem(409), "insufficient_tokens");
            refused += 1;
        }
    }
    assert_eq!((taken.len(), refused), (10, 40));
    let different: BTreeSet<&String> = taken.iter().collect();
    assert_eq!(different.len(), 10, "no token is redeemed twice");
    assert_eq!(test.token_count(&asha).await, 0);

    let fates = test.list(&asha, FATES, 100).await;
    assert_eq!(fates.len(), 10);
    assert!(fates.iter().all(|token| token["status"] == "redeemed"), "{fates:?}");
    let by: BTreeSet<_> =
        fates.iter().filter_map(|token| token["submission_id"].as_str()).collect();
    assert_eq!(by.len(), 10, "each by its own submission");
    assert_eq!(test.list(&asha, SUBMISSIONS, 100).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_concurrent_submissions_for_one_token_one_is_accepted() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 10).await;
    let wanted = test.token_ids(&asha).await.remove(4);
    let call = redeem(&asha, &json!({ "token_ids": [wanted] }), PIN);
    let mut accepted = 0;
    for answer in test.send_together(vec![call; 50]).await {
        if answer.status == 201 {
            accepted += 1;
            assert_eq!(redeemed(&answer.body), [wanted.as_str()]);
        } else {
            assert_eq!(answer.problem(409), "tokens_unavailable");
            assert_eq!(answer.body["token_ids"], json!([wanted]));
        }
    }
    assert_eq!(accepted, 1);
    assert_eq!(test.token_count(&asha).await, 9);
    assert_eq!(test.list(&asha, SUBMISSIONS, 100).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_submissions_of_several_tokens_never_share_a_token() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    for _ in 0..4 {
        test.buy_tokens(&asha, 10).await;
    }
    let call = redeem(&asha, &json!({ "count": 7 }), PIN);
    let mut taken = Vec::new();
    for answer in test.send_together(vec![call; 20]).await {
        if answer.status == 201 {
            assert_eq!(redeemed(&answer.body).len(), 7);
            taken.extend(redeemed(&answer.body));
        } else {
            assert_eq!(answer.problem(409), "insufficient_tokens");
        }
    }
    assert_eq!(taken.len(), 35, "five times seven of forty");
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 35, "no token is redeemed twice");
    assert_eq!(test.token_count(&asha).await, 5);
}
