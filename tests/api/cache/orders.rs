//! Cached orders: who can read them, and that nobody reads an outdated one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use redis::Commands;
use serde_json::json;
use thali_domain::ids::{MessId, RazorpayOrderId};
use thali_domain::mess::Approval;
use thali_domain::orders::limits::{ORDER_ITEMS_MAX, ORDER_TOKENS_MAX};
use thali_domain::orders::menu::{ItemName, PriceTokens, Sku};
use thali_domain::orders::order::{Order, OrderLine, OrderStatus};
use thali_functions::orders::cached;
use thali_platform::app::App;

use super::{assert_hit, placed, process, processed, read_order, seen, write};
use crate::api::orders::ordering;
use crate::support::people::Student;
use crate::support::{Call, TestApp};

/// Asserts that an order is read from the database, with this status.
async fn assert_read(test: &TestApp, reader: &Student, order: &Order, status: &str) {
    let expected = (status.to_owned(), false);
    assert_eq!(seen(test, &test.app, reader, order).await, expected);
}

/// Asserts that an order is in the cache, with this status.
async fn assert_cached(test: &TestApp, reader: &Student, order: &Order, status: &str) {
    assert_hit(status.to_owned(), async || seen(test, &test.app, reader, order).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cached_for_ten_minutes_when_it_is_placed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.seed_item("rice", 1, &[100]).await;
    let mut connection = test.redis.connection();
    // Repeated, because Redis may be late on a busy machine, and is then ignored for a moment.
    let deadline = Instant::now() + Duration::from_secs(20);
    let (created, lives_ms) = loop {
        let created = test.send(ordering(&asha, &[("rice", 2)])).await.expect(202);
        let key = format!("thali:test:order:{}", created.text("order_id"));
        let lives_ms: i64 = connection.pttl(key).expect("it answers");
        if lives_ms >= 0 {
            break (created, lives_ms);
        }
        assert!(Instant::now() < deadline, "a placed order is never cached");
        test.advance(SignedDuration::from_millis(1));
    };
    assert!((540_000..=600_000).contains(&lives_ms), "{lives_ms}");
    let path = format!("/api/orders/{}", created.text("order_id"));
    // The cached answer equals the one before it, and the one without a cache.
    let read = async |app: &App| {
        let answer = test.send_to(app, Call::get(&path).bearer(&asha.token)).await.expect(200);
        (answer.body.clone(), answer.header("x-cache") == "hit")
    };
    assert_hit(created.body.clone(), async || read(&test.app).await).await;
    let without = test.another_process(&[("REDIS_URL", "")]);
    assert_eq!(read(&without).await, (created.body.clone(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cached_when_it_is_read() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order = placed(&test, &asha).await;
    assert_read(&test, &asha, &order, "Pending").await;
    assert_cached(&test, &asha, &order, "Pending").await;
    test.redis.flush();
    assert_read(&test, &asha, &order, "Pending").await;
    assert_cached(&test, &asha, &order, "Pending").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_rules_are_the_same_for_cached_and_uncached_orders() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let binod = test.student("binod@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let staff = test.staff_of(&test.mess_id, "staff@example.com").await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other = MessId::parse("mess_other").expect("an id");
    let stranger = test.owner_of(&other, "stranger@example.com").await;
    let strange_staff = test.staff_of(&other, "strange@example.com").await;
    let order = placed(&test, &asha).await;
    let assert_refused = async || {
        for refused in [&binod, &stranger, &strange_staff] {
            let answer = test.send(read_order(refused, &order)).await;
            assert_eq!(answer.problem(404), "order_not_found", "{}", refused.email);
        }
    };
    assert_refused().await;
    for allowed in [&asha, &owner, &staff] {
        assert_cached(&test, allowed, &order, "Pending").await;
        assert_refused().await;
    }
    // Nor is the order found under another mess, whatever Redis has.
    let elsewhere = cached::read(&test.app, &other, order.order_id).await.expect("read");
    assert_eq!(elsewhere, (None, false));
    assert_cached(&test, &asha, &order, "Pending").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_cannot_read_a_cached_order() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let binod = test.student("binod@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let (hers, his) = (placed(&test, &asha).await, placed(&test, &binod).await);
    for (student, order) in [(&asha, &hers), (&binod, &his)] {
        assert_read(&test, student, order, "Pending").await;
        assert_cached(&test, student, order, "Pending").await;
    }
    let logout = Call::post("/student/logout", &json!({})).bearer(&asha.token);
    test.send(logout).await.expect(204);
    let block = format!("/api/v1/students/{}/block", binod.account_id);
    test.send(Call::post(&block, &json!({})).bearer(&owner.token)).await.expect(200);
    for (student, order) in [(&asha, &hers), (&binod, &his)] {
        let answer = test.send(read_order(student, order)).await;
        assert_eq!(answer.problem(401), "unauthenticated");
    }
    // The orders are still in the cache.
    assert_cached(&test, &owner, &his, "Pending").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_visible_at_once_and_stale_readers_cache_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order = placed(&test, &asha).await;
    assert_read(&test, &asha, &order, "Pending").await;

    let next = processed(&test, &order);
    cached::forget(&test.app, &next).await;
    // A reader who read before the write caches the old order before the write, or long after.
    cached::remember(&test.app, &order).await;
    assert_read(&test, &asha, &order, "Pending").await;
    write(&test, &order, &next).await;
    assert_read(&test, &asha, &order, "Processed").await;
    cached::remember(&test.app, &order).await;
    assert_cached(&test, &asha, &order, "Processed").await;
    // A repeated eviction by the writer does not drop the new order.
    cached::forget(&test.app, &next).await;
    assert_cached(&test, &asha, &order, "Processed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_evicted_before_a_refused_write_is_read_from_dynamodb() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order = placed(&test, &asha).await;
    assert_read(&test, &asha, &order, "Pending").await;
    cached::forget(
        &test.app,
        &order.cancelled(test.now()).expect("not too late").expect("pending"),
    )
    .await;
    for _ in 0..3 {
        assert_read(&test, &asha, &order, "Pending").await;
    }
    let order = process(&test, &test.app, &order).await;
    assert_read(&test, &asha, &order, "Processed").await;
    assert_cached(&test, &asha, &order, "Processed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_pending_order_is_trusted_for_five_seconds_others_longer() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order = placed(&test, &asha).await;
    cached::remember(&test.app, &order).await;
    test.advance(SignedDuration::from_secs(5));
    assert_cached(&test, &asha, &order, "Pending").await;
    // In the meantime a process that cannot reach Redis writes the order as processed.
    write(&test, &order, &processed(&test, &order)).await;
    assert_cached(&test, &asha, &order, "Pending").await;
    test.advance(SignedDuration::from_millis(1));
    assert_read(&test, &asha, &order, "Processed").await;
    test.advance(SignedDuration::from_mins(9));
    assert_cached(&test, &asha, &order, "Processed").await;

    let waiting = placed(&test, &asha).await;
    test.advance(SignedDuration::from_secs(6));
    for _ in 0..2 {
        assert_read(&test, &asha, &waiting, "Pending").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_every_read_is_a_correct_miss() {
    let test = TestApp::start().await;
    let without = test.another_process(&[("REDIS_URL", "")]);
    let asha = test.student("asha@example.com").await;
    let order = placed(&test, &asha).await;
    let read = async || seen(&test, &without, &asha, &order).await;
    for _ in 0..2 {
        assert_eq!(read().await, ("Pending".to_owned(), false));
    }
    process(&test, &without, &order).await;
    assert_eq!(read().await, ("Processed".to_owned(), false));
}

/// Redis stops before the order is placed, before it is read, before it changes, or before it is
/// read again. Then it restarts empty.
#[tokio::test(flavor = "multi_thread")]
async fn every_read_is_correct_whenever_redis_stops() {
    for gone_before in 0..4 {
        let mut test = TestApp::start().await;
        let asha = test.student("asha@example.com").await;
        test.seed_item("rice", 1, &[100]).await;
        let stop_if = |test: &mut TestApp, step| {
            if step == gone_before {
                test.redis.stop();
            }
        };
        stop_if(&mut test, 0);
        let created = test.send(ordering(&asha, &[("rice", 2)])).await.expect(202);
        let order_id = created.text("order_id").parse().expect("an id");
        let order = test.app.store.order_get(&test.mess_id, order_id).await;
        let order = order.expect("read").expect("there");
        stop_if(&mut test, 1);
        let (status, hit) = seen(&test, &test.app, &asha, &order).await;
        assert_eq!(status, "Pending", "{gone_before}");
        assert!(!(hit && gone_before <= 1), "{gone_before}: a hit without a Redis");
        stop_if(&mut test, 2);
        process(&test, &test.app, &order).await;
        stop_if(&mut test, 3);
        for _ in 0..2 {
            assert_read(&test, &asha, &order, "Processed").await;
        }
        test.redis.restart();
        assert_cached(&test, &asha, &order, "Processed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_possible_order_is_cached_completely() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut order = placed(&test, &asha).await;
    let line = |number: usize| OrderLine {
        sku: Sku::parse(&format!("{number:040}")).expect("a SKU"),
        name: ItemName::parse(&"\u{1f35b}".repeat(80)).expect("a name"),
        quantity: 1_000,
        price_tokens: PriceTokens::try_from(i64::from(ORDER_TOKENS_MAX)).expect("a price"),
    };
    order.lines = (0..ORDER_ITEMS_MAX).map(line).collect();
    order.status = OrderStatus::Processed;
    order.version = 2;
    let purchase = |number: u16| {
        let id = RazorpayOrderId::parse(&format!("order_{number:040}")).expect("an id");
        (id, BTreeSet::from([500]))
    };
    order.tokens = (0..ORDER_TOKENS_MAX).map(purchase).collect::<BTreeMap<_, _>>();
    cached::remember(&test.app, &order).await;
    let (found, hit) = cached::read(&test.app, &test.mess_id, order.order_id).await.expect("read");
    assert!(hit);
    assert_eq!(found, Some(order));
}
