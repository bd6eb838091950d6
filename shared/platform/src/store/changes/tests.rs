//! Tests with a stored item of each kind: it can be read, and the audit trail knows each of its
//! attributes. A fixture has every attribute that its kind can have, even if no real item has all
//! of them at once.

use std::collections::BTreeSet;

use aws_lambda_events::dynamodb::EventRecord;
use serde_dynamo::{AttributeValue, Item};
use serde_json::{Value, json};

use super::Change;
use super::kinds::{Changed, Kind};

/// Attributes that are not in the struct of an item: updates or indexes add them.
const BESIDE: &[(Kind, &[&str])] = &[
    (Kind::Account, &["directory"]),
    (Kind::Session, &["ttl"]),
    (Kind::Registration, &["ttl"]),
    (Kind::NewestRegistration, &["mess_id", "begun", "counted_until", "ttl"]),
    (Kind::Invite, &["ttl"]),
    (Kind::PasswordReset, &["created_at", "begun", "counted_until", "ttl"]),
    (Kind::LoginFailures, &["ttl"]),
    (Kind::Mess, &["qr_keys", "closures"]),
    (Kind::Cycle, &["cycle_status", "decided_by"]),
    (Kind::Order, &["pending"]),
    (Kind::Plate, &["tries", "scan#kJ7NS20sQFkXofg0", "scan#kyh5e1R1Gzbtva4J"]),
    (Kind::Stray, &["scan#k2pRn7AqUq8oN0xE"]),
    (Kind::Notification, &["ttl"]),
    (Kind::Idempotency, &["ttl"]),
];

/// The fixture of a kind.
fn stored(kind: Kind) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/changes/fixtures");
    let text = std::fs::read_to_string(format!("{folder}/{kind}.json"));
    let text = text.unwrap_or_else(|_| panic!("no fixture of the kind {kind}"));
    serde_json::from_str(&text).expect("JSON")
}

fn image(item: Value) -> Item {
    let mut item: Item = serde_json::from_value(item).expect("an image");
    for value in item.values_mut() {
        // The order of a number set is not defined.
        if let AttributeValue::Ns(numbers) = value {
            numbers.sort();
        }
    }
    item
}

fn change(before: &Value, after: &Value) -> Change {
    let of = if after.is_null() { before } else { after };
    let mut dynamodb = json!({
        "ApproximateCreationDateTime": 1_767_225_600.0,
        "Keys": { "pk": of["pk"], "sk": of["sk"] },
        "SequenceNumber": "1",
        "SizeBytes": 1,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    });
    let mut operation = "MODIFY";
    for (name, image, without) in [("OldImage", before, "INSERT"), ("NewImage", after, "REMOVE")] {
        if image.is_null() {
            operation = without;
        } else {
            dynamodb[name] = image.clone();
        }
    }
    let record: EventRecord = serde_json::from_value(json!({
        "awsRegion": "ap-south-1",
        "dynamodb": dynamodb,
        "eventID": "event-1",
        "eventName": operation,
    }))
    .expect("the stream's format");
    record.into()
}

/// What the audit trail shows of an item that was removed.
fn shown(item: &Value) -> Option<Value> {
    change(item, &Value::Null).audit_record().and_then(|record| record.before)
}

#[test]
fn a_stored_item_of_each_kind_can_be_read() {
    for kind in Kind::ALL {
        let item = stored(*kind);
        assert_eq!(item["kind"]["S"], kind.name());
        assert_eq!(Kind::of(kind.name()), Some(*kind));
        for (before, after) in [(&Value::Null, &item), (&item, &Value::Null), (&item, &item)] {
            assert!(change(before, after).of.is_some(), "{kind}");
        }
    }
}

/// This also detects an accidental rename of an optional attribute.
#[test]
fn reading_and_rewriting_a_stored_item_keeps_it_unchanged() {
    for kind in Kind::ALL {
        let item = image(stored(*kind));
        let mut written = kind.written_again(item.clone()).expect("readable");
        if *kind == Kind::Idempotency {
            written.remove("ttl");
        }
        let beside = BESIDE.iter().find(|(of, _)| of == kind).map_or(&[][..], |(_, beside)| beside);
        let of_every = ["pk", "sk", "kind", "actor", "request_id", "changed_at"];
        let mut expected = item;
        expected.retain(|name, _| !of_every.contains(&name.as_str()));
        expected.retain(|name, _| !beside.contains(&name.as_str()));
        assert_eq!(image(serde_json::to_value(written).expect("JSON")), expected, "{kind}");
    }
}

#[test]
fn the_audit_trail_knows_every_stored_attribute() {
    for kind in Kind::ALL {
        for name in image(stored(*kind)).keys() {
            assert!(kind.trail().knows(name), "{name} of {kind} is neither shown nor hidden");
        }
    }
}

#[test]
fn the_audit_trail_leaves_out_only_hidden_attributes() {
    for (kind, hidden) in [
        (
            Kind::Account,
            &[
                "password_hash",
                "security_code_hash",
                "bio",
                "address",
                "profession",
                "date_of_birth",
            ][..],
        ),
        (Kind::Session, &["refresh_hash", "previous_hash"]),
        (
            Kind::Registration,
            &[
                "password_hash",
                "invite_hash",
                "email",
                "username",
                "name",
                "phone",
                "roll_no",
                "room_no",
            ],
        ),
        (Kind::PasswordReset, &["pk", "email"]),
        (Kind::LoginFailures, &["pk"]),
        (Kind::StaffToken, &["token_hash"]),
    ] {
        let item = stored(kind);
        let names = |value: &Value| -> BTreeSet<String> {
            value.as_object().expect("an item").keys().cloned().collect()
        };
        let shown = shown(&item).expect("an audit record");
        let left_out: BTreeSet<String> = names(&item).difference(&names(&shown)).cloned().collect();
        let hidden: BTreeSet<String> = hidden.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(left_out, hidden, "{kind}");
    }
}

#[test]
fn bookkeeping_items_leave_no_audit_record() {
    for kind in Kind::ALL {
        let is_bookkeeping =
            matches!(kind, Kind::Idempotency | Kind::NewestRegistration | Kind::Notification);
        assert_eq!(shown(&stored(*kind)).is_none(), is_bookkeeping, "{kind}");
    }
}

#[test]
fn using_a_staff_token_leaves_no_audit_record() {
    let before = stored(Kind::StaffToken);
    let mut after = before.clone();
    after["last_used_at"] = json!({ "N": "1767225660000" });
    assert_eq!(change(&before, &after).audit_record(), None);
    after["revoked_at"] = json!({ "N": "1767225660000" });
    assert!(change(&before, &after).audit_record().is_some());
}

#[test]
fn an_unlisted_attribute_is_not_shown_in_the_audit_trail() {
    let mut item = stored(Kind::Account);
    item["shoe_size"] = json!({ "N": "43" });
    let shown = shown(&item).expect("an audit record");
    assert_eq!((&shown["name"], &shown["shoe_size"]), (&item["name"]["S"], &Value::Null));
}

#[test]
fn the_trail_shows_only_key_and_stamp_of_an_unknown_kind() {
    let mut item = stored(Kind::Account);
    item["kind"] = json!({ "S": "shoe" });
    let change = change(&Value::Null, &item);
    assert!(change.of.is_none());
    let record = change.audit_record().expect("an audit record");
    assert_eq!((record.kind.as_str(), record.mess_id.as_str()), ("shoe", "mess_demo"));
    let shown = record.after.expect("an image after the insert");
    let names: BTreeSet<&str> =
        shown.as_object().expect("an item").keys().map(String::as_str).collect();
    assert_eq!(names, ["actor", "changed_at", "kind", "pk", "request_id", "sk"].into());
}

#[test]
fn an_unreadable_item_is_recorded_without_hidden_attributes() {
    let mut item = stored(Kind::Account);
    item["status"] = json!({ "S": "asleep" });
    let change = change(&Value::Null, &item);
    assert!(change.of.is_none());
    let shown = change.audit_record().and_then(|record| record.after).expect("an audit record");
    assert_eq!(shown["status"], "asleep");
    assert_eq!(shown["password_hash"], Value::Null);
}

#[test]
fn became_returns_the_item_only_if_the_part_changed() {
    let before = stored(Kind::Order);
    let mut after = before.clone();
    after["version"] = json!({ "N": "7" });
    let became = |before, after| {
        let Some(Changed::Order(order)) = change(before, after).of else {
            panic!("an order");
        };
        (order.became(|it| it.version).is_some(), order.became(|it| it.status).is_some())
    };
    assert_eq!(became(&before, &after), (true, false));
    assert_eq!(became(&Value::Null, &after), (true, true), "inserted");
    assert_eq!(became(&before, &Value::Null), (false, false), "removed");
}
