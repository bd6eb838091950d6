//! What holds for every endpoint: who is let in, which bodies are read, which headers an
//! answer has, how often one may ask, and that a refusal gives nothing away.

use std::time::{Duration, Instant};

use serde_json::json;
use thali_domain::identity::Role;
use thali_functions::ENDPOINTS;
use thali_platform::app::App;
use thali_platform::http::{Access, Endpoint};

use super::accounts::{invited, waiting};
use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, TestApp};

/// Every path of every endpoint that is chosen.
fn routes(chosen: impl Fn(&Endpoint) -> bool) -> Vec<Call> {
    let chosen = ENDPOINTS.iter().filter(|endpoint| chosen(endpoint));
    let routes: Vec<Call> = chosen
        .flat_map(|endpoint| {
            endpoint.paths.iter().map(|path| Call::new(endpoint.method.as_str(), path))
        })
        .collect();
    assert!(!routes.is_empty(), "there are such endpoints");
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_that_needs_a_session_refuses_nobody() {
    let test = TestApp::start().await;
    for call in routes(|endpoint| endpoint.access.needs_session()) {
        let shown = format!("{} {}", call.method(), call.path());
        for call in [call.clone(), call.bearer("garbage")] {
            let answer = test.send(call).await;
            assert_eq!(answer.status, 401, "{shown}");
            assert_eq!(answer.problem(401), "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_of_a_role_refuses_the_other_roles() {
    let test = TestApp::start().await;
    let student = test.student("student@example.com").await;
    let staff = invited(&test, "staff@example.com", Role::Staff).await;
    let owner = invited(&test, "owner@example.com", Role::Owner).await;
    let mut refused = 0;
    for (person, own) in
        [(student, Access::Student), (staff, Access::Staff), (owner, Access::Owner)]
    {
        let roles = [Access::Student, Access::Staff, Access::Owner];
        let others =
            |endpoint: &&&Endpoint| roles.contains(&endpoint.access) && endpoint.access != own;
        for endpoint in ENDPOINTS.iter().filter(others) {
            let call = Call::new(endpoint.method.as_str(), endpoint.paths[0]).bearer(&person.token);
            let answer = test.send(call).await;
            assert_eq!(answer.status, 403, "{} as {own:?}", endpoint.name);
            assert_eq!(answer.problem(403), "wrong_role");
            refused += 1;
        }
    }
    assert!(refused > 0, "there are endpoints of a role");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_student_endpoint_refuses_who_waits_for_approval() {
    let test = TestApp::start().await;
    let asha = waiting(&test, "asha@example.com", "mess_strict").await;
    for call in routes(|endpoint| endpoint.access == Access::Student) {
        let answer = test.send(call.bearer(&asha.token)).await;
        assert_eq!(answer.problem(403), "not_approved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_json_body_is_read_strictly() {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await.token;
    let owner = test.owner("owner@example.com").await.token;
    let large = json!({ "note": "x".repeat(64 * 1024) }).to_string();
    let reads_json = |endpoint: &&&Endpoint| endpoint.docs.body.is_some();
    let routes = ENDPOINTS.iter().filter(reads_json);
    for (endpoint, path) in routes.flat_map(|it| it.paths.iter().map(move |path| (it, path))) {
        let token = if endpoint.access == Access::Owner { &owner } else { &student };
        let send = async |content_type: &str, body: &str| {
            let call = Call::with_body(endpoint.method.as_str(), path, content_type, body);
            let answer = test.send(call.bearer(token)).await;
            assert!(answer.status < 500, "{path}: {}", answer.body);
            answer
        };
        let absent = (!endpoint.docs.body_may_be_absent).then_some("");
        let broken = ["{", "{\"email\": ", "{}{}", "{'a': 1}", "\u{0}", "{\"a\": 01}"];
        for body in broken.into_iter().chain(absent) {
            let answer = send("application/json", body).await;
            assert_eq!(answer.problem(400), "malformed_json", "{path} {body}");
        }
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "json"] {
            let answer = send(content_type, "{}").await;
            assert_eq!(answer.problem(415), "unsupported_media_type", "{path} {content_type}");
        }
        assert_eq!(send("application/json", &large).await.problem(413), "body_too_large");
        let answer = send("Application/JSON; charset=utf-8", r#"{"surprise": 1}"#).await;
        assert!(answer.wrong_fields().contains(&"surprise"), "{path}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_64_kib_is_read_and_one_byte_more_is_not() {
    let test = TestApp::start().await;
    let body = |bytes: usize| {
        let body = json!({ "email": "asha@example.com", "password": PASSWORD }).to_string();
        body.clone() + &" ".repeat(bytes - body.len())
    };
    let call = |bytes| Call::post_raw("/sign-up", "application/json", &body(bytes));
    test.send(call(64 * 1024)).await.expect(202);
    assert_eq!(test.send(call(64 * 1024 + 1)).await.problem(413), "body_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_request_id_and_the_headers_of_safety() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut answers = Vec::new();
    for call in routes(|_| true) {
        answers.push(test.send(call.clone()).await);
        answers.push(test.send(call.header("x-request-id", "mine").bearer(&asha.token)).await);
    }
    answers.push(test.log_in("asha@example.com").await.expect(200));
    answers.push(test.sign_up("binod@example.com").await.expect(202));
    let mut ids = std::collections::HashSet::new();
    for answer in &answers {
        let id = answer.header("x-request-id");
        assert!(id.starts_with("request-") && ids.insert(id.to_owned()), "the gateway's: {id}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("strict-transport-security").starts_with("max-age=31536000"));
        let cached = answer.body["keys"].is_array() || answer.body["openapi"].is_string();
        let expected = if cached { "public, max-age=300" } else { "no-store" };
        assert_eq!(answer.header("cache-control"), expected, "{}", answer.body);
        if answer.status >= 400 {
            let status = answer.status;
            answer.problem(status);
            assert_eq!(answer.body["request_id"], id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_sent_comes_back_in_a_refusal() {
    let test = TestApp::start().await;
    let asha = test.student("asha.private@example.com").await;
    let secrets = ["asha.private", "rice and dal", "918273", "inv1te", "example.com"];
    for (path, body) in [
        ("/sign-up", json!({ "email": 918_273, "password": { "rice and dal": 1 } })),
        (
            "/sign-up",
            json!({ "email": "asha.private@", "password": "rice and dal", "room_no": 918_273 }),
        ),
        ("/sign-up", json!({ "email": "asha.private@example.com", "password": 918_273 })),
        ("/sign-up", json!({ "email": "asha.private@example.com", "password": "asha.private" })),
        (
            "/sign-up",
            json!({ "email": ["asha.private@example.com"], "password": ["rice and dal"] }),
        ),
        ("/sign-up", json!({ "role": "rice and dal, expected asha.private", "mess_id": "inv1te" })),
        (
            "/sign-up",
            json!({ "email": "b@b.in", "password": PASSWORD, "confirm_password": "918273" }),
        ),
        (
            "/sign-up",
            json!({ "email": "b@b.in", "password": PASSWORD, "role": "staff", "invite_code": "inv1te" }),
        ),
        ("/sign-up", json!({ "email": "b@b.in", "password": PASSWORD, "invite_code": 918_273 })),
        ("/sign-up", json!("asha.private@example.com at line 5")),
        ("/sign-up/otp-verify", json!({ "email": "asha.private@example.com", "otp": 918_273 })),
        ("/sign-up/otp-verify", json!({ "email": "asha.private@example.com", "otp": "918273" })),
        ("/sign-up/otp-verify", json!({ "registration_id": "918273", "otp": 918_273.5 })),
        ("/login", json!({ "email": "asha.private@example.com", "password": "rice and dal" })),
        ("/login", json!({ "username": "rice and dal", "password": 918_273 })),
        ("/login", json!({ "username": ["918273"], "password": "rice and dal", "role": "918273" })),
        ("/student/token-submission", json!({ "count": "918273", "security_code": 918_273 })),
        ("/student/token-submission", json!({ "count": 1, "security_code": "918273" })),
        ("/create-order", json!({ "token_count": "918273" })),
    ] {
        let answer = test.send(Call::post(path, &body).bearer(&asha.token)).await;
        assert!((400..500).contains(&answer.status), "{path} {body}");
        let told = answer.body.to_string();
        for secret in secrets {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
    let half = r#"{"email": "asha.private@example.com", "password": "rice and dal" "#;
    let answer = test.send(Call::post_raw("/login", "application/json", half)).await;
    assert_eq!(answer.problem(400), "malformed_json");
    assert!(secrets.iter().all(|secret| !answer.body.to_string().contains(secret)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_ours_says_nothing_but_its_request_id() {
    let test = TestApp::start().await;
    let broken = test.another_process(&[("TABLE_ACCOUNTS", "no-such-table")]);
    let answer = test.send_to(&broken, super::accounts::login("asha", PASSWORD)).await;
    assert_eq!(answer.problem(500), "internal");
    let told = answer.body.to_string();
    for internal in ["no-such-table", "DynamoDB", "ResourceNotFound"] {
        assert!(!told.contains(internal), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_reached_is_a_matter_of_trying_again() {
    let test = TestApp::start().await;
    let broken = test.without_database();
    let answer = test.send_to(&broken, super::accounts::login("asha", PASSWORD)).await;
    assert_eq!(answer.problem(503), "database_unavailable");
    assert_eq!(answer.header("retry-after"), "2");
}

async fn health(test: &TestApp, app: &App) -> Answer {
    test.send_to(app, Call::get("/health")).await.expect(200)
}

/// Waits until health says `status`.
async fn health_becomes(test: &TestApp, status: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while health(test, &test.app).await.text("status") != status {
        assert!(Instant::now() < deadline, "health says {status}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_ok_degraded_without_its_redis_and_ok_again() {
    let mut test = TestApp::start().await;
    health_becomes(&test, "ok").await;
    test.redis.stop();
    let stopped = health(&test, &test.app).await;
    let checks = json!({ "database": "ok", "cache": "failing" });
    assert_eq!(stopped.body, json!({ "status": "degraded", "checks": checks }));
    test.redis.restart();
    health_becomes(&test, "ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_tells_a_redis_that_is_not_wanted_from_one_that_fails() {
    let test = TestApp::start().await;
    let without = test.another_process(&[("REDIS_URL", "")]);
    let checks = json!({ "database": "ok", "cache": "off" });
    assert_eq!(health(&test, &without).await.body, json!({ "status": "ok", "checks": checks }));
    let broken = test.another_process(&[("TABLE_ACCOUNTS", "no-such-table"), ("REDIS_URL", "")]);
    let checks = json!({ "database": "failing", "cache": "off" });
    let answer = health(&test, &broken).await;
    assert_eq!(answer.body, json!({ "status": "degraded", "checks": checks }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_endpoint_is_a_problem_like_every_refusal() {
    let test = TestApp::start().await;
    let nothing = json!({});
    for call in [
        Call::get("/nowhere"),
        Call::get("/login"),
        Call::post("/health", &nothing),
        Call::patch("/login", &nothing),
    ] {
        let answer = test.send(call).await;
        assert_eq!(answer.problem(404), "not_found");
        assert!(!answer.header("x-request-id").is_empty());
    }
}
