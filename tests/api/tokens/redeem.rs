//! Which tokens a submission redeems, and which tokens it cannot redeem.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::{DATA, PIN, SUBMISSIONS, ids, redeem, redeemed};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_count_redeems_the_earliest_expiring_tokens_across_purchases() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 3).await;
    test.advance(SignedDuration::from_secs(1));
    test.buy_tokens(&asha, 4).await;
    let in_order = test.token_ids(&asha).await;

    let answer = test.send(redeem(&asha, &json!({ "count": 5 }), PIN)).await.expect(201);
    let taken: BTreeSet<String> = redeemed(&answer.body).into_iter().collect();
    assert_eq!(taken, in_order[..5].iter().cloned().collect());
    assert_eq!(answer.body["balance"], 2);
    assert_eq!(ids(&test.list(&asha, DATA, 100).await), in_order[5..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn named_tokens_can_be_redeemed_from_several_purchases() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 3).await;
    test.advance(SignedDuration::from_secs(1));
    test.buy_tokens(&asha, 3).await;
    let all = test.token_ids(&asha).await;
    let wanted = [all[5].clone(), all[1].clone(), all[3].clone()];
    let call = redeem(&asha, &json!({ "token_ids": wanted }), PIN);
    let answer = test.send(call).await.expect(201);
    let taken: BTreeSet<String> = redeemed(&answer.body).into_iter().collect();
    assert_eq!(taken, wanted.into_iter().collect());
    let left = [&all[0], &all[2], &all[4]];
    assert_eq!(test.token_ids(&asha).await.iter().collect::<Vec<_>>(), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_tokens_are_named_and_the_others_stay_unredeemed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 3).await;
    test.buy_tokens(&ravi, 1).await;
    let unpaid = test.order_tokens(&asha, 1).await.replace("order_", "tok_") + "_001";
    let mine = test.token_ids(&asha).await;
    let ravis = test.token_ids(&ravi).await.remove(0);
    let call = redeem(&asha, &json!({ "token_ids": [mine[0]] }), PIN);
    test.send(call).await.expect(201);
    let beyond = mine[0].replace("_001", "_004");
    let unknown = "tok_AAAAAAAAAAAAAA_001".to_owned();

    for bad in [&mine[0], &ravis, &unpaid, &beyond, &unknown] {
        let wanted = json!({ "token_ids": [mine[1], bad, mine[2]] });
        let answer = test.send(redeem(&asha, &wanted, PIN)).await;
        assert_eq!(answer.problem(409), "tokens_unavailable", "{bad}");
        assert_eq!(answer.body["token_ids"], json!([bad]));
    }
    let wanted = json!({ "token_ids": [mine[0], ravis] });
    let answer = test.send(redeem(&asha, &wanted, PIN)).await;
    assert_eq!(answer.problem(409), "tokens_unavailable");
    let named: BTreeSet<String> = redeemed(&answer.body).into_iter().collect();
    assert_eq!(named, BTreeSet::from([mine[0].clone(), ravis.clone()]), "all of them are named");

    assert_eq!(test.token_ids(&asha).await, mine[1..]);
    assert_eq!(test.token_ids(&ravi).await, [ravis]);
    assert_eq!(test.list(&asha, SUBMISSIONS, 100).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_cannot_redeem_more_tokens_than_available() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    let answer = test.send(redeem(&asha, &json!({ "count": 1 }), PIN)).await;
    assert_eq!(answer.problem(409), "insufficient_tokens");
    test.buy_tokens(&asha, 4).await;
    let answer = test.send(redeem(&asha, &json!({ "count": 5 }), PIN)).await;
    assert_eq!(answer.problem(409), "insufficient_tokens");
    assert_eq!((&answer.body["available"], &answer.body["requested"]), (&json!(4), &json!(5)));
    assert_eq!(test.token_count(&asha).await, 4, "none of them is redeemed");
    test.send(redeem(&asha, &json!({ "count": 4 }), PIN)).await.expect(201);
    assert_eq!(test.token_count(&asha).await, 0);
}
