//! `GET /payment-history`: newest first, in pages, and only the student's own purchases.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::HISTORY;
use crate::support::{Call, TestApp};

fn order_ids(list: &[Value]) -> Vec<String> {
    list.iter().map(|payment| payment["order_id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_are_listed_newest_first_in_pages_without_gaps() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut ordered = Vec::new();
    for count in 1..=6 {
        ordered.insert(0, test.order_tokens(&asha, count).await);
        test.advance(SignedDuration::from_millis(1));
    }
    for limit in [1, 2, 3, 4, 6, 7, 100] {
        assert_eq!(order_ids(&test.list(&asha, HISTORY, limit).await), ordered, "{limit}");
    }
    let plain = test.send(Call::get(HISTORY).bearer(&asha.token)).await.expect(200);
    assert_eq!(plain.body["items"].as_array().map(Vec::len), Some(6));
    assert!(plain.body.get("next_cursor").is_none(), "the last page has no cursor");
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_purchases_are_all_listed_and_new_ones_shift_no_page() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut ordered = Vec::new();
    for _ in 0..5 {
        ordered.push(test.order_tokens(&asha, 1).await);
    }
    ordered.sort();
    assert_eq!(order_ids(&test.list(&asha, HISTORY, 2).await), ordered);

    let (first, cursor) = test.page(&asha, HISTORY, 2, None).await;
    test.advance(SignedDuration::from_secs(1));
    test.order_tokens(&asha, 1).await;
    let (second, cursor) = test.page(&asha, HISTORY, 2, cursor.as_deref()).await;
    let (third, cursor) = test.page(&asha, HISTORY, 2, cursor.as_deref()).await;
    assert_eq!(order_ids(&[first, second, third].concat()), ordered);
    assert_eq!(cursor, None);
    assert_eq!(test.list(&asha, HISTORY, 2).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_sees_only_their_own_purchases_including_unpaid_ones() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 4).await;
    let open = json!({
        "order_id": order_id,
        "amount_paise": 20_000,
        "currency": "INR",
        "status": "created",
        "token_count": 4,
        "created_at": "2026-01-15T06:30:00Z",
    });
    assert_eq!(test.list(&asha, HISTORY, 10).await, [open]);
    let ravi = test.student("ravi@example.com").await;
    test.buy_tokens(&ravi, 3).await;
    assert_eq!(order_ids(&test.list(&asha, HISTORY, 10).await), [order_id], "only Asha's own");
    assert_eq!(test.list(&ravi, HISTORY, 10).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_list_parameters_are_refused_by_name() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let long = format!("cursor={}", "A".repeat(257));
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("cursor=!", "cursor"),
        ("cursor=a", "cursor"),
        ("cursor=_w", "cursor"),
        (long.as_str(), "cursor"),
        ("offset=3", "offset"),
        ("limit=5&status=captured", "status"),
    ] {
        for path in
            [HISTORY, "/student/token-data", "/student/token-history", "/student/submitted-tokens"]
        {
            let call = Call::get(&format!("{path}?{query}")).bearer(&asha.token);
            assert_eq!(test.send(call).await.wrong_fields(), [field], "{path}?{query}");
        }
    }
}
