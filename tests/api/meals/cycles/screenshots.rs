//! The screenshot of a payment: uploaded to a signed URL, validated in the request that names it,
//! and shown to those who may see the payment.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use thali_domain::pictures::{LENGTH_MAX, ScreenshotKey};
use thali_functions::workers::picture_check::check_all;
use thali_platform::app::App;
use thali_platform::blobs::{Blob, Blobs, s3_client};

use super::{PAYMENTS, claim, upload, verify, with};
use crate::api::accounts::picture::event;
use crate::support::people::Student;
use crate::support::pictures::{WITH_PLACE_PNG, has_metadata};
use crate::support::{Answer, Call, TestApp, closed_port};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01";

/// Requests an upload URL; returns the screenshot's key.
async fn key(test: &TestApp, student: &Student) -> String {
    let body = json!({ "content_type": "image/png", "content_length": PNG.len() });
    let call = Call::post(&format!("{PAYMENTS}/upload-url"), &body).bearer(&student.token);
    let answer = test.send(call).await.expect(201);
    let key = answer.text("screenshot_key").to_owned();
    assert_eq!(answer.body["upload"]["url"], json!(format!("memory:{key}")));
    assert_eq!(answer.body["upload"]["method"], "PUT");
    key
}

/// Stores an object as an upload would.
fn put(app: &App, key: &str, content_type: &str, bytes: &[u8]) {
    let blob = Blob { content_type: content_type.to_owned(), bytes: bytes.to_vec() };
    app.blobs().uploaded(key, blob);
}

/// Uploads a payment with this screenshot.
async fn upload_with_screenshot(test: &TestApp, student: &Student, key: &str) -> Answer {
    let changed = json!({ "screenshot_url": null, "screenshot_key": key });
    test.send(upload(student, &with(claim("2026-02-01", "2026-02-28"), changed))).await
}

async fn objects(test: &TestApp) -> Vec<String> {
    test.app.blobs().list("").await.expect("listed")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_screenshot_is_checked_and_shown_only_in_lists() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let key = key(&test, &asha).await;
    let parsed = ScreenshotKey::parse(&key).expect("a key");
    assert_eq!(parsed.account_id.to_string(), asha.account_id);
    put(&test.app, &key, "image/png", PNG);
    let answer = upload_with_screenshot(&test, &asha, &key).await.expect(201);
    for somebody in [&asha, &owner] {
        let listed = test.list(somebody, PAYMENTS, 10).await;
        assert_eq!(listed[0]["screenshot_url"], json!(format!("memory:{key}")));
        assert_eq!(listed[0]["screenshot_checked"], true);
    }
    let id = answer.text("payment_id").parse().expect("an id");
    let decided = test.send(verify(&owner, id)).await.expect(200);
    assert!(decided.body["screenshot_url"].is_null());
    assert_eq!(decided.body["screenshot_checked"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_foreign_or_invalid_screenshot_is_refused() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let of_ravi = key(&test, &ravi).await;
    put(&test.app, &of_ravi, "image/png", PNG);
    let never_uploaded = key(&test, &asha).await;
    let profile_picture = never_uploaded.replace("screenshots/", "pictures/");
    put(&test.app, &profile_picture, "image/png", PNG);
    let mut bad = vec![of_ravi.clone(), never_uploaded, profile_picture, "x.png".to_owned()];
    let too_large = [PNG, &vec![0; usize::try_from(LENGTH_MAX).expect("5 MiB")]].concat();
    let objects: [(&str, &[u8]); 5] = [
        ("image/png", b"<script>alert(1)</script>"),
        ("image/png", JPEG),
        ("image/png", b""),
        ("text/html", PNG),
        ("image/png", &too_large),
    ];
    for (content_type, bytes) in objects {
        let key = key(&test, &asha).await;
        put(&test.app, &key, content_type, bytes);
        bad.push(key);
    }
    for key in bad {
        let refused = upload_with_screenshot(&test, &asha, &key).await;
        assert_eq!(refused.wrong_fields(), ["screenshot_key"], "{key}");
    }
    // Other invalid fields are named in the same answer.
    let changed = json!({ "screenshot_url": null, "screenshot_key": of_ravi });
    let body = with(claim("2020-02-01", "2020-02-28"), changed);
    let refused = test.send(upload(&asha, &body)).await;
    assert_eq!(refused.wrong_fields(), ["cycle_start", "screenshot_key"]);
    assert!(test.list(&asha, PAYMENTS, 10).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_screenshots_are_deleted_and_valid_ones_never_become_profile_pictures() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let (good, bad) = (key(&test, &asha).await, key(&test, &asha).await);
    let odd = format!("screenshots/{}/mine.png", asha.account_id);
    put(&test.app, &good, "image/png", PNG);
    put(&test.app, &bad, "image/png", b"<script>alert(1)</script>");
    put(&test.app, &odd, "image/png", PNG);
    test.dynamo.new_changes().await;
    for _ in 0..2 {
        let event = event(&[&good, &bad, &odd]);
        check_all(&test.app, event, "test").await.expect("checked");
        assert_eq!(objects(&test).await, [good.as_str()]);
    }
    assert!(test.dynamo.new_changes().await.is_empty(), "a check of screenshots writes nothing");
    let profile = Call::get("/student/profile").bearer(&asha.token);
    let profile = test.send(profile).await.expect(200);
    assert!(profile.body["account"]["picture_url"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_screenshot_has_no_metadata_before_its_event_comes() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let key = key(&test, &asha).await;
    put(&test.app, &key, "image/png", WITH_PLACE_PNG);
    let of_ravi = test.student("ravi@example.com").await;
    let foreign = upload_with_screenshot(&test, &of_ravi, &key).await;
    assert_eq!(foreign.wrong_fields(), ["screenshot_key"]);
    let stored = async || {
        let object = test.app.blobs().read(&key, LENGTH_MAX).await.expect("read");
        object.expect("it is there")
    };
    assert!(has_metadata(&stored().await.bytes), "nobody changes another's object");

    upload_with_screenshot(&test, &asha, &key).await.expect(201);
    let clean = stored().await;
    assert!(!has_metadata(&clean.bytes) && clean.content_type == "image/png");
    let listed = test.list(&owner, PAYMENTS, 10).await;
    assert_eq!(listed[0]["screenshot_url"], json!(format!("memory:{key}")));
    for _ in 0..2 {
        check_all(&test.app, event(&[&key]), "test").await.expect("checked");
        assert_eq!(stored().await, clean);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screenshot_is_clean_whether_request_or_event_comes_first() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for month in 3..9 {
        let key = key(&test, &asha).await;
        put(&test.app, &key, "image/png", WITH_PLACE_PNG);
        let days = claim(&format!("2026-{month:02}-01"), &format!("2026-{month:02}-28"));
        let body = with(days, json!({ "screenshot_url": null, "screenshot_key": key }));
        let (answer, checked) = tokio::join!(
            test.send(upload(&asha, &body)),
            check_all(&test.app, event(&[&key]), "test"),
        );
        answer.expect(201);
        checked.expect("checked");
        let object = test.app.blobs().read(&key, LENGTH_MAX).await.expect("read");
        assert!(!has_metadata(&object.expect("it is there").bytes));
    }
}

/// The address of an S3 that has a picture with metadata under every key, which is never again what
/// it was when it was read. Also returns the versions that it was asked to replace.
async fn s3_that_changes() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&asked);
    let answer = move |request: Request| {
        let mut asked = recorded.lock().expect("no holder panics");
        let response = Response::builder();
        let response = if request.method() == "PUT" {
            let version = request.headers().get("if-match").expect("a version");
            asked.push(version.to_str().expect("text").to_owned());
            let body = "<Error><Code>PreconditionFailed</Code></Error>";
            response.status(412).body(Body::from(body))
        } else if request.uri().path().contains("/screenshots/") {
            let version = format!("\"version-{}\"", asked.len());
            let response = response.header("content-type", "image/png").header("etag", version);
            response.body(Body::from(WITH_PLACE_PNG))
        } else {
            let prefix = request.uri().query().and_then(|query| query.split("prefix=").nth(1));
            let prefix = prefix.and_then(|prefix| prefix.split('&').next()).expect("a prefix");
            let key = prefix.replace("%2F", "/");
            let body = format!(
                "<ListBucketResult><Contents><Key>{key}</Key></Contents></ListBucketResult>"
            );
            response.body(Body::from(body))
        };
        std::future::ready(response.expect("an answer"))
    };
    tokio::spawn(axum::serve(listener, axum::Router::new().fallback(answer)).into_future());
    (address, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screenshot_that_is_replaced_all_the_time_is_not_accepted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let key = key(&test, &asha).await;
    let (address, asked) = s3_that_changes().await;
    let changed = json!({ "screenshot_url": null, "screenshot_key": key });
    let call = upload(&asha, &with(claim("2026-02-01", "2026-02-28"), changed));
    let refused = test.send_to(&with_s3_at(&test, &address), call).await;
    assert_eq!(refused.problem(503), "storage_unavailable");
    let asked = asked.lock().expect("no holder panics").clone();
    assert_eq!(asked, ["\"version-0\"", "\"version-1\"", "\"version-2\""]);
    assert!(test.list(&asha, PAYMENTS, 10).await.is_empty());
}

/// A process with its S3 at this address.
fn with_s3_at(test: &TestApp, address: &str) -> App {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(2)).build();
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(address)
        .region(Region::new("ap-south-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(thali_platform::aws::retries())
        .timeout_config(timeouts)
        .build();
    let blobs = Blobs::S3 { client: s3_client(&aws), bucket: "thali-blobs".to_owned() };
    test.process_with(|backends| backends.blobs = Some(blobs))
}

/// The address of an S3 that answers every request with this status.
async fn s3_that_answers(status: StatusCode) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let router = axum::Router::new().fallback(move || async move { status });
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_failure_is_reported_and_the_request_can_be_retried() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let key = key(&test, &asha).await;
    put(&test.app, &key, "image/png", PNG);
    let changed = json!({ "screenshot_url": null, "screenshot_key": key });
    let body = with(claim("2026-02-01", "2026-02-28"), changed);
    let call = upload(&asha, &body).header("idempotency-key", "k-1");
    for address in [closed_port(), s3_that_answers(StatusCode::SERVICE_UNAVAILABLE).await] {
        let refused = test.send_to(&with_s3_at(&test, &address), call.clone()).await;
        assert_eq!(refused.problem(503), "storage_unavailable");
        assert!(!refused.header("retry-after").is_empty());
    }
    // A missing permission is our fault, and waiting does not help.
    let forbidden = with_s3_at(&test, &s3_that_answers(StatusCode::FORBIDDEN).await);
    assert_eq!(test.send_to(&forbidden, call.clone()).await.problem(500), "internal");
    test.send(call.clone()).await.expect(201);
    // The replay of an accepted upload needs no S3.
    let replay = test.send_to(&with_s3_at(&test, &closed_port()), call).await.expect(201);
    assert_eq!(replay.header("idempotent-replay"), "true");
    // Nor does an upload whose screenshot is elsewhere.
    let elsewhere = upload(&asha, &claim("2026-03-01", "2026-03-31"));
    test.send_to(&with_s3_at(&test, &closed_port()), elsewhere).await.expect(201);
}
