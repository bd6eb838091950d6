//! The audit trail as an owner reads it.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, OrderId};

use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

const PATH: &str = "/api/v1/audit";

impl TestApp {
    /// All records that a query returns, read in pages of `limit`.
    async fn trail(&self, owner: &Student, query: &str, limit: usize) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..1_000 {
            let page = self.seen(owner, &format!("{PATH}?{query}&limit={limit}{cursor}")).await;
            let items = page["items"].as_array().expect("a list").clone();
            assert!(items.len() <= limit, "{}", items.len());
            all.extend(items);
            let Some(next) = page["next_cursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
        panic!("{query} does not end");
    }
}

fn texts<'a>(records: &'a [Value], member: &str) -> Vec<&'a str> {
    records.iter().map(|record| record[member].as_str().expect("text")).collect()
}

/// Percent-encodes `#` and `/` for a query string.
fn escaped(text: &str) -> String {
    text.replace('#', "%23").replace('/', "%2F")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_of_an_entity_lists_the_newest_change_first() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.signed_up_student("asha@example.com").await;
    // The order of two changes in the same millisecond is undefined.
    let later = || test.advance(SignedDuration::from_millis(1));
    let order_id = test.order_tokens(&asha, 3).await;
    later();
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    test.seed_item("rice", 1, &[50]).await;
    let order = test.place(&asha, &[("rice", 1)]).await;
    later();
    test.process(&order).await.expect("nobody else processes it");
    let blocked = Call::new("POST", &format!("/api/v1/students/{}/block", asha.account_id));
    test.send(blocked.bearer(&owner.token)).await.expect(200);
    test.settle().await;

    let of_account = test.trail(&owner, &format!("entity={}", asha.account_id), 25).await;
    assert_eq!(texts(&of_account, "operation"), ["MODIFY", "INSERT"]);
    assert_eq!(texts(&of_account, "actor"), [owner.account_id.as_str(), "anonymous"]);
    assert_eq!(of_account[0]["before"]["status"], "active");
    assert_eq!(of_account[0]["after"]["status"], "blocked");
    assert!(of_account[0]["request_id"].as_str().is_some_and(|id| id.starts_with("request-")));
    assert!(!of_account[1].to_string().contains("password_hash"), "no secrets");
    let entity = format!("{}/account", asha.account_id);
    assert_eq!(texts(&of_account, "entity"), [entity.as_str(), &entity]);
    let recorded = test.trail(&owner, &format!("entity={}", escaped(&entity)), 25).await;
    assert_eq!(recorded, of_account);

    let of_order = test.trail(&owner, &format!("entity={}", order.order_id), 1).await;
    assert_eq!(texts(&of_order, "operation"), ["MODIFY", "INSERT"]);
    assert_eq!(of_order[0]["after"]["status"], "Processed");
    let of_purchase = test.trail(&owner, &format!("entity={}", checkout.order_id), 1).await;
    assert_eq!(texts(&of_purchase, "kind"), ["purchase"; 3]);
    assert_eq!(of_purchase[1]["after"]["state"], "captured");
    let of_mess = test.trail(&owner, "entity=mess_demo", 25).await;
    assert_eq!(texts(&of_mess, "kind"), ["mess"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_runs_from_midnight_to_midnight_in_the_mess_time_zone() {
    let test = TestApp::start().await;
    // Midnight in India is 18:30 UTC, so a day of the mess spans two days of UTC.
    test.wait_until("2026-01-15T18:29:59.999Z");
    let owner = test.owner("owner@example.com").await;
    let dishes = async |from: &str, numbers: std::ops::Range<u8>| {
        test.wait_until(from);
        for number in numbers {
            test.seed_item(&format!("dish-{number:02}"), 1, &[50]).await;
            test.advance(SignedDuration::from_millis(1));
        }
    };
    dishes("2026-01-15T18:30:00Z", 0..10).await;
    dishes("2026-01-15T23:59:59.995Z", 10..20).await;
    dishes("2026-01-16T18:29:59.990Z", 20..30).await;
    assert_eq!(test.now().to_string(), "2026-01-16T18:30:00Z");
    dishes("2026-01-16T18:30:00Z", 30..31).await;
    test.settle().await;
    let owner = test.log_in_again(&owner).await;
    let all = test.trail(&owner, "date=2026-01-16", 100).await;
    assert_eq!(all.len(), 30);
    let time = |text: &str| text.parse::<jiff::Timestamp>().expect("a time");
    let times: Vec<_> = texts(&all, "at").into_iter().map(time).collect();
    assert!(times.is_sorted_by(|one, other| one > other), "{times:?}");
    assert_eq!(times[29], time("2026-01-15T18:30:00Z"));
    assert_eq!(times[0], time("2026-01-16T18:29:59.999Z"));
    // Pages that end before, at and after midnight UTC. Fifteen changes lie on each side.
    for limit in [1, 4, 7, 14, 15, 16, 30] {
        assert_eq!(test.trail(&owner, "date=2026-01-16", limit).await, all, "{limit}");
    }
    let before = test.trail(&owner, "date=2026-01-15", 100).await;
    assert!(texts(&before, "kind").contains(&"account"), "{before:?}");
    assert!(!texts(&before, "kind").contains(&"item"), "{before:?}");
    let after = test.trail(&owner, "date=2026-01-17", 100).await;
    let items = after.iter().filter(|record| record["kind"] == all[0]["kind"]);
    assert_eq!(items.count(), 1, "{after:?}");
    assert!(test.trail(&owner, "date=2026-01-18", 100).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_older_than_a_year_are_hidden_before_dynamodb_deletes_them() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.wait_until("2026-01-16T00:00:00Z");
    for number in 0..30 {
        test.advance(SignedDuration::from_millis(1));
        test.seed_item(&format!("dish-{number:02}"), 1, &[50]).await;
    }
    test.settle().await;
    test.wait_until("2027-01-16T00:00:00.015Z");
    let owner = test.log_in_again(&owner).await;
    assert_eq!(test.trail(&owner, "date=2026-01-16", 100).await.len(), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_needs_one_valid_entity_or_one_valid_date() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (query, wrong) in [
        ("", "entity"),
        ("?entity=mess_demo&date=2026-01-15", "date"),
        ("?date=today", "date"),
        ("?entity=asha", "entity"),
        ("?entity=", "entity"),
        ("?day=2026-01-15", "day"),
        ("?date=2026-01-15&limit=101", "limit"),
        ("?date=2026-01-15&cursor=fn5-", "cursor"),
    ] {
        let answer = test.read(&owner, &format!("{PATH}{query}")).await;
        assert_eq!(answer.wrong_fields(), [wrong], "{query}");
    }
    let long = format!("?entity={}%2Fx", "x".repeat(300));
    assert_eq!(test.read(&owner, &format!("{PATH}{long}")).await.wrong_fields(), ["entity"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_cannot_see_the_trail_of_another_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student("asha@example.com").await;
    let checkout = test.buy_tokens(&asha, 3).await;
    test.settle().await;
    let stranger = test.stranger().await;
    let order = OrderId::of(AccountId::parse(&asha.account_id).expect("an id"), test.now());
    let account = format!("{}/account", asha.account_id);
    let theirs = format!("mess_demo#{}/account", asha.account_id);
    for entity in [
        asha.account_id.as_str(),
        &checkout.order_id,
        &order.to_string(),
        "mess_demo",
        &escaped(&account),
        &escaped(&theirs),
        &escaped("mess_demo/mess"),
    ] {
        let found = test.trail(&stranger, &format!("entity={entity}"), 25).await;
        assert!(found.is_empty(), "{entity}: {found:?}");
    }
    assert!(test.trail(&stranger, "date=2026-01-15", 25).await.is_empty());
    assert!(!test.trail(&owner, &format!("entity={}", checkout.order_id), 25).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_names_who_made_the_change_and_whose_item_it_is() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.signed_up_student("asha@example.com").await;
    let ravi = test.signed_up_student("ravi@example.com").await;
    let device = test.device("Gate 1").await;
    let renamed = Call::patch("/student/profile", &json!({ "full_name": "Asha Rao" }));
    test.send(renamed.bearer(&asha.token)).await.expect(200);
    test.buy_tokens(&asha, 2).await;
    test.buy_tokens(&ravi, 2).await;
    test.send(Call::get("/api/v1/students/search?q=as").bearer(&device.token)).await.expect(200);
    let body = json!({ "current_password": PASSWORD }).to_string();
    let delete = Call::with_body("DELETE", "/account", "application/json", &body);
    test.send(delete.bearer(&ravi.token)).await.expect(202);
    test.settle().await;

    let all = test.trail(&owner, "date=2026-01-15", 100).await;
    let of = |kind: &str, actor: &str| {
        let found = all.iter().find(|it| it["kind"] == kind && it["actor"] == actor);
        found.unwrap_or_else(|| panic!("a {kind} of {actor} in {all:?}"))
    };
    let purchase = of("purchase", &asha.account_id);
    assert_eq!(purchase["actor_kind"], "account");
    assert_eq!(purchase["actor_name"], "Asha Rao");
    assert_eq!(purchase["account_name"], "Asha Rao");
    let lookup = of("lookup", &device.id.to_string());
    assert_eq!(lookup["actor_kind"], "staff_token");
    assert_eq!(lookup["actor_name"], "Gate 1");
    assert_eq!(lookup.get("account_name"), None);
    let gone = of("purchase", &ravi.account_id);
    assert_eq!(gone["actor_kind"], "deleted_account");
    assert_eq!((gone.get("actor_name"), gone.get("account_name")), (None, None));
    let signed_up = of("account", "anonymous");
    assert_eq!(signed_up["actor_kind"], "anonymous");
    assert_eq!((signed_up.get("actor_name"), signed_up.get("account_name")), (None, None));
    let service = all.iter().find(|it| it["actor_kind"] == "service");
    assert!(service.is_some_and(|it| it.get("actor_name").is_none()), "{service:?}");
}
