//! The audit trail: every change is recorded with its actor and request, and without secrets.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;
use thali_functions::workers::audit_writer::CONSUMER as AUDIT_WRITER;
use thali_platform::queue::QueueName;
use thali_platform::store::keys;
use thali_platform::worker::BatchResponse;

use super::failed;
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

type Item = HashMap<String, AttributeValue>;

fn text<'a>(record: &'a Item, attribute: &str) -> &'a str {
    let value = record.get(attribute).unwrap_or_else(|| panic!("{attribute} in {record:?}"));
    value.as_s().expect("text")
}

/// The audit records, without the mailer's log.
async fn records(test: &TestApp) -> Vec<Item> {
    let mut items = test.dynamo.items("audit").await;
    items.retain(|item| item.contains_key("event_id"));
    items
}

fn of_kind<'a>(records: &'a [Item], kind: &str, operation: &str) -> Vec<&'a Item> {
    let matches =
        |record: &&Item| text(record, "kind") == kind && text(record, "operation") == operation;
    records.iter().filter(matches).collect()
}

/// A student signs up, buys tokens, redeems some and refreshes the session. The requests include
/// a wrong security code and idempotency keys.
async fn story(test: &TestApp) -> Student {
    let asha = test.signed_up_student("asha@example.com").await;
    let order = Call::post("/create-order", &json!({ "token_count": 10 }));
    let order = order.bearer(&asha.token).header("idempotency-key", "secret-key-1");
    let order_id = test.send(order).await.expect(201).text("order_id").to_owned();
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    let wrong = json!({ "count": 1, "security_code": "wrong" });
    let wrong = Call::post("/student/token-submission", &wrong).bearer(&asha.token);
    test.send(wrong).await.expect(403);
    let submit = TestApp::submit(&asha, 3).header("idempotency-key", "secret-key-2");
    test.send(submit).await.expect(201);
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&asha.cookie);
    test.send(refresh).await.expect(200);
    asha
}

async fn log_out(test: &TestApp, student: &Student) {
    let call = Call::post("/student/logout", &json!({})).bearer(&student.token);
    test.send(call).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_recorded_with_its_actor_and_request() {
    let test = TestApp::start().await;
    let asha = story(&test).await;
    log_out(&test, &asha).await;
    test.settle().await;

    let records = records(&test).await;
    for (kind, operation, actor) in [
        ("mess", "INSERT", "test"),
        ("registration", "INSERT", "anonymous"),
        ("registration", "MODIFY", "anonymous"),
        ("session", "REMOVE", "unknown"),
        ("account", "INSERT", "anonymous"),
        ("guard", "INSERT", "anonymous"),
        ("purchase", "INSERT", asha.account_id.as_str()),
        ("purchase", "MODIFY", asha.account_id.as_str()),
        ("submission", "INSERT", asha.account_id.as_str()),
        ("account", "MODIFY", asha.account_id.as_str()),
    ] {
        let found = of_kind(&records, kind, operation);
        assert!(
            found.iter().any(|record| text(record, "actor") == actor),
            "{kind} {operation} by {actor} in {found:?}"
        );
    }
    assert!(!of_kind(&records, "session", "INSERT").is_empty(), "{records:?}");
    for record in &records {
        let (actor, request) = (text(record, "actor"), text(record, "request_id"));
        assert!(!actor.is_empty() && !request.is_empty(), "{record:?}");
        let removed = text(record, "operation") == "REMOVE";
        assert_eq!(request == "unknown", removed, "{record:?}");
        let of_mess = format!("{}#", test.mess_id);
        assert!(text(record, "pk").starts_with(&of_mess), "{record:?}");
        assert!(text(record, "entity").starts_with(&of_mess), "{record:?}");
    }
    let submission = of_kind(&records, "submission", "INSERT")[0];
    let same_request =
        |record: &&Item| text(record, "request_id") == text(submission, "request_id");
    let kinds: BTreeSet<&str> =
        records.iter().filter(same_request).map(|record| text(record, "kind")).collect();
    assert_eq!(kinds, BTreeSet::from(["account", "purchase", "submission"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_audit_record_contains_a_secret() {
    let test = TestApp::start().await;
    let asha = story(&test).await;
    let id = AccountId::parse(&asha.account_id).expect("an account's id");
    let hash = AttributeValue::S("hash-of-a-security-code".to_owned());
    test.dynamo.set("accounts", &keys::account(id), "security_code_hash", hash).await;
    let mut secrets = vec![PASSWORD.to_owned(), asha.cookie.clone()];
    let items = test.dynamo.items("accounts").await;
    for name in ["password_hash", "refresh_hash", "previous_hash", "security_code_hash"] {
        let of_name = items.iter().filter_map(|item| item.get(name)?.as_s().ok().cloned());
        let before = secrets.len();
        secrets.extend(of_name);
        assert!(secrets.len() > before, "{name} is stored");
    }
    log_out(&test, &asha).await;
    test.settle().await;

    let records = records(&test).await;
    assert!(records.len() > 10, "{}", records.len());
    for record in records {
        let shown = format!("{record:?}");
        for name in ["password_hash", "refresh_hash", "previous_hash", "security_code_hash"] {
            assert!(!shown.contains(name), "{name} in {shown}");
        }
        for secret in &secrets {
            assert!(!shown.contains(secret), "a secret in {shown}");
        }
        assert!(!shown.contains("$argon2"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_idempotency_outcomes_are_not_audited() {
    let test = TestApp::start().await;
    story(&test).await;
    let stored = test.dynamo.items("tokens").await;
    let outcomes = stored.iter().filter(|item| text(item, "kind") == "idempotency").count();
    assert_eq!(outcomes, 2, "they are stored");
    test.settle().await;
    for record in records(&test).await {
        assert_ne!(text(&record, "kind"), "idempotency");
        assert!(!format!("{record:?}").contains("secret-key-"), "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_delivered_twice_is_recorded_once() {
    let test = TestApp::start().await;
    story(&test).await;
    let before = records(&test).await.len();
    let changes = test.dynamo.new_changes().await;
    let mut counts = Vec::new();
    for _ in 0..2 {
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
        let bodies = test.app.queues().take(QueueName::Audit);
        assert!(!bodies.is_empty(), "the changes are to be recorded");
        for _ in 0..2 {
            assert_eq!(test.consume(&AUDIT_WRITER, &bodies).await, BatchResponse::default());
            counts.push((bodies.len(), records(&test).await.len() - before));
        }
    }
    let (bodies, recorded) = counts[0];
    assert_eq!(recorded, bodies, "one record for each change");
    assert_eq!(counts, [(bodies, recorded); 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_recorded_without_actor_and_without_personal_data() {
    let test = TestApp::start().await;
    let registration = test.sign_up("asha@example.com").await.expect(202);
    let id = registration.text("registration_id").parse().expect("an id");
    // As DynamoDB removes one that has expired.
    test.dynamo.take("accounts", &keys::registration(id)).await;
    test.settle().await;
    let records = records(&test).await;
    let removed = of_kind(&records, "registration", "REMOVE");
    assert_eq!(removed.len(), 1);
    assert_eq!(text(removed[0], "actor"), "unknown");
    assert_eq!(text(removed[0], "request_id"), "unknown");
    assert!(!removed[0].contains_key("after"), "{removed:?}");
    let before = removed[0].get("before").and_then(|image| image.as_m().ok()).expect("an image");
    assert_eq!(text(before, "role"), "student");
    // The trail is kept for a year, so it omits personal data of unverified registrations.
    for hidden in ["password_hash", "email", "name", "phone", "roll_no", "room_no", "username"] {
        assert!(!before.contains_key(hidden), "{hidden} in {before:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_record_is_reported_and_the_others_are_written() {
    let test = TestApp::start().await;
    let changes = test.dynamo.new_changes().await;
    assert_eq!(test.relay(&changes).await, BatchResponse::default());
    let good = test.app.queues().take(QueueName::Audit).remove(0);
    let mut broken: Value = serde_json::from_str(&good).expect("JSON");
    broken["at"] = json!("yesterday");
    let bodies = ["not JSON".to_owned(), "{}".to_owned(), broken.to_string(), good];
    let response = test.consume(&AUDIT_WRITER, &bodies).await;
    assert_eq!(failed(&response), ["0", "1", "2"]);
    assert_eq!(records(&test).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn public_requests_with_an_address_leave_no_address_in_the_trail() {
    let test = TestApp::start().await;
    let stranger = json!({ "email": "stranger+x/y@example.org" });
    test.send(Call::post("/password-reset", &stranger)).await.expect(202);
    let mut login = stranger.clone();
    login["password"] = json!("not the password");
    for _ in 0..2 {
        test.send(Call::post("/login", &login)).await.expect(401);
    }
    let by_username = json!({ "username": "stranger-x", "password": "not the password" });
    test.send(Call::post("/login", &by_username)).await.expect(401);
    test.settle().await;

    let records = records(&test).await;
    assert_eq!(of_kind(&records, "password_reset", "INSERT").len(), 1);
    let first = of_kind(&records, "login_failures", "INSERT");
    assert_eq!(first.len(), 2);
    // All failures of one login name have the same entity.
    let again = of_kind(&records, "login_failures", "MODIFY");
    assert!(first.iter().any(|it| text(it, "entity") == text(again[0], "entity")));
    for record in &records {
        assert!(!format!("{record:?}").contains("stranger"), "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_profile_fields_are_not_in_the_trail() {
    let test = TestApp::start().await;
    let asha = test.signed_up_student("asha@example.com").await;
    let profile = json!({
        "bio": "secret bio", "address": "12 Secret Lane", "profession": "secret agent",
        "date_of_birth": "2004-02-29",
    });
    let change = Call::patch("/student/profile", &profile).bearer(&asha.token);
    test.send(change).await.expect(200);
    test.settle().await;

    let records = records(&test).await;
    assert!(!of_kind(&records, "account", "MODIFY").is_empty());
    for record in &records {
        let shown = format!("{record:?}").to_lowercase();
        assert!(!shown.contains("secret ") && !shown.contains("2004-02-29"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plate_record_contains_only_the_scans_that_changed() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    let first = test.scanned(device.scan_once(&code, "n1")).await;
    for nonce in ["n2", "n3"] {
        test.advance(SignedDuration::from_secs(1));
        test.scanned(device.scan_once(&code, nonce)).await;
    }
    let undone = first["scan_id"].as_str().expect("an id");
    test.advance(SignedDuration::from_secs(1));
    test.send(device.undo(undone)).await.expect(200);
    test.settle().await;

    let records = records(&test).await;
    let mut plates: Vec<&Item> = of_kind(&records, "plate", "INSERT");
    let mut modified = of_kind(&records, "plate", "MODIFY");
    modified.sort_by_key(|record| text(record, "sk"));
    plates.extend(modified);
    let image = |record: &Item, name: &str| record.get(name).and_then(|it| it.as_m().ok().cloned());
    let scans = |record: &Item, name: &str| {
        let image = image(record, name).unwrap_or_default();
        image.keys().filter(|name| name.starts_with("scan#")).count()
    };
    let counted: Vec<_> =
        plates.iter().map(|record| (scans(record, "before"), scans(record, "after"))).collect();
    assert_eq!(counted, [(0, 1), (0, 1), (0, 1), (1, 1)]);
    for record in &plates[1..] {
        for name in ["before", "after"] {
            let frame = image(record, name).expect("there is one");
            assert!(frame.contains_key("diner") && frame.contains_key("tries"), "{frame:?}");
        }
    }
    let told = format!("{:?}", image(plates[3], "after"));
    assert!(told.contains("undone_at") && told.contains(undone), "{told}");
}
