//! Rate limits of every endpoint: one request too many is refused, and other callers are not
//! affected.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_platform::http::Rate;

use super::{FIRST_MESS, Staffed, person, samples, token};
use crate::api::accounts::rate_limits::{REDIS_PAUSE, ROUNDS, assert_limited, passing, strict};
use crate::support::{Call, Sample, TestApp};

/// The sample's first call with an empty JSON object as body, so that the endpoint refuses the
/// call if the rate limit does not.
fn refused_call(sample: &Sample) -> Call {
    let call = sample.calls().remove(0);
    if sample.json().is_some() { call.sending("{}") } else { call }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_public_endpoint_limits_requests_per_address_to_its_rate() {
    let test = strict().await;
    let mut visited = 0;
    for sample in samples() {
        let limit = match sample.endpoint.rate {
            Rate::PerAddress(limit) | Rate::FailuresPerAddress(limit) => limit,
            Rate::UnfinishedPerAddress(limits) => limits.failures,
            _ => continue,
        };
        let limit = usize::try_from(limit).expect("small");
        let from = |address: String| {
            let call = refused_call(&sample).sent_from(&address);
            move || call.clone()
        };
        let (call, refused) =
            passing(&test, limit, |round| from(format!("198.51.100.{round}"))).await;
        assert_limited(&refused, 60_u64.div_ceil(limit as u64));
        let others = test.send(call().sent_from("203.0.113.9")).await;
        assert_ne!(others.status, 429, "{}", sample.endpoint.name);
        test.advance(SignedDuration::from_mins(1));
        assert_ne!(test.send(call()).await.status, 429, "{}", sample.endpoint.name);
        visited += 1;
    }
    assert!(visited > 5, "{visited} endpoints are public");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_with_the_same_rate_share_one_counter_per_account() {
    let test = strict().await;
    let mut endpoints: BTreeMap<u32, Vec<Sample>> = BTreeMap::new();
    for sample in samples() {
        if let Rate::PerAccount(limit) = sample.endpoint.rate {
            endpoints.entry(limit).or_default().push(sample);
        }
    }
    for (limit, samples) in endpoints {
        // An endpoint of students only, or else one of staff and perhaps of others.
        let access = |sample: &&Sample| sample.endpoint.access;
        let of_students = samples.iter().find(|it| access(it).role() == Some(Role::Student));
        let role = if of_students.is_some() { Role::Student } else { Role::Staff };
        let of_staff = samples.iter().find(|it| access(it).admits(Role::Staff));
        let filling = of_students.or(of_staff).expect("an endpoint of students or of staff");
        let mut students = Vec::new();
        for _ in 0..ROUNDS {
            let student = person(&test, FIRST_MESS, role, AccountStatus::Active).await;
            students.push((token(&test, &student).await, student));
        }
        let full = Cell::new(0);
        let round = |number: usize| {
            full.set(number);
            let call = refused_call(filling).bearer(&students[number].0);
            move || call.clone()
        };
        let most = usize::try_from(limit).expect("small");
        let (call, refused) = passing(&test, most, round).await;
        assert_limited(&refused, 60_u64.div_ceil(limit.into()));

        let (_, full) = &students[full.get()];
        let others = Staffed::of(&test, FIRST_MESS).await;
        for sample in &samples {
            let (name, access) = (sample.endpoint.name, sample.endpoint.access);
            if access.admits(role) {
                let again = refused_call(sample).bearer(&token(&test, full).await);
                assert_eq!(test.send(again).await.problem(429), "rate_limited", "{name}");
            }
            let other = refused_call(sample).bearer(&token(&test, others.allowed(access)).await);
            assert_ne!(test.send(other).await.status, 429, "{name}");
        }
        test.advance(SignedDuration::from_mins(1));
        assert_ne!(test.send(call()).await.status, 429, "{limit} a minute");
    }
}

/// The Redis commands since the last call of this function, and the count of each.
fn asked(test: &TestApp) -> BTreeMap<String, u64> {
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    let stats: String =
        redis::cmd("INFO").arg("commandstats").query(&mut connection).expect("statistics");
    redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut connection).expect("forgotten");
    let count = |line: &str| {
        let (command, stats) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = stats.split(',').next()?.parse().ok()?;
        (!["info", "config|resetstat", "client|setinfo"].contains(&command))
            .then(|| (command.to_owned(), calls))
    };
    stats.lines().filter_map(count).collect()
}

/// Sends a call ten times and asserts that Redis received the `expected` commands. Repeats
/// this if they differ, because the app skips Redis for a moment after a slow response.
async fn assert_redis_commands(test: &TestApp, call: &Call, expected: &[(&str, u64)]) {
    let expected: BTreeMap<String, u64> =
        expected.iter().map(|(command, calls)| ((*command).to_owned(), *calls)).collect();
    let mut last = BTreeMap::new();
    for _ in 0..ROUNDS {
        test.send(call.clone()).await;
        asked(test);
        for _ in 0..10 {
            test.send(call.clone()).await;
        }
        last = asked(test);
        if last == expected {
            return;
        }
        tokio::time::sleep(REDIS_PAUSE).await;
    }
    panic!("{} {}: {last:?} instead of {expected:?}", call.method(), call.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_session_and_cached_response_cost_one_round_trip_each() {
    let test = TestApp::start().await;
    let student = person(&test, FIRST_MESS, Role::Student, AccountStatus::Active).await;
    // The script reads the bucket and writes it.
    let public = Call::get("/.well-known/jwks.json");
    assert_redis_commands(&test, &public, &[("evalsha", 10), ("get", 10), ("set", 10)]).await;
    let personal = Call::get("/student/token-data").bearer(&token(&test, &student).await);
    assert_redis_commands(&test, &personal, &[("evalsha", 10), ("get", 20), ("set", 10)]).await;
    // Reading the cache is one more script, which also reads the time.
    let cached = Call::get("/student/tokens").bearer(&token(&test, &student).await);
    let expected = [("evalsha", 20), ("get", 30), ("set", 10), ("time", 10)];
    assert_redis_commands(&test, &cached, &expected).await;
}
