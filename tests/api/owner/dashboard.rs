//! The owner's dashboard.

use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::mess::Meal;
use thali_domain::staff::refusals::Refusal;

use crate::support::TestApp;
use crate::support::menu::dish;
use crate::support::mess::sitting;

const PATH: &str = "/owner/dashboard";

fn meal(expected: u32, admitted: u32, refused: u32) -> Value {
    json!({ "expected": expected, "admitted": admitted, "refused": refused })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_of_an_empty_mess_shows_zeros() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let expected = json!({
        "date": "2026-01-15",
        "meals": { "BREAKFAST": meal(0, 0, 0), "LUNCH": meal(0, 0, 0), "DINNER": meal(0, 0, 0) },
        "pending_approvals": 0,
        "pending_payments": 0,
        "sales_today": { "tokens": 0, "amount_paise": 0, "orders": 0 },
        "stock_warnings": [],
        "unread_notifications": 0,
    });
    assert_eq!(test.seen(&owner, PATH).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_counts_todays_meals_sales_and_pending_work() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (sku, stock, shards) in [("full", 50, 1), ("low", 9, 1), ("spread", 4, 3), ("edge", 10, 2)]
    {
        test.put_item(&owner, sku, &dish(sku, 1, stock, shards)).await.expect(201);
    }
    let mut off = dish("off", 1, 0, 1);
    off["available"] = json!(false);
    test.put_item(&owner, "off", &off).await.expect(201);

    // A purchase before 18:30 UTC (midnight in India) is not a sale of today.
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 3).await;
    test.settle().await;
    test.wait_until("2026-01-15T18:30:00Z");
    let asha = test.log_in_again(&asha).await;
    test.buy_tokens(&asha, 10).await;
    test.processed(&asha, "full").await;

    let pending = AccountStatus::PendingApproval;
    let mess = test.mess_id.clone();
    test.account(&mess, Role::Student, pending, "waits@example.com").await;
    let (ravi, meera) = (test.diner("ravi").await, test.diner("meera").await);
    test.give_pending_payment(&ravi).await;
    test.give_cycle(ravi.account_id, "2026-01-16", "2026-01-31").await;
    test.give_cycle(meera.account_id, "2026-01-16", "2026-01-31").await;
    let breakfast = sitting("2026-01-16", Meal::Breakfast);
    let scan = |diner| test.scan(breakfast, diner, "2026-01-16T02:30:00Z");
    let mut stray = scan(None);
    stray.refused = Some(Refusal::UnknownStudent);
    test.give_plates(&[
        test.plate(breakfast, Some(&ravi), &[scan(Some(&ravi)), scan(Some(&ravi))]),
        test.plate(breakfast, None, &[stray]),
    ])
    .await;
    test.settle().await;

    let owner = test.log_in_again(&owner).await;
    let expected = json!({
        "date": "2026-01-16",
        "meals": { "BREAKFAST": meal(2, 1, 2), "LUNCH": meal(2, 0, 0), "DINNER": meal(2, 0, 0) },
        "pending_approvals": 1,
        "pending_payments": 1,
        "sales_today": { "tokens": 10, "amount_paise": 50_000, "orders": 1 },
        "stock_warnings": [
            { "sku": "spread", "name": "spread", "stock": 4 },
            { "sku": "low", "name": "low", "stock": 9 },
        ],
        // Two purchases, an order, an uploaded payment and a pending student.
        "unread_notifications": 5,
    });
    assert_eq!(test.seen(&owner, PATH).await, expected);
    let stranger = test.stranger().await;
    let theirs = test.seen(&stranger, PATH).await;
    assert_eq!(theirs["meals"]["BREAKFAST"], meal(0, 0, 0));
    for count in ["pending_approvals", "pending_payments", "unread_notifications"] {
        assert_eq!(theirs[count], 0, "{count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_warnings_cover_the_whole_menu() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for number in 0..230_u32 {
        test.seed_item(&format!("dish-{number:03}"), 1, &[number % 115]).await;
    }
    let seen = test.seen(&owner, PATH).await;
    let warnings = seen["stock_warnings"].as_array().expect("a list");
    let stocks: Vec<u64> = warnings.iter().filter_map(|item| item["stock"].as_u64()).collect();
    assert_eq!(stocks.len(), 20);
    assert!(stocks.is_sorted() && stocks.last() == Some(&9), "{stocks:?}");
}
