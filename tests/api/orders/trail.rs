//! The audit trail of orders and of the menu: every change, with its actor and its request.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use thali_domain::orders::order::Order;

use super::{cancel, collect, ordering};
use crate::support::TestApp;
use crate::support::menu::{change_stock, dish};

type Record = HashMap<String, AttributeValue>;

fn text<'a>(record: &'a Record, attribute: &str) -> &'a str {
    let value = record.get(attribute).unwrap_or_else(|| panic!("{attribute} in {record:?}"));
    value.as_s().expect("text")
}

/// A member of the item after the change; `None` if there is none.
fn after<'a>(record: &'a Record, member: &str) -> Option<&'a AttributeValue> {
    record.get("after")?.as_m().expect("an image").get(member)
}

/// All records of items of these kinds, oldest first.
async fn trail(test: &TestApp, kinds: &[&str]) -> Vec<Record> {
    test.settle().await;
    let mut records = test.dynamo.items("audit").await;
    records.retain(|it| it.contains_key("event_id") && kinds.contains(&text(it, "kind")));
    records.sort_by_key(|record| text(record, "sk").to_owned());
    records
}

/// The statuses of an order and who set them, from its records. Asserts that all of them have one
/// entity.
fn story(records: &[Record], order: &Order) -> Vec<(String, String)> {
    let id = order.order_id.to_string();
    let of_order = |it: &&Record| text(it, "kind") == "order" && text(it, "entity").ends_with(&id);
    let mut story: Vec<&Record> = records.iter().filter(of_order).collect();
    // The trail does not know the order of changes in one millisecond.
    let version = |record: &Record| after(record, "version")?.as_n().ok().cloned();
    story.sort_by_key(|record| version(record));
    let entities: BTreeSet<&str> = story.iter().map(|it| text(it, "entity")).collect();
    let key = format!("{0}#{0}#orders#{1}/{id}", order.mess_id, order.order_id.account_part());
    assert_eq!(entities, BTreeSet::from([key.as_str()]));
    let change = |it: &&Record| {
        let status = after(it, "status").expect("an order has one").as_s().expect("text");
        (status.clone(), text(it, "actor").to_owned())
    };
    story.iter().map(change).collect()
}

fn owned(story: &[(&str, &str)]) -> Vec<(String, String)> {
    story.iter().map(|(status, actor)| ((*status).to_owned(), (*actor).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_records_every_order_change_with_its_actor() {
    let test = TestApp::start().await;
    let (student, staff) = (test.newcomer(3).await, test.staff("staff@example.com").await);
    let (asha, hands) = (student.account_id.as_str(), staff.account_id.as_str());
    test.seed_item("thali", 2, &[9, 9]).await;
    test.settle().await;
    let second = SignedDuration::from_secs(1);

    let paid = test.order_of(&test.send(ordering(&student, &[("thali", 1)])).await).await;
    test.dynamo.new_changes().await;
    test.advance(61 * second);
    assert_eq!(test.sweep().await, (1, 1), "its change was lost");
    test.advance(second);
    trail(&test, &[]).await;
    test.advance(second);
    test.send(collect(&staff, &paid)).await.expect(200);
    test.advance(second);
    // One token is left, and this order costs two.
    let failed = test.order_of(&test.send(ordering(&student, &[("thali", 1)])).await).await;
    trail(&test, &[]).await;
    test.advance(second);
    let called_off = test.order_of(&test.send(ordering(&student, &[("thali", 3)])).await).await;
    test.advance(second);
    test.send(cancel(&student, &called_off)).await.expect(200);

    let records = trail(&test, &["order"]).await;
    let (processor, sweep) = ("order-processor", "sweep-orders");
    let expected = [("Pending", sweep), ("Processed", processor), ("Collected", hands)];
    assert_eq!(story(&records, &paid), owned(&expected));
    assert_eq!(story(&records, &failed), owned(&[("Pending", asha), ("Failed", processor)]));
    assert_eq!(story(&records, &called_off), owned(&[("Pending", asha), ("Cancelled", asha)]));
}

/// Compares the kinds of items that each request changed.
#[tokio::test(flavor = "multi_thread")]
async fn all_changes_of_one_request_share_its_id_in_the_trail() {
    let test = TestApp::start().await;
    let student = test.newcomer(3).await;
    test.seed_item("thali", 2, &[9]).await;
    test.seed_item("tea", 1, &[0, 9]).await;
    test.settle().await;
    let wanted = [("thali", 1), ("tea", 1)];
    let call = ordering(&student, &wanted).header("idempotency-key", "secret-key-1");
    let paid = test.order_of(&test.send(call).await).await;
    test.settle().await;
    test.advance(SignedDuration::from_secs(1));
    let failed = test.order_of(&test.send(ordering(&student, &wanted)).await).await;

    let records = trail(&test, &["order", "item", "stock", "purchase", "idempotency"]).await;
    let mut requests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for record in &records {
        requests.entry(text(record, "request_id")).or_default().push(text(record, "kind"));
    }
    let with_request = |order: &Order, status: &str| {
        let id = order.order_id.to_string();
        let status = AttributeValue::S(status.to_owned());
        let record = records.iter().find(|record| {
            text(record, "entity").ends_with(&id) && after(record, "status") == Some(&status)
        });
        let mut kinds = requests[text(record.expect("it is recorded"), "request_id")].clone();
        kinds.sort_unstable();
        kinds
    };
    for order in [&paid, &failed] {
        assert_eq!(with_request(order, "Pending"), ["item", "order", "stock"]);
    }
    // The processor's request id is the order's id, which the message names.
    assert_eq!(with_request(&paid, "Processed"), ["order", "purchase"]);
    let released = with_request(&failed, "Failed");
    assert_eq!(released.len(), 3, "{released:?}");
    for record in &records {
        assert!(!format!("{record:?}").contains("secret-key-"), "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn menu_changes_are_recorded_under_the_items_own_entity() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "thali", &dish("Thali", 2, 20, 3)).await.expect(201);
    test.advance(SignedDuration::from_secs(1));
    test.send(change_stock(&owner, "thali", 5)).await.expect(200);
    test.advance(SignedDuration::from_secs(1));
    test.put_item(&owner, "thali", &dish("Thali", 3, 20, 1)).await.expect(200);
    let records = trail(&test, &["item", "stock"]).await;
    let entity = format!("{0}#{0}#menu/item#thali", test.mess_id);
    let of_item: Vec<&Record> =
        records.iter().filter(|record| text(record, "entity") == entity).collect();
    let operations: Vec<&str> = of_item.iter().map(|it| text(it, "operation")).collect();
    assert_eq!(operations.first(), Some(&"INSERT"));
    assert!(operations.len() >= 2, "{operations:?}");
    for record in &records {
        let removed = text(record, "operation") == "REMOVE";
        let actor = if removed { "unknown" } else { owner.account_id.as_str() };
        assert_eq!(text(record, "actor"), actor, "{record:?}");
    }
}

/// The fields of an order and of an item. Whoever adds a field decides whether owners, who read the
/// trail for a year, may see it.
#[tokio::test(flavor = "multi_thread")]
async fn the_trail_shows_only_order_and_item_fields_for_owners() {
    let test = TestApp::start().await;
    let (student, owner) = (test.newcomer(3).await, test.owner("owner@example.com").await);
    test.put_item(&owner, "thali", &dish("Thali", 2, 20, 3)).await.expect(201);
    for _ in 0..2 {
        test.send(ordering(&student, &[("thali", 1)])).await.expect(202);
        test.advance(SignedDuration::from_secs(1));
    }
    let records = trail(&test, &["order", "item", "stock"]).await;
    let mut shown: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for record in &records {
        for image in ["before", "after"].iter().filter_map(|image| record.get(*image)) {
            let members = image.as_m().expect("an image").keys().map(String::as_str);
            shown.entry(text(record, "kind")).or_default().extend(members);
        }
    }
    let stamped = ["pk", "sk", "kind", "actor", "request_id", "changed_at", "mess_id"];
    let of = |kind: &str| -> Vec<&str> {
        let own = shown[kind].iter().filter(|member| !stamped.contains(member));
        own.copied().collect()
    };
    let order = [
        "account_id",
        "created_at",
        "failure",
        "lines",
        "order_id",
        "pending",
        "processed_at",
        "status",
        "tokens",
        "total_tokens",
        "updated_at",
        "version",
    ];
    assert_eq!(of("order"), order);
    let item = ["available", "layout", "name", "price_tokens", "sku", "stock", "stock_shards"];
    assert_eq!(of("item"), item);
    assert_eq!(of("stock"), ["layout", "shard", "sku", "stock"]);
    for record in &records {
        let (shown, email) = (format!("{record:?}"), student.email.as_str());
        assert!(!shown.contains(email) && !shown.contains("example.com"), "{shown}");
    }
}
