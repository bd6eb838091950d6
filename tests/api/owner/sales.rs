//! The report of sales: tokens by day, and what was given back.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn path(from: &str, to: &str) -> String {
    format!("/api/v1/reports/sales?from={from}&to={to}")
}

fn day(date: &str, [purchases, tokens, amount, refunded]: [u64; 4]) -> Value {
    json!({
        "date": date, "purchases": purchases, "tokens": tokens, "amount_paise": amount,
        "refunded_paise": refunded,
    })
}

/// Refunds tokens of an order.
async fn give_back(test: &TestApp, owner: &Student, order_id: &str, tokens: u16) {
    let body = json!({ "token_count": tokens });
    let call = Call::post(&format!("/payments/{order_id}/refund"), &body);
    test.send(call.bearer(&owner.token)).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_are_reported_by_day_with_what_was_given_back() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let first = test.buy_tokens(&asha, 10).await;
    test.buy_tokens(&ravi, 3).await;
    test.send(TestApp::submit(&asha, 2)).await.expect(201);
    // An order that nobody has paid is no sale.
    test.order_tokens(&asha, 50).await;
    test.advance(SignedDuration::from_hours(13));
    let (asha, owner) = (test.log_in_again(&asha).await, test.owner("owner@example.com").await);
    let second = test.buy_tokens(&asha, 4).await;
    give_back(&test, &owner, &first.order_id, 5).await;
    let expected = |first, second| {
        let none = day("2026-01-14", [0; 4]);
        json!({ "days": [none, day("2026-01-15", first), day("2026-01-16", second)] })
    };
    let report = async || test.seen(&owner, &path("2026-01-14", "2026-01-16")).await;
    assert_eq!(report().await, expected([2, 13, 65_000, 25_000], [1, 4, 20_000, 0]));
    // It does not matter whether the money is on its way or has arrived.
    test.settle().await;
    give_back(&test, &owner, &second.order_id, 4).await;
    assert_eq!(report().await, expected([2, 13, 65_000, 25_000], [1, 4, 20_000, 20_000]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_are_those_of_the_owners_mess() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 10).await;
    let stranger = test.stranger().await;
    let report = test.seen(&stranger, &path("2026-01-15", "2026-01-15")).await;
    assert_eq!(report, json!({ "days": [day("2026-01-15", [0; 4])] }));
    let refused = test.read(&asha, &path("2026-01-15", "2026-01-15")).await;
    assert_eq!(refused.problem(403), "wrong_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_sales_has_one_to_ninety_two_days() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let report = test.seen(&owner, &path("2026-01-01", "2026-04-02")).await;
    assert_eq!(report["days"].as_array().map(Vec::len), Some(92));
    for (query, fields) in [
        ("from=2026-01-01&to=2026-04-03", &["to"] as &[&str]),
        ("from=2026-01-02&to=2026-01-01", &["to"]),
        ("from=yesterday", &["from", "to"]),
        ("from=2026-01-01&to=2026-01-01&day=1", &["day"]),
    ] {
        let refused = test.read(&owner, &format!("/api/v1/reports/sales?{query}")).await;
        assert_eq!(refused.problem(422), "invalid_fields", "{query}");
        let errors = refused.body["errors"].as_array().expect("errors").iter();
        let named: Vec<&str> = errors.filter_map(|error| error["field"].as_str()).collect();
        assert_eq!(named, fields, "{query}");
    }
}
