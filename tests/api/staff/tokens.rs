//! Staff tokens: creation, list, use, and immediate revocation.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::StaffTokenId;
use thali_platform::auth::staff_token::StaffTokenText;
use thali_platform::store::keys;

use crate::support::people::Student;
use crate::support::{Call, TestApp, Units};

fn create(owner: &Student, body: &Value) -> Call {
    Call::post("/api/v1/staff-tokens", body).bearer(&owner.token)
}

fn revoke(owner: &Student, id: &str) -> Call {
    Call::new("DELETE", &format!("/api/v1/staff-tokens/{id}")).bearer(&owner.token)
}

fn used(token: &str) -> Call {
    Call::get("/api/v1/mess").bearer(token)
}

/// Creates a token; returns its id and its text.
async fn made(test: &TestApp, owner: &Student) -> (String, String) {
    let body = json!({ "name": "Gate 1", "expires_in_days": 30 });
    let answer = test.send(create(owner, &body)).await.expect(201);
    (answer.text("staff_token_id").to_owned(), answer.text("token").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_stored_as_a_hash() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let body = json!({ "name": " Gate 1 ", "expiresInDays": 30 });
    let answer = test.send(create(&owner, &body)).await.expect(201);
    let (id, token) = (answer.text("staff_token_id"), answer.text("token"));
    let expires_at = (test.now() + SignedDuration::from_hours(720)).to_string();
    assert_eq!((answer.text("name"), answer.text("expires_at")), ("Gate 1", &*expires_at));
    assert!(id.starts_with("stk_") && token.starts_with("stf_") && token.len() >= 64, "{token}");

    let secret = token.rsplit_once('_').expect("it has parts").1;
    let key = keys::staff_token(&test.mess_id, id.parse().expect("an id"));
    let stored = test.dynamo.item("accounts", &key).await.to_string();
    assert!(!stored.contains(secret), "{stored}");
    let hash = test.dynamo.item("accounts", &key).await["token_hash"].clone();
    test.settle().await;
    let audited = format!("{:?}", test.dynamo.items("audit").await);
    assert!(audited.contains(id), "it is audited");
    for hidden in [secret, hash.as_str().expect("a hash")] {
        assert!(!audited.contains(hidden), "{audited}");
    }
    let list = test.list(&owner, "/api/v1/staff-tokens", 10).await;
    assert_eq!(
        list,
        [json!({
            "staff_token_id": id,
            "name": "Gate 1",
            "created_at": test.now().to_string(),
            "expires_at": expires_at,
        })]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_fields_of_a_new_token_are_named() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let refused = test.send(create(&owner, &json!({}))).await;
    assert_eq!(refused.wrong_fields(), ["expires_in_days", "name"]);
    for days in [json!(0), json!(366), json!(-1), json!("30"), json!(1.5), json!(null)] {
        let body = json!({ "name": "Gate 1", "expires_in_days": days });
        assert_eq!(test.send(create(&owner, &body)).await.wrong_fields(), ["expires_in_days"]);
    }
    for name in ["", " ", "two\nlines", &"x".repeat(101)] {
        let body = json!({ "name": name, "expires_in_days": 365 });
        assert_eq!(test.send(create(&owner, &body)).await.wrong_fields(), ["name"], "{name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_listed_in_pages_newest_first() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        test.advance(SignedDuration::from_millis(1));
        ids.push(made(&test, &owner).await.0);
    }
    let list = test.list(&owner, "/api/v1/staff-tokens", 3).await;
    let listed: Vec<&str> =
        list.iter().map(|it| it["staff_token_id"].as_str().expect("an id")).collect();
    ids.reverse();
    assert_eq!(listed, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_stored_once_a_minute_and_not_audited() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (_, token) = made(&test, &owner).await;
    test.settle().await;
    let audited = test.dynamo.items("audit").await.len();
    test.advance(SignedDuration::from_mins(5));
    let first_use = test.now().to_string();
    test.send(used(&token)).await.expect(200);
    // Redis knows the token now, so the database is not asked about the token.
    test.advance(SignedDuration::from_secs(10));
    let cost = test.cost_of(used(&token), 200).await;
    assert_eq!((cost.requests, cost.writes.table), (1, Units::of(0.0)), "{cost}");
    let list = test.list(&owner, "/api/v1/staff-tokens", 10).await;
    assert_eq!(list[0]["last_used_at"], first_use.as_str());
    test.settle().await;
    assert_eq!(test.dynamo.items("audit").await.len(), audited);

    // Without Redis, each request reads the token, and one request a minute stores the use.
    let process = test.another_process(&[("REDIS_URL", "")]);
    test.send_to(&process, used(&token)).await.expect(200);
    let list = test.list(&owner, "/api/v1/staff-tokens", 10).await;
    assert_eq!(list[0]["last_used_at"], first_use.as_str());
    test.advance(SignedDuration::from_secs(50));
    test.send_to(&process, used(&token)).await.expect(200);
    let list = test.list(&owner, "/api/v1/staff-tokens", 10).await;
    assert_eq!(list[0]["last_used_at"], test.now().to_string().as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_revoked_or_expired_token_costs_no_write() {
    let mut test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (genuine, expired) =
        (test.device("Gate 1").await, test.device_until(&test.mess_id, "Gate 2", test.now()).await);
    let revoked = test.device("Gate 3").await;
    test.send(revoke(&owner, &revoked.id.to_string())).await.expect(204);
    test.redis.stop();
    let drawn = |id| StaffTokenText::draw(test.mess_id.clone(), id).expose();
    let unknown = StaffTokenId::from_ulid(test.app.clock.ulid());
    for token in [drawn(unknown), drawn(genuine.id), expired.token, revoked.token] {
        let cost = test.cost_of(used(&token), 401).await;
        assert_eq!((cost.requests, cost.writes.table), (1, Units::of(0.0)), "{cost}");
    }
    // The first use of a genuine token is written, and no use within the next minute.
    for (after, requests, writes) in [(0, 3, 1.0), (59, 2, 0.0), (1, 3, 1.0), (0, 2, 0.0)] {
        test.advance(SignedDuration::from_secs(after));
        let cost = test.cost_of(used(&genuine.token), 200).await;
        assert_eq!((cost.requests, cost.writes.table), (requests, Units::of(writes)), "{cost}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_at_once_and_stays_listed() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (id, token) = made(&test, &owner).await;
    let other = test.another_process(&[]);
    test.send_to(&other, used(&token)).await.expect(200);
    let revoked_at = test.now().to_string();
    test.send(revoke(&owner, &id)).await.expect(204);
    for app in [&test.app, &other, &test.another_process(&[("REDIS_URL", "")])] {
        assert_eq!(test.send_to(app, used(&token)).await.problem(401), "unauthenticated");
    }
    test.advance(SignedDuration::from_mins(1));
    test.send(revoke(&owner, &id)).await.expect(204);
    let list = test.list(&owner, "/api/v1/staff-tokens", 10).await;
    assert_eq!(list[0]["revoked_at"], revoked_at.as_str(), "a repeat changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_survives_a_flush_stop_or_restart_of_redis() {
    let mut test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (first, second) = (made(&test, &owner).await, made(&test, &owner).await);
    for (_, token) in [&first, &second] {
        test.send(used(token)).await.expect(200);
    }
    test.send(revoke(&owner, &first.0)).await.expect(204);
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    redis::cmd("FLUSHALL").exec(&mut connection).expect("emptied");
    assert_eq!(test.send(used(&first.1)).await.problem(401), "unauthenticated");
    test.redis.stop();
    assert_eq!(test.send(used(&first.1)).await.problem(401), "unauthenticated");
    test.send(used(&second.1)).await.expect(200);
    test.send(revoke(&owner, &second.0)).await.expect(204);
    assert_eq!(test.send(used(&second.1)).await.problem(401), "unauthenticated");
    test.redis.restart();
    for (_, token) in [&first, &second] {
        assert_eq!(test.send(used(token)).await.problem(401), "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_read_before_a_revocation_does_not_revive_the_token() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (id, token) = made(&test, &owner).await;
    let presented = StaffTokenText::parse(&token).expect("ours");
    let seen =
        test.app.store.staff_token_use(&presented, test.now()).await.expect("read").expect("good");
    test.send(revoke(&owner, &id)).await.expect(204);
    // Only now does the slow request store the token in Redis.
    test.app.cache.staff_token_mark_live(&seen).await;
    assert_eq!(test.send(used(&token)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_use_concurrent_with_a_revocation_keeps_the_token_valid() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for _ in 0..5 {
        let (id, token) = made(&test, &owner).await;
        let mut calls = vec![revoke(&owner, &id)];
        calls.extend((0..8).map(|_| used(&token)));
        let answers = test.send_together(calls).await;
        answers[0].clone().expect(204);
        for answer in &answers[1..] {
            assert!([200, 401].contains(&answer.status), "{}", answer.body);
        }
        assert_eq!(test.send(used(&token)).await.problem(401), "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_cached_in_redis_still_expires_on_time() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let body = json!({ "name": "Gate 1", "expires_in_days": 1 });
    let answer = test.send(create(&owner, &body)).await.expect(201);
    let token = answer.text("token");
    test.advance(SignedDuration::from_hours(24) - SignedDuration::from_millis(1));
    test.send(used(token)).await.expect(200);
    test.advance(SignedDuration::from_millis(1));
    for app in [&test.app, &test.another_process(&[("REDIS_URL", "")])] {
        assert_eq!(test.send_to(app, used(token)).await.problem(401), "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_send_300_requests_a_minute_across_all_endpoints() {
    let test = TestApp::start_with("RATE_LIMIT_FACTOR", "1").await;
    let (full, other) = (test.device("Gate 1").await, test.device("Gate 2").await);
    let mut refused = None;
    // A slow Redis on a busy machine lets some requests pass uncounted.
    for number in 0..900 {
        let call = if number % 2 == 0 { used(&full.token) } else { full.counts("?meal=LUNCH") };
        let answer = test.send(call).await;
        if answer.status == 429 {
            refused = Some(number);
            break;
        }
    }
    assert!(refused.is_some_and(|number| number >= 300), "{refused:?}");
    test.send(used(&other.token)).await.expect(200);
    test.advance(SignedDuration::from_mins(1));
    test.send(used(&full.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_can_hand_over_an_order_and_is_recorded_as_actor() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 3).await;
    test.seed_item("rice", 3, &[10]).await;
    let order = test.processed(&asha, "rice").await;
    let device = test.device("Gate 1").await;
    let path = format!("/api/orders/{}", order.order_id);
    let read = test.send(Call::get(&path).bearer(&device.token)).await.expect(200);
    assert_eq!(read.body["status"], "Processed");
    let menu = test.send(Call::get("/api/items").bearer(&device.token)).await.expect(200);
    assert_eq!(menu.body["items"][0]["sku"], "rice");
    let collect = Call::post(&format!("{path}/collect"), &json!({})).bearer(&device.token);
    assert_eq!(test.send(collect).await.expect(200).body["status"], "Collected");
    let stored = test.dynamo.item("orders", &keys::order(&test.mess_id, order.order_id)).await;
    assert_eq!(stored["actor"], device.id.to_string().as_str());
}
