//! Logout: the session ends at once, on this device only, whatever happens to Redis.

use serde_json::json;
use thali_domain::accounts::identity::Role;
use thali_platform::app::App;

use super::{invited, logged_in, read, waiting};
use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn logout(student: &Student) -> Call {
    Call::post("/student/logout", &json!({})).bearer(&student.token)
}

/// Asserts that a session has ended in this process, in another one, and without a cache.
async fn assert_over(test: &TestApp, student: &Student) {
    let apps: [&App; 3] =
        [&test.app, &test.another_process(&[]), &test.another_process(&[("REDIS_URL", "")])];
    for app in apps {
        let answer = test.send_to(app, read(&student.token)).await;
        assert_eq!(answer.problem(401), "unauthenticated");
        let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&student.cookie);
        assert_eq!(test.send_to(app, refresh).await.problem(401), "refresh_expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_the_session_everywhere_at_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let other = test.another_process(&[]);
    test.send_to(&other, read(&asha.token)).await.expect(200);
    let answer = test.send(logout(&asha)).await.expect(204);
    assert!(answer.body.is_null());
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("thali_refresh=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert!(cookie.contains("Path=/api/auth"), "{cookie}");
    assert_eq!(test.send_to(&other, read(&asha.token)).await.problem(401), "unauthenticated");
    assert_over(&test, &asha).await;
    assert_eq!(test.send(logout(&asha)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_without_redis_ends_the_session_at_once() {
    let test = TestApp::start_with("REDIS_URL", "").await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.send(logout(&asha)).await.expect(204);
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_survives_a_redis_flush_and_restart() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.send(logout(&asha)).await.expect(204);
    let client = redis::Client::open(test.redis.url()).expect("an address");
    let mut connection = client.get_connection().expect("it runs");
    redis::cmd("FLUSHALL").exec(&mut connection).expect("emptied");
    assert_over(&test, &asha).await;
    test.redis.restart();
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_while_redis_is_down_persists_after_it_recovers() {
    let mut test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.send(read(&asha.token)).await.expect(200);
    test.redis.stop();
    test.send(logout(&asha)).await.expect(204);
    assert_over(&test, &asha).await;
    test.redis.restart();
    assert_over(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_on_one_device_keeps_the_other_logged_in() {
    let test = TestApp::start().await;
    let phone = test.student("asha@example.com").await;
    let laptop = logged_in(test.log_in("asha@example.com").await);
    test.send(logout(&phone)).await.expect(204);
    assert_over(&test, &phone).await;
    test.send(read(&laptop.token)).await.expect(200);
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&laptop.cookie);
    test.send(refresh).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_logged_in_can_log_out_through_every_path() {
    let test = TestApp::start().await;
    let paths = [
        "/student/logout",
        "/student/logout/",
        "/owner/logout",
        "/owner/logout/",
        "/api/auth/logout",
    ];
    let people = [
        test.student("student@example.com").await,
        invited(&test, "owner@example.com", Role::Owner).await,
        waiting(&test, "waiting@example.com", "mess_strict").await,
    ];
    for (path, person) in paths.into_iter().zip(people.iter().cycle()) {
        let mess = person.email.starts_with("waiting").then_some("mess_strict");
        let body = json!({
            "email": person.email, "password": crate::support::people::PASSWORD, "mess_id": mess,
        });
        let session = logged_in(test.send(Call::post("/login", &body)).await);
        let call = Call::post(path, &json!({})).bearer(&session.token);
        test.send(call).await.expect(204);
        assert_over(&test, &session).await;
    }
}
