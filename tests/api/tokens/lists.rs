//! The lists of tokens and submissions: their order, and their pages during changes.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{DATA, FATES, PIN, SUBMISSIONS, ids, redeem};
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn count_and_lists_are_empty_for_a_student_without_tokens() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let answer = test.send(Call::get("/student/tokens").bearer(&asha.token)).await.expect(200);
    assert_eq!(answer.body, json!({ "count": 0 }));
    test.order_tokens(&asha, 10).await;
    assert_eq!(test.token_count(&asha).await, 0, "the order is unpaid");
    for path in [DATA, FATES, SUBMISSIONS] {
        let answer = test.send(Call::get(path).bearer(&asha.token)).await.expect(200);
        assert_eq!(answer.body, json!({ "items": [] }), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_count_shows_how_many_tokens_expire_next() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 3).await;
    test.advance(SignedDuration::from_mins(5));
    test.buy_tokens(&asha, 4).await;
    let count = async || {
        let answer = test.send(Call::get("/student/tokens/").bearer(&asha.token)).await;
        answer.expect(200).body
    };
    let next = |count: u64, at: &str| json!({ "count": count, "expires_at": at });
    let expected = json!({ "count": 7, "expiring_next": next(3, "2026-04-15T06:30:00Z") });
    assert_eq!(count().await, expected);
    test.send(redeem(&asha, &json!({ "count": 2 }), PIN)).await.expect(201);
    let expected = json!({ "count": 5, "expiring_next": next(1, "2026-04-15T06:30:00Z") });
    assert_eq!(count().await, expected);
    test.send(redeem(&asha, &json!({ "count": 1 }), PIN)).await.expect(201);
    let expected = json!({ "count": 4, "expiring_next": next(4, "2026-04-15T06:35:00Z") });
    assert_eq!(count().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_that_expire_first_are_listed_first() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut orders = Vec::new();
    for count in [3, 2, 4] {
        orders.push(test.buy_tokens(&asha, count).await.order_id);
        test.advance(SignedDuration::from_secs(1));
    }
    let whole = test.list(&asha, DATA, 100).await;
    let listed: Vec<&str> = whole.iter().filter_map(|token| token["order_id"].as_str()).collect();
    let expected = [vec![&*orders[0]; 3], vec![&*orders[1]; 2], vec![&*orders[2]; 4]].concat();
    assert_eq!(listed, expected);
    let tail = orders[0].strip_prefix("order_").expect("an order's id");
    let first = json!({
        "token_id": format!("tok_{tail}_001"),
        "order_id": orders[0],
        "price_paise": 5_000,
        "issued_at": "2026-01-15T06:30:00Z",
        "expires_at": "2026-04-15T06:30:00Z",
    });
    assert_eq!(whole[0], first);
    for limit in [1, 2, 4, 9, 10] {
        assert_eq!(test.list(&asha, DATA, limit).await, whole, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_neither_repeat_nor_skip_tokens_while_others_are_redeemed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 12).await;
    let all = test.token_ids(&asha).await;

    let (first, cursor) = test.page(&asha, DATA, 4, None).await;
    assert_eq!(ids(&first), all[..4]);
    // The last token of the first page and the two tokens after it are redeemed.
    let gone = json!({ "token_ids": [all[1], all[3], all[4], all[5]] });
    test.send(redeem(&asha, &gone, PIN)).await.expect(201);
    let (second, cursor) = test.page(&asha, DATA, 4, cursor.as_deref()).await;
    assert_eq!(ids(&second), all[6..10]);
    let (third, cursor) = test.page(&asha, DATA, 4, cursor.as_deref()).await;
    assert_eq!((ids(&third), cursor), (all[10..].to_vec(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_are_listed_newest_first_and_equal_their_responses() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    test.set_pin(&asha).await;
    test.buy_tokens(&asha, 30).await;
    let mut answered: Vec<Value> = Vec::new();
    for count in [3, 1, 7, 2, 5] {
        test.advance(SignedDuration::from_millis(1));
        let answer = test.send(redeem(&asha, &json!({ "count": count }), PIN)).await.expect(201);
        assert_eq!(answer.body["count"], count);
        answered.insert(0, answer.body);
    }
    let balances: Vec<&Value> = answered.iter().map(|submission| &submission["balance"]).collect();
    assert_eq!(balances, [12, 17, 19, 26, 27]);
    for limit in [1, 2, 5, 100] {
        assert_eq!(test.list(&asha, SUBMISSIONS, limit).await, answered, "{limit}");
    }
    assert_eq!(test.list(&ravi, SUBMISSIONS, 100).await.len(), 0, "Ravi has none");
}
