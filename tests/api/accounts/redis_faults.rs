//! Redis stops, hangs and comes back: answers become slower but stay correct.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{logged_in, read};
use crate::support::{Call, TestApp};

/// Logs in, reads, refreshes and logs out; then the token is refused.
async fn log_in_read_and_log_out(test: &TestApp, email: &str) {
    let session = logged_in(test.log_in(email).await);
    test.send(read(&session.token)).await.expect(200);
    test.send(Call::get("/student/token-data").bearer(&session.token)).await.expect(200);
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&session.cookie);
    let session = logged_in(test.send(refresh).await);
    let logout = Call::post("/api/auth/logout", &json!({})).bearer(&session.token);
    test.send(logout).await.expect(204);
    assert_eq!(test.send(read(&session.token)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_succeed_while_redis_is_stopped_and_after_it_restarts() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.redis.stop();
    test.send(read(&asha.token)).await.expect(200);
    log_in_read_and_log_out(&test, "asha@example.com").await;
    test.sign_up_and_verify("binod@example.com").await.expect(201);
    test.redis.restart();
    test.send(read(&asha.token)).await.expect(200);
    log_in_read_and_log_out(&test, "asha@example.com").await;

    // Redis is used again: it caches the session of a read.
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        test.send(read(&asha.token)).await.expect(200);
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("thali:test:session:*")
            .query(&mut connection)
            .expect("it answers");
        let live = keys.iter().any(|key| {
            let state: Option<String> =
                redis::cmd("GET").arg(key).query(&mut connection).expect("it answers");
            state.as_deref() == Some("live")
        });
        if live {
            break;
        }
        assert!(Instant::now() < deadline, "Redis is used again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_redis_slows_one_request_but_not_every_one() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    let pause = redis::cmd("CLIENT").arg(&["PAUSE", "60000", "ALL"]).exec(&mut connection);
    pause.expect("it hangs from now on");
    let started = Instant::now();
    for _ in 0..20 {
        test.send(read(&asha.token)).await.expect(200);
    }
    // Twenty timeouts for the rate limit and twenty for the session would take more than three
    // seconds. The first timeout spares the others.
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    log_in_read_and_log_out(&test, "asha@example.com").await;
}
