//! HTTP basics: the longest body, request ids, internal errors, health, and that a refusal reveals
//! nothing. Rules for every endpoint are in [`super::security`].

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;
use thali_functions::endpoints;
use thali_platform::app::App;

use crate::support::people::PASSWORD;
use crate::support::{Answer, Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_64_kib_is_accepted_and_a_longer_one_refused() {
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
async fn request_ids_come_from_the_gateway_and_are_unique() {
    let test = TestApp::start().await;
    let mut ids = HashSet::new();
    for _ in 0..3 {
        let answer = test.send(Call::get("/health").header("x-request-id", "mine")).await;
        let id = answer.header("x-request-id").to_owned();
        assert!(id.starts_with("request-") && ids.insert(id.clone()), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_has_the_name_and_the_bounds_of_its_rule() {
    let test = TestApp::start().await;
    let body = json!({
        "email": "asha", "password": "tiny", "room_no": "", "name": 5, "shoe_size": 40,
        "confirm_password": "other",
    });
    let refused = test.send(Call::post("/sign-up", &body)).await;
    assert_eq!(refused.problem(422), "invalid_fields");
    let errors = refused.body["errors"].as_array().expect("a list");
    let of = |field: &str| {
        let found = errors.iter().find(|it| it["field"] == field);
        let found = found.unwrap_or_else(|| panic!("{field} in {errors:?}")).clone();
        (found["rule"].clone(), found.get("values").cloned())
    };
    assert_eq!(of("email"), (json!("email"), None));
    assert_eq!(of("password"), (json!("length"), Some(json!({ "least": 8, "most": 128 }))));
    assert_eq!(of("room_no"), (json!("line"), Some(json!({ "least": 1, "most": 32 }))));
    assert_eq!(of("shoe_size"), (json!("unknown_field"), None));
    assert_eq!(of("confirm_password"), (json!("different"), Some(json!({ "other": "password" }))));
    let refused = test.send(Call::post("/login", &json!({ "password": PASSWORD }))).await;
    let error = &refused.body["errors"][0];
    assert_eq!(error["rule"], "missing_either", "{error}");
    assert_eq!(error["values"], json!({ "other": "email" }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_never_echoes_what_the_client_sent() {
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
async fn an_internal_error_reveals_only_its_request_id() {
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
async fn an_unreachable_database_gives_503_with_retry_after() {
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
async fn health_is_degraded_while_redis_is_down_and_recovers() {
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
async fn a_disabled_redis_is_off_and_a_failing_database_makes_health_degraded() {
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
async fn an_unknown_path_or_method_gets_a_404_problem() {
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

#[tokio::test(flavor = "multi_thread")]
async fn head_on_a_public_get_has_its_status_and_headers_only() {
    let test = TestApp::start().await;
    let mut paths = Vec::new();
    for endpoint in endpoints().filter(|endpoint| endpoint.answers_head()) {
        for path in endpoint.paths {
            let got = test.send(Call::get(path)).await.expect(200);
            let head = test.send(Call::new("HEAD", path)).await.expect(200);
            assert!(!got.bytes.is_empty() && head.bytes.is_empty(), "{path}");
            for header in ["content-type", "cache-control", "x-content-type-options"] {
                assert_eq!(got.header(header), head.header(header), "{path} {header}");
            }
            paths.push(*path);
        }
    }
    paths.sort_unstable();
    assert_eq!(paths, ["/.well-known/jwks.json", "/health", "/openapi.json"]);
    for path in ["/nowhere", "/login", "/student/tokens"] {
        let head = test.send(Call::new("HEAD", path)).await;
        assert_eq!((head.status, head.bytes.len()), (404, 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_refuses_the_methods_that_its_route_lets_through() {
    let test = TestApp::start().await;
    let health = endpoints().find(|endpoint| endpoint.name == "health").expect("there");
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let answer = test.send_to_endpoint(health, Call::new(method, "/health")).await;
        assert_eq!(answer.problem(404), "not_found", "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_character_in_a_body_is_told_in_our_words() {
    let test = TestApp::start().await;
    let body = r#"{"email": "asha@example.com", "password": "\ud83d"}"#;
    for path in ["/sign-up", "/login"] {
        let answer = test.send(Call::post_raw(path, "application/json", body)).await;
        assert_eq!(answer.problem(400), "malformed_json", "{path}");
        let detail = answer.text("detail");
        assert!(detail.contains("half a character") && detail.contains("line 1"), "{detail}");
    }
    let marked =
        format!("\u{feff}{}", json!({ "email": "asha@example.com", "password": PASSWORD }));
    test.send(Call::post_raw("/sign-up", "application/json", &marked)).await.expect(202);
}
