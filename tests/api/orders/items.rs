//! The menu: what an owner puts on it, and how it is read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;
use thali_domain::orders::menu::Sku;
use thali_platform::store::keys;

use crate::support::menu::{dish, put_item};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

/// The stock of each shard of an item, by its number, read from the table.
async fn shards(test: &TestApp, sku: &str) -> BTreeMap<u8, u64> {
    let sku = Sku::parse(sku).expect("a sku");
    let mut found = BTreeMap::new();
    for item in test.dynamo.items("orders").await {
        for shard in 0..16 {
            let key = keys::stock(&test.mess_id, &sku, shard);
            if item["pk"].as_s() == Ok(&key.pk) && item["sk"].as_s() == Ok(&key.sk) {
                let stock = item["stock"].as_n().expect("a number");
                found.insert(shard, stock.parse().expect("whole"));
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_item_can_be_read_by_everybody_in_the_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let body = json!({ "name": "Veg Thali", "price_tokens": 2, "available": true });
    let made = test.put_item(&owner, "veg-thali", &body).await.expect(201);
    let expected = json!({
        "sku": "veg-thali", "name": "Veg Thali", "price_tokens": 2, "stock": 0, "available": true,
    });
    let mut to_owner = expected.clone();
    to_owner["stock_shards"] = json!(1);
    assert_eq!(made.body, to_owner);
    assert_eq!(test.menu(&owner).await, [to_owner]);

    let asha = test.student("asha@example.com").await;
    let expected = [expected];
    assert_eq!(test.menu(&asha).await, expected, "only owners see shards");
    let (mess, active) = (test.mess_id.clone(), AccountStatus::Active);
    test.account(&mess, Role::Staff, active, "staff@example.com").await;
    let staff = Student::of(&test.log_in("staff@example.com").await);
    assert_eq!(test.menu(&staff).await, expected);
    let pending = AccountStatus::PendingApproval;
    test.account(&mess, Role::Student, pending, "ravi@example.com").await;
    let waiting = Student::of(&test.log_in("ravi@example.com").await);
    assert_eq!(test.menu(&waiting).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_without_stock_fields_leaves_the_stock_unchanged() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "dal", &dish("Dal", 1, 50, 4)).await.expect(201);
    let plain = json!({ "name": "Dal Fry", "price_tokens": 3, "available": false });
    let changed = test.put_item(&owner, "dal", &plain).await.expect(200);
    let expected = json!({
        "sku": "dal", "name": "Dal Fry", "price_tokens": 3, "stock": 50, "available": false,
        "stock_shards": 4,
    });
    assert_eq!(changed.body, expected);
    let mut null = plain.clone();
    (null["stock"], null["stock_shards"]) = (Value::Null, Value::Null);
    assert_eq!(test.put_item(&owner, "dal", &null).await.expect(200).body, expected);
    let mut same = plain.clone();
    same["stock_shards"] = json!(4);
    assert_eq!(test.put_item(&owner, "dal", &same).await.expect(200).body, expected);
    assert_eq!(test.menu(&owner).await, [expected]);
    assert_eq!(shards(&test, "dal").await, BTreeMap::from([(0, 13), (1, 13), (2, 12), (3, 12)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_with_a_stock_replaces_the_stock() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "dal", &dish("Dal", 1, 50, 1)).await.expect(201);
    for (stock, stock_shards, held) in [
        (7, 1, BTreeMap::from([(0, 7)])),
        (7, 3, BTreeMap::from([(0, 3), (1, 2), (2, 2)])),
        (1_000_000, 3, BTreeMap::from([(0, 333_334), (1, 333_333), (2, 333_333)])),
        (5, 2, BTreeMap::from([(0, 3), (1, 2)])),
        (0, 1, BTreeMap::from([(0, 0)])),
    ] {
        let body = dish("Dal", 1, stock, stock_shards);
        let counted = test.put_item(&owner, "dal", &body).await.expect(200);
        assert_eq!(counted.body["stock"], stock);
        assert_eq!(counted.body["stock_shards"], stock_shards);
        assert_eq!(test.menu(&owner).await, [counted.body]);
        assert_eq!(shards(&test, "dal").await, held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_total_stock_stays_exact_when_the_number_of_shards_changes() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.put_item(&owner, "dal", &dish("Dal", 1, 101, 1)).await.expect(201);
    for number in [16, 5, 6, 1, 2, 16] {
        let body = json!({
            "name": "Dal", "price_tokens": 1, "available": true, "stock_shards": number,
        });
        let spread = test.put_item(&owner, "dal", &body).await.expect(200);
        assert_eq!(
            (&spread.body["stock"], &spread.body["stock_shards"]),
            (&json!(101), &json!(number))
        );
        let held = shards(&test, "dal").await;
        assert_eq!((held.len(), held.values().sum::<u64>()), (number, 101), "{held:?}");
        assert!(held.values().max().zip(held.values().min()).is_some_and(|(a, b)| a - b <= 1));
        assert_eq!(test.stock_of(&owner, "dal").await, 101);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_is_paged_in_order_of_sku() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for sku in ["b.2", "a", "Z", "b-1", "b", "10", "9", "B_x"] {
        test.put_item(&owner, sku, &dish("Dish", 1, 3, 2)).await.expect(201);
    }
    for limit in [1, 2, 3, 8, 100] {
        let list = test.list(&owner, "/api/items", limit).await;
        let skus: Vec<_> = list.iter().map(|item| item["sku"].as_str().expect("a sku")).collect();
        assert_eq!(skus, ["10", "9", "B_x", "Z", "a", "b", "b-1", "b.2"], "pages of {limit}");
        assert!(list.iter().all(|item| item["stock"] == 3));
    }
    let strange = Call::get("/api/items?cursor=IyM").bearer(&owner.token);
    assert_eq!(test.send(strange).await.wrong_fields(), ["cursor"]);
    let unknown = Call::get("/api/items?available=true").bearer(&owner.token);
    assert_eq!(test.send(unknown).await.wrong_fields(), ["available"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_field_is_named_and_no_item_is_created() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let good = dish("Dal", 1, 5, 1);
    for (field, wrong) in [
        ("name", json!("")),
        ("name", json!("two\nlines")),
        ("name", json!("x".repeat(81))),
        ("price_tokens", json!(0)),
        ("price_tokens", json!(100)),
        ("price_tokens", json!(1.5)),
        ("price_tokens", json!("2")),
        ("stock", json!(-1)),
        ("stock", json!(1_000_001)),
        ("stock", json!(2.5)),
        ("available", json!("yes")),
        ("available", Value::Null),
        ("stock_shards", json!(0)),
        ("stock_shards", json!(17)),
        ("price", json!(2)),
        ("priceTokens", json!(2)),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        let refused = test.put_item(&owner, "dal", &body).await;
        assert_eq!(refused.wrong_fields(), [field], "{body}");
    }
    let refused = test.put_item(&owner, "dal", &json!({ "stock": 1 })).await;
    assert_eq!(refused.wrong_fields(), ["available", "name", "price_tokens"]);
    for sku in ["-dal", "a%20b", "d%C3%A4l", &"x".repeat(41)] {
        let refused = test.put_item(&owner, sku, &good).await;
        assert_eq!(refused.wrong_fields(), ["sku"], "{sku}");
    }
    assert_eq!(test.menu(&owner).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mess_has_its_own_menu() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = MessId::parse("mess_other").expect("an id");
    let stranger = test.owner_of(&other, "owner@example.org").await;
    test.put_item(&owner, "dal", &dish("Dal", 1, 5, 3)).await.expect(201);
    assert_eq!(test.menu(&stranger).await, [] as [Value; 0]);
    test.put_item(&stranger, "dal", &dish("Their Dal", 9, 700, 1)).await.expect(201);
    assert_eq!(test.item_of(&owner, "dal").await["name"], "Dal");
    assert_eq!(test.stock_of(&owner, "dal").await, 5);
    assert_eq!(test.stock_of(&stranger, "dal").await, 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_cannot_change_the_menu() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let refused = test.send(put_item(&asha, "dal", &dish("Dal", 1, 5, 1))).await;
    assert_eq!(refused.problem(403), "wrong_role");
    let login = json!({ "email": asha.email, "password": PASSWORD });
    test.send(Call::post("/login", &login)).await.expect(200);
    assert_eq!(test.menu(&asha).await, [] as [Value; 0]);
}
