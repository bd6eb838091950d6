//! What the cache stores and refuses, on a real Redis: each entry has a version, and an older
//! version never replaces it.

use std::time::{Duration, Instant};

use redis::Commands;
use thali_domain::ids::{AccountId, OrderId};
use thali_platform::cache::{Cache, Entry};
use ulid::Ulid;

use crate::support::RedisServer;

const ACCOUNT: AccountId = AccountId::from_ulid(Ulid(7));
const ORDER: Entry = Entry::Order(OrderId::from_ulid(Ulid(7)));
const TOKENS: Entry = Entry::TokenCount(ACCOUNT);

fn cache(redis: &RedisServer) -> Cache {
    Cache::new(Some(&redis.url()), "test").expect("an address")
}

/// Calls Redis through a new cache, as a new process would. On a busy machine Redis may be late,
/// and the cache then ignores it for a moment. The version 0 shows this, and the call is repeated.
async fn ask<T>(redis: &RedisServer, call: impl AsyncFn(&Cache) -> T) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let cache = cache(redis);
        let answer = call(&cache).await;
        if cache.look::<String>(TOKENS).await.version > 0 {
            return answer;
        }
        assert!(Instant::now() < deadline, "Redis is always late");
    }
}

async fn found(redis: &RedisServer, entry: Entry) -> Option<String> {
    ask(redis, async |cache| cache.look(entry).await.found).await
}

/// The version of a lookup: the time on Redis' clock.
async fn asked_at(redis: &RedisServer) -> u64 {
    ask(redis, async |cache| cache.look::<String>(TOKENS).await.version).await
}

async fn keep(redis: &RedisServer, entry: Entry, version: u64, value: &str) {
    ask(redis, async |cache| cache.keep(entry, version, &value.to_owned()).await).await;
}

#[tokio::test]
async fn a_cached_entry_is_found_by_every_process_under_its_own_key() {
    let redis = RedisServer::start();
    assert_eq!(found(&redis, ORDER).await, None);
    keep(&redis, ORDER, 1, "as it is").await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some("as it is"));
    assert_eq!(found(&redis, TOKENS).await, None);
    assert_eq!(found(&redis, Entry::Order(OrderId::from_ulid(Ulid(8)))).await, None);
    let of_prod = Cache::new(Some(&redis.url()), "prod").expect("an address");
    assert_eq!(of_prod.look::<String>(ORDER).await.found, None);
}

#[tokio::test]
async fn an_older_version_never_replaces_a_newer_one() {
    let redis = RedisServer::start();
    keep(&redis, ORDER, 2, "two").await;
    keep(&redis, ORDER, 1, "one").await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some("two"));
    keep(&redis, ORDER, 2, "two again").await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some("two again"));
    // Versions are compared as numbers, not as text.
    keep(&redis, ORDER, 10, "ten").await;
    keep(&redis, ORDER, 9, "nine").await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some("ten"));
}

#[tokio::test]
async fn a_dropped_entry_is_gone_and_older_versions_are_not_cached() {
    let redis = RedisServer::start();
    let cache = cache(&redis);
    keep(&redis, ORDER, 1, "one").await;
    assert!(cache.drop_before(ORDER, 2).await);
    assert_eq!(found(&redis, ORDER).await, None);
    keep(&redis, ORDER, 1, "one").await;
    assert_eq!(found(&redis, ORDER).await, None);
    keep(&redis, ORDER, 2, "two").await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some("two"));
    // A late repetition does not drop the newer entry.
    assert!(cache.drop_before(ORDER, 2).await);
    assert!(cache.drop_before(ORDER, 1).await);
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some("two"));
}

#[tokio::test]
async fn a_drop_by_time_rejects_only_values_read_before_it() {
    let redis = RedisServer::start();
    let cache = cache(&redis);
    let before = asked_at(&redis).await;
    assert!(cache.drop_now(TOKENS).await);
    keep(&redis, TOKENS, before, "too old").await;
    assert_eq!(found(&redis, TOKENS).await, None);
    let after = asked_at(&redis).await;
    assert!(after > before, "{after} follows {before}");
    keep(&redis, TOKENS, after, "good").await;
    assert_eq!(found(&redis, TOKENS).await.as_deref(), Some("good"));
    assert!(cache.drop_now(TOKENS).await);
    assert_eq!(found(&redis, TOKENS).await, None);
}

#[tokio::test]
async fn a_drop_by_time_survives_a_clock_set_back_and_equal_timestamps() {
    let redis = RedisServer::start();
    let cache = cache(&redis);
    let later = asked_at(&redis).await + 3_600_000_000;
    keep(&redis, TOKENS, later, "asked before the clock was set back").await;
    assert!(cache.drop_now(TOKENS).await);
    assert_eq!(found(&redis, TOKENS).await, None);

    // The tombstone is the exact time plus one microsecond: a reader of the same microsecond did
    // not see the change.
    let mut connection = redis.connection();
    let _: () = connection.del(format!("thali:test:tokens:{ACCOUNT}")).expect("it answers");
    let asked = asked_at(&redis).await;
    assert!(cache.drop_now(TOKENS).await);
    let tombstone: String =
        connection.get(format!("thali:test:tokens:{ACCOUNT}")).expect("it answers");
    let tombstone: u64 = tombstone.parse().expect("all digits, without an exponent");
    assert!((asked + 1..asked + 60_000_000).contains(&tombstone), "{tombstone} after {asked}");
    keep(&redis, TOKENS, tombstone - 1, "in the same microsecond").await;
    assert_eq!(found(&redis, TOKENS).await, None);
}

#[tokio::test]
async fn entries_and_tombstones_expire_after_ten_minutes() {
    let redis = RedisServer::start();
    let cache = cache(&redis);
    let mut connection = redis.connection();
    let mut ttl_of_all = || -> Vec<i64> {
        let keys: Vec<String> = connection.keys("thali:test:*").expect("it answers");
        keys.iter().map(|key| connection.pttl(key).expect("it answers")).collect()
    };
    keep(&redis, ORDER, 1, "one").await;
    keep(&redis, TOKENS, 1, "one").await;
    for _ in 0..2 {
        let lives = ttl_of_all();
        assert_eq!(lives.len(), 2);
        assert!(lives.iter().all(|ms| (540_000..=600_000).contains(ms)), "{lives:?}");
        cache.drop_before(ORDER, 2).await;
        cache.drop_now(TOKENS).await;
    }
}

#[tokio::test]
async fn an_unreadable_entry_is_a_miss_and_can_be_replaced() {
    let redis = RedisServer::start();
    let cache = cache(&redis);
    let mut connection = redis.connection();
    let key = format!("thali:test:order:{}", OrderId::from_ulid(Ulid(7)));
    for unreadable in ["", " ", "x", "1", "1 ", "1 {", "1 7", "-1 \"a\"", "1 \u{0}"] {
        let _: () = connection.set(&key, unreadable).expect("it answers");
        assert_eq!(found(&redis, ORDER).await, None, "{unreadable:?}");
        keep(&redis, ORDER, 1, "good").await;
        assert_eq!(found(&redis, ORDER).await.as_deref(), Some("good"), "{unreadable:?}");
        let _: () = connection.set(&key, unreadable).expect("it answers");
        assert!(cache.drop_before(ORDER, 2).await);
        keep(&redis, ORDER, 1, "old").await;
        assert_eq!(found(&redis, ORDER).await, None, "{unreadable:?}");
    }
}

#[tokio::test]
async fn an_entry_above_the_maximum_size_is_not_cached() {
    let redis = RedisServer::start();
    // The two quotation marks of the JSON count.
    let largest = "x".repeat(16 * 1024 - 2);
    keep(&redis, ORDER, 1, &largest).await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some(largest.as_str()));
    keep(&redis, ORDER, 2, &format!("{largest}x")).await;
    assert_eq!(found(&redis, ORDER).await.as_deref(), Some(largest.as_str()));
}

#[tokio::test]
async fn without_redis_lookups_miss_and_drops_succeed() {
    let cache = Cache::new(None, "test").expect("nothing to connect to");
    cache.keep(ORDER, 1, &"one").await;
    let looked = cache.look::<String>(ORDER).await;
    assert_eq!((looked.found, looked.version), (None, 0));
    assert!(cache.drop_before(ORDER, 1).await && cache.drop_now(TOKENS).await);
}

#[tokio::test]
async fn a_drop_reports_a_redis_failure_and_succeeds_after_recovery() {
    let mut redis = RedisServer::start();
    let cache = cache(&redis);
    keep(&redis, ORDER, 1, "one").await;
    redis.stop();
    assert!(!cache.drop_before(ORDER, 2).await && !cache.drop_now(TOKENS).await);
    let looked = cache.look::<String>(ORDER).await;
    assert_eq!((looked.found, looked.version), (None, 0));
    // The version of a lookup that Redis did not answer caches nothing.
    redis.restart();
    assert!(cache.drop_now(TOKENS).await, "the first call after the restart");
    keep(&redis, ORDER, looked.version, "one").await;
    let stored: Vec<String> = redis.connection().keys("thali:test:order:*").expect("it answers");
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test]
async fn a_broken_connection_is_replaced_without_a_failed_call() {
    let mut redis = RedisServer::start();
    let cache = cache(&redis);
    assert_eq!(cache.answers().await, Some(true));
    redis.restart();
    assert!(cache.drop_before(ORDER, 2).await);
    let mut connection = redis.connection();
    let killed = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).to_owned();
    let _: u64 = killed.query(&mut connection).expect("it answers");
    assert!(cache.drop_now(TOKENS).await);
    // The broken connection does not make the cache ignore Redis.
    assert_eq!(found(&redis, ORDER).await, None);
    let kept: Vec<String> = connection.keys("thali:test:*").expect("it answers");
    assert_eq!(kept.len(), 2, "{kept:?}");
}
