//! The profile picture: uploaded to a signed URL, validated, and shown.

use std::sync::Arc;

use aws_lambda_events::s3::S3Event;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, PictureId};
use thali_domain::pictures::{LENGTH_MAX, PictureFormat, PictureKey};
use thali_functions::workers::picture_check::check_all;
use thali_platform::blobs::Blob;
use tokio::task::JoinSet;

use super::profile::account;
use crate::support::people::Student;
use crate::support::{Call, TestApp};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01";
const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0";

fn wanted(student: &Student, body: &Value) -> Call {
    Call::post("/student/profile/picture", body).bearer(&student.token)
}

/// Requests an upload URL; returns the picture's key.
pub(super) async fn key(test: &TestApp, student: &Student, content_type: &str) -> String {
    // Two keys of one millisecond have no order.
    test.advance(jiff::SignedDuration::from_millis(1));
    let body = json!({ "content_type": content_type, "content_length": 20 });
    let answer = test.send(wanted(student, &body)).await.expect(201);
    answer.text("picture_key").to_owned()
}

/// Stores an object as an upload would.
pub(super) fn put(test: &TestApp, key: &str, content_type: &str, bytes: &[u8]) {
    let blob = Blob { content_type: content_type.to_owned(), bytes: bytes.to_vec() };
    test.app.blobs().uploaded(key, blob);
}

pub fn event(keys: &[&str]) -> S3Event {
    let record = |key: &&str| {
        json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "ap-south-1",
            "eventTime": "2026-01-15T06:30:00.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": { "principalId": "test" },
            "requestParameters": { "sourceIPAddress": "192.0.2.1" },
            "responseElements": {},
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": "test-blobs", "ownerIdentity": { "principalId": "test" } },
                "object": { "key": key, "size": 20 },
            },
        })
    };
    let records: Vec<Value> = keys.iter().map(record).collect();
    serde_json::from_value(json!({ "Records": records })).expect("S3's event")
}

pub(super) async fn check(test: &TestApp, keys: &[&str]) {
    check_all(&test.app, event(keys), "test").await.expect("checked");
}

/// Requests an upload URL, uploads a valid PNG and validates it; returns its key.
async fn upload(test: &TestApp, student: &Student) -> String {
    let key = key(test, student, "image/png").await;
    put(test, &key, "image/png", PNG);
    check(test, &[&key]).await;
    key
}

pub(super) async fn objects(test: &TestApp) -> Vec<String> {
    test.app.blobs().list("").await.expect("listed")
}

pub(super) async fn shown(test: &TestApp, student: &Student) -> Option<String> {
    let url = account(test, student).await["picture_url"].as_str().map(str::to_owned)?;
    Some(url.strip_prefix("memory:").expect("of the memory backend").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_url_is_for_the_students_own_key_and_stores_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.dynamo.new_changes().await;
    for (content_type, extension) in
        [("image/jpeg", "jpg"), ("image/png", "png"), ("image/webp", "webp")]
    {
        let body = json!({ "contentType": content_type, "contentLength": LENGTH_MAX });
        let answer = test.send(wanted(&asha, &body)).await.expect(201);
        let key = PictureKey::parse(answer.text("picture_key")).expect("a key");
        assert_eq!(key.account_id.to_string(), asha.account_id);
        assert!(answer.text("picture_key").ends_with(extension));
        let upload = &answer.body["upload"];
        assert_eq!(upload["method"], "PUT");
        assert_eq!(upload["headers"]["content-type"], content_type);
        assert_eq!(upload["expires_at"], "2026-01-15T06:40:00Z");
        assert!(upload["url"].as_str().expect("an address").contains(&key.to_string()));
    }
    assert!(test.dynamo.new_changes().await.is_empty());
    assert!(objects(&test).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_content_types_and_lengths_get_no_upload_url() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (body, wrong) in [
        (json!({}), vec!["content_length", "content_type"]),
        (json!({ "content_type": "image/gif", "content_length": 1 }), vec!["content_type"]),
        (
            json!({ "content_type": "image/PNG", "content_length": 0 }),
            vec!["content_length", "content_type"],
        ),
        (json!({ "content_type": "image/svg+xml", "content_length": 1 }), vec!["content_type"]),
        (
            json!({ "content_type": "image/png", "content_length": LENGTH_MAX + 1 }),
            vec!["content_length"],
        ),
        (json!({ "content_type": "image/png", "content_length": -1 }), vec!["content_length"]),
        (json!({ "content_type": "image/png", "content_length": "9" }), vec!["content_length"]),
        (json!({ "content_type": "image/png", "content_length": 9, "key": "x" }), vec!["key"]),
    ] {
        let answer = test.send(wanted(&asha, &body)).await;
        assert_eq!(answer.wrong_fields(), wrong, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_picture_is_shown_and_older_ones_are_deleted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let ravi = test.student("ravi@example.com").await;
    let theirs = upload(&test, &ravi).await;
    for (content_type, bytes) in [("image/png", PNG), ("image/jpeg", JPEG), ("image/webp", WEBP)] {
        let key = key(&test, &asha, content_type).await;
        put(&test, &key, content_type, bytes);
        assert_ne!(shown(&test, &asha).await.as_ref(), Some(&key), "it is not validated yet");
        check(&test, &[&key]).await;
        assert_eq!(shown(&test, &asha).await.as_ref(), Some(&key));
        let mut left = objects(&test).await;
        left.retain(|left| *left != theirs);
        assert_eq!(left, [key]);
    }
    assert_eq!(shown(&test, &ravi).await, Some(theirs));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_the_declared_picture_is_deleted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let good = upload(&test, &asha).await;
    let too_large = [PNG, &vec![0; usize::try_from(LENGTH_MAX).expect("5 MiB")]].concat();
    let bad: [(&str, &[u8]); 7] = [
        ("image/png", b"<script>alert(1)</script>"),
        ("image/png", JPEG),
        ("image/png", b""),
        ("image/png", &PNG[..7]),
        ("text/html", PNG),
        ("", PNG),
        ("image/png", &too_large),
    ];
    for (content_type, bytes) in bad {
        let key = key(&test, &asha, "image/png").await;
        put(&test, &key, content_type, bytes);
        check(&test, &[&key]).await;
        assert_eq!(objects(&test).await, [good.as_str()], "{content_type}");
        assert_eq!(shown(&test, &asha).await.as_ref(), Some(&good));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_or_late_events_keep_the_newest_picture() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let key = key(&test, &asha, "image/png").await;
        put(&test, &key, "image/png", PNG);
        keys.push(key);
    }
    let [first, second, third] = [&keys[0], &keys[1], &keys[2]];
    check(&test, &[second]).await;
    assert_eq!(objects(&test).await, [second.as_str(), third.as_str()], "the third is not checked");
    check(&test, &[first]).await;
    assert_eq!(shown(&test, &asha).await.as_ref(), Some(second));
    check(&test, &[third, second, first]).await;
    test.dynamo.new_changes().await;
    for key in [second, third, first, third] {
        check(&test, &[key]).await;
        assert_eq!(shown(&test, &asha).await.as_ref(), Some(third));
    }
    assert!(test.dynamo.new_changes().await.is_empty(), "repeated events write nothing");
    assert_eq!(objects(&test).await, [third.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_picture_uploaded_after_a_newer_one_is_deleted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let slow = key(&test, &asha, "image/png").await;
    let quick = upload(&test, &asha).await;
    put(&test, &slow, "image/png", PNG);
    check(&test, &[&slow]).await;
    assert_eq!(shown(&test, &asha).await.as_ref(), Some(&quick));
    assert_eq!(objects(&test).await, [quick]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_checks_keep_only_the_newest_picture() {
    let test = Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let mut keys = Vec::new();
    for _ in 0..10 {
        let key = key(&test, &asha, "image/jpeg").await;
        put(&test, &key, "image/jpeg", JPEG);
        keys.push(key);
    }
    let mut checks = JoinSet::new();
    for key in keys.clone() {
        let test = Arc::clone(&test);
        checks.spawn(async move { check(&test, &[&key]).await });
    }
    checks.join_all().await;
    assert_eq!(shown(&test, &asha).await, keys.last().cloned());
    assert_eq!(objects(&test).await, keys[9..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_check_deletes_what_a_dead_check_left_behind() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let older = upload(&test, &asha).await;
    let newer = key(&test, &asha, "image/png").await;
    put(&test, &newer, "image/png", PNG);
    let parsed = PictureKey::parse(&newer).expect("a key");
    let put = test.app.store.picture_put(&parsed, &test.stamp()).await;
    assert_eq!(put.expect("stored"), Some(parsed));
    assert_eq!(objects(&test).await, [older, newer.clone()]);
    check(&test, &[&newer]).await;
    assert_eq!(objects(&test).await, [newer]);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_with_unknown_accounts_or_malformed_keys_are_deleted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let good = upload(&test, &asha).await;
    let nobody = PictureKey {
        account_id: AccountId::from_ulid(test.app.clock.ulid()),
        picture_id: PictureId::from_ulid(test.app.clock.ulid()),
        format: PictureFormat::Png,
    };
    let nobody = nobody.to_string();
    let odd = format!("pictures/{}/my cat & I.png", asha.account_id);
    for key in [nobody.as_str(), "pictures/x.png", &odd, "screenshots/x.png", "reports/x.png"] {
        put(&test, key, "image/png", PNG);
    }
    // S3 encodes the keys of its events like form data.
    let encoded = odd.replace('&', "%26").replace(' ', "+");
    let keys = [&nobody, "pictures/x.png", &encoded, "screenshots/x.png", "reports/x.png"];
    check(&test, &keys).await;
    assert_eq!(objects(&test).await, [good.as_str(), "reports/x.png"]);
    assert_eq!(shown(&test, &asha).await, Some(good));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_without_the_database_fails_and_keeps_the_object() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let key = key(&test, &asha, "image/png").await;
    let blob = Blob { content_type: "image/png".to_owned(), bytes: PNG.to_vec() };
    let cut_off = test.without_database();
    cut_off.blobs().uploaded(&key, blob);
    check_all(&cut_off, event(&[&key]), "test").await.expect_err("the event is retried");
    assert_eq!(cut_off.blobs().list("").await.expect("listed"), [key.as_str()]);

    put(&test, &key, "image/png", PNG);
    check(&test, &[&key]).await;
    assert_eq!(shown(&test, &asha).await, Some(key));
}
