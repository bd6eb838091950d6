//! Tests with stored items of each kind: they can be read, and the audit trail knows each of their
//! attributes. The fixtures of a kind, `<kind>.json` and `<kind>-<variant>.json`, together have
//! every attribute that the kind can have.

use std::collections::BTreeSet;

use aws_lambda_events::dynamodb::EventRecord;
use serde_dynamo::{AttributeValue, Item};
use serde_json::{Value, json};

use super::Change;
use super::kinds::{Changed, Kind};

/// Attributes that are not in the struct of an item: updates or indexes add them.
const BESIDE: &[(Kind, &[&str])] = &[
    (Kind::Account, &["directory", "erased_at", "name_key"]),
    (Kind::Member, &["erased_at"]),
    (Kind::Session, &["ttl"]),
    (Kind::Registration, &["ttl"]),
    (Kind::NewestRegistration, &["mess_id", "begun", "counted_until", "sources", "ttl"]),
    (Kind::Invite, &["ttl"]),
    (Kind::PasswordReset, &["created_at", "begun", "counted_until", "sources", "ttl"]),
    (Kind::EmailChange, &["created_at", "begun", "counted_until", "ttl"]),
    (Kind::LoginFailures, &["ttl"]),
    (Kind::Mess, &["qr_keys", "closures", "schedules"]),
    (Kind::Cycle, &["cycle_status", "decided_by", "erased_at"]),
    (Kind::Order, &["pending"]),
    (Kind::Purchase, &["mismatch#pay_h4ovPAqrQtwxlt", "mismatch#pay_q8QAA0vKHUDxb9"]),
    (Kind::Plate, &["tries", "erased_at", "scan#kJ7NS20sQFkXofg0", "scan#kyh5e1R1Gzbtva4J"]),
    (Kind::Stray, &["scan#k2pRn7AqUq8oN0xE"]),
    (Kind::Notification, &["ttl"]),
    (Kind::Lookup, &["ttl"]),
    (Kind::Idempotency, &["ttl"]),
];

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/changes/fixtures");

/// The main fixture of a kind.
fn stored(kind: Kind) -> Value {
    fixture(kind.name()).unwrap_or_else(|| panic!("no fixture of the kind {kind}"))
}

fn fixture(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(format!("{FOLDER}/{name}.json")).ok()?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// All fixtures, with their kinds and names.
fn all_stored() -> Vec<(Kind, String, Value)> {
    let files = std::fs::read_dir(FOLDER).expect("the folder");
    let names = files.filter_map(|file| {
        Some(file.expect("a file").file_name().to_str()?.strip_suffix(".json")?.to_owned())
    });
    let fixtures: Vec<_> = names
        .map(|name| {
            let kind = name.split_once('-').map_or(&*name, |(kind, _)| kind);
            let kind = Kind::of(kind).unwrap_or_else(|| panic!("{name} is of no kind"));
            let item = fixture(&name).expect("it was just listed");
            (kind, name, item)
        })
        .collect();
    for kind in Kind::ALL {
        assert!(fixtures.iter().any(|(of, ..)| of == kind), "no fixture of the kind {kind}");
    }
    fixtures
}

/// The attributes that an item may lack, because they have no value or because it was stored
/// before they existed. Kinds that are not listed have none.
const OPTIONAL: &[(Kind, &[&str])] = &[
    (
        Kind::Account,
        &[
            "address",
            "bio",
            "date_of_birth",
            "decided_at",
            "decided_by",
            "decision_reason",
            "email",
            "password_changed_at",
            "password_version",
            "phone",
            "picture_key",
            "profession",
            "roll_no",
            "room_no",
            "security_code_failures",
            "security_code_forgotten_at",
            "security_code_hash",
            "telegram_claim",
            "username",
        ],
    ),
    (
        Kind::Session,
        &[
            "device",
            "first_hash",
            "password_version",
            "previous_hash",
            "repeat_hash",
            "repeats_until",
        ],
    ),
    (
        Kind::Registration,
        &[
            "asked_from",
            "invite_hash",
            "phone",
            "roll_no",
            "room_no",
            "stranger_attempts",
            "stranger_resends",
            "username",
        ],
    ),
    (Kind::NewestRegistration, &["by_source", "registration_id"]),
    (Kind::Invite, &["used_at"]),
    (
        Kind::PasswordReset,
        &["account_id", "asked_from", "other_resets", "password_version", "stranger_attempts"],
    ),
    (Kind::EmailChange, &["confirmed_at"]),
    (Kind::StaffToken, &["last_used_at", "revoked_at"]),
    (Kind::Mess, &["overrides", "region"]),
    (Kind::Member, &["codes", "picture_key", "qr_previous", "roll_no", "room_no", "was"]),
    (Kind::Cycle, &["decided_at", "reason", "roll_no"]),
    (Kind::Plate, &["admitted", "diner"]),
    (Kind::Notification, &["read_at"]),
    (Kind::Order, &["failure", "processed_at", "swept_at", "tokens"]),
    (
        Kind::Purchase,
        &[
            "asked_at",
            "captured_at",
            "capturing",
            "closed_at",
            "expires_at",
            "expires_on",
            "failed_at",
            "method",
            "open",
            "payment_id",
            "redeemed",
            "refund_id",
            "refunded",
            "refunding",
            "warned_at",
            "warned_of",
        ],
    ),
    (Kind::Refund, &["currency", "decided_at", "failure", "numbers", "open", "razorpay_refund_id"]),
];

/// Attributes that every item has.
const OF_EVERY: [&str; 6] = ["pk", "sk", "kind", "actor", "request_id", "changed_at"];

/// The entry of a kind in one of the lists above.
fn listed(list: &[(Kind, &'static [&'static str])], kind: Kind) -> &'static [&'static str] {
    list.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, attributes)| attributes)
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
    for (kind, name, item) in all_stored() {
        assert_eq!(item["kind"]["S"], kind.name());
        for (before, after) in [(&Value::Null, &item), (&item, &Value::Null), (&item, &item)] {
            assert!(change(before, after).of.is_some(), "{name}");
        }
    }
}

/// An attribute that becomes mandatory would make older items unreadable.
#[test]
fn optional_attributes_stay_optional() {
    for (kind, name, item) in all_stored() {
        let attributes = item.as_object().expect("an item");
        let reads_without = |attribute: &&String| {
            let mut without = attributes.clone();
            without.remove(*attribute);
            kind.written_again(image(without.into())).is_ok()
        };
        let outside = [&OF_EVERY, listed(BESIDE, kind)].concat();
        let names = attributes.keys().filter(|name| !outside.contains(&name.as_str()));
        let optional: BTreeSet<&str> = names.filter(reads_without).map(String::as_str).collect();
        let mut expected: BTreeSet<&str> = listed(OPTIONAL, kind).iter().copied().collect();
        expected.retain(|name| attributes.contains_key(*name));
        assert_eq!(optional, expected, "{name}");
    }
}

/// This also detects an accidental rename of an optional attribute.
#[test]
fn reading_and_rewriting_a_stored_item_keeps_it_unchanged() {
    for (kind, name, item) in all_stored() {
        let item = image(item);
        let mut written = kind.written_again(item.clone()).expect("readable");
        if kind == Kind::Idempotency {
            written.remove("ttl");
        }
        let outside = [&OF_EVERY, listed(BESIDE, kind)].concat();
        let mut expected = item;
        expected.retain(|name, _| !outside.contains(&name.as_str()));
        assert_eq!(image(serde_json::to_value(written).expect("JSON")), expected, "{name}");
    }
}

#[test]
fn the_audit_trail_knows_every_stored_attribute() {
    for (kind, _, item) in all_stored() {
        for name in image(item).keys() {
            assert!(kind.trail().knows(name), "{name} of {kind} is neither shown nor hidden");
        }
    }
}

#[test]
fn a_stored_purchase_with_mismatches_is_read_and_audited_whole() {
    let item = fixture("purchase-mismatch").expect("a fixture");
    let Some(Changed::Purchase(purchase)) = change(&Value::Null, &item).of else {
        panic!("a purchase");
    };
    let purchase = &purchase.after.as_ref().expect("an image after the insert").purchase;
    let read: Vec<(&str, u64, bool)> = purchase
        .mismatches
        .iter()
        .map(|(id, it)| (id.as_str(), it.amount.get(), it.is_refunded()))
        .collect();
    assert_eq!(read, [("pay_h4ovPAqrQtwxlt", 20_472, true), ("pay_q8QAA0vKHUDxb9", 20_000, false)]);
    let names = |value: &Value| value.as_object().expect("an item").len();
    assert_eq!(names(&shown(&item).expect("an audit record")), names(&item));

    // A record shows only the mismatches that a change is about.
    let mut after = item.clone();
    after["mismatch#pay_q8QAA0vKHUDxb9"]["M"]["refunded_at"] = json!({ "N": "1768458800000" });
    let record = change(&item, &after).audit_record().and_then(|record| record.after);
    let shown = record.expect("an audit record");
    assert!(shown["mismatch#pay_h4ovPAqrQtwxlt"].is_null(), "{shown}");
    assert_eq!(shown["mismatch#pay_q8QAA0vKHUDxb9"]["refunded_at"], 1_768_458_800_000_u64);
}

#[test]
fn a_stored_refund_of_a_payment_is_read_and_rewritten_unchanged() {
    let item = fixture("refund-payment").expect("a fixture");
    let Some(Changed::Refund(refund)) = change(&Value::Null, &item).of else { panic!("a refund") };
    let refund = refund.after.expect("an image after the insert");
    assert_eq!((refund.numbers.len(), refund.currency.as_str()), (0, "USD"));
    let written = Kind::Refund.written_again(image(item.clone())).expect("readable");
    for (name, value) in written.iter() {
        let value = serde_json::to_value(value).expect("JSON");
        assert_eq!(value, item[name], "{name}");
    }
    assert!(!written.contains_key("numbers"), "DynamoDB has no empty sets");
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
        (Kind::EmailChange, &["email"]),
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
fn the_trail_shows_nothing_of_where_a_code_was_asked_for() {
    for name in ["registration-sources", "password_reset-sources"] {
        let shown = shown(&fixture(name).expect("a fixture")).expect("an audit record");
        assert!(!shown["stranger_attempts"].is_null(), "{name}");
        let shown = shown.to_string();
        assert!(!shown.contains("n0f1e2d3c4b5a6978") && !shown.contains("d01KF0"), "{shown}");
    }
}

#[test]
fn the_record_of_an_erasure_does_not_show_what_is_lost() {
    for (kind, name) in [
        (Kind::Account, "account-deleted"),
        (Kind::Cycle, "cycle-erased"),
        (Kind::Plate, "plate-erased"),
    ] {
        let erased = fixture(name).expect("a fixture");
        let record = change(&stored(kind), &erased).audit_record().expect("an audit record");
        let (before, after) = (record.before.expect("shown"), record.after.expect("shown"));
        for (name, value) in before.as_object().expect("an item") {
            assert!(name == "status" || after[name] == *value, "{name} of {kind}");
        }
        assert!(after["erased_at"].is_u64() && before["mess_id"] == "mess_demo", "{before}");
        // The next change is recorded as always.
        let mut later = erased.clone();
        later["request_id"] = json!({ "S": "request-10" });
        let record = change(&erased, &later).audit_record().expect("an audit record");
        assert_eq!(record.before.expect("shown")["request_id"], erased["request_id"]["S"]);
    }
}

#[test]
fn wrong_passwords_in_a_session_are_found_by_the_account() {
    let item = fixture("login_failures-session").expect("a fixture");
    let record = change(&Value::Null, &item).audit_record().expect("an audit record");
    let session = "failures#ses_01KF05HFJ0D21YWW4F34G6Q05C";
    assert_eq!(record.entity, format!("acc_01KF05HFJ01D21YWW4F34G6Q05/{session}"));
    let device = fixture("login_failures-device").expect("a fixture");
    let record = change(&Value::Null, &device).audit_record().expect("an audit record");
    assert!(!record.entity.contains("asha"), "{}", record.entity);
}

#[test]
fn a_removed_guard_is_recorded_under_a_hash_of_its_name() {
    let guard = stored(Kind::Guard);
    let name = guard["pk"]["S"].as_str().expect("a key").to_owned();
    let removed = change(&guard, &Value::Null).audit_record().expect("an audit record");
    assert!(!removed.entity.contains(&name), "{}", removed.entity);
    assert_eq!(removed.before.expect("shown")["pk"], Value::Null);
    let made = change(&Value::Null, &guard).audit_record().expect("an audit record");
    assert_eq!(made.entity, format!("{name}/guard"));
}

#[test]
fn bookkeeping_items_leave_no_audit_record() {
    for kind in Kind::ALL {
        let is_bookkeeping =
            matches!(kind, Kind::Idempotency | Kind::NewestRegistration | Kind::Notification);
        // Only its beginning is recorded, see below.
        if *kind == Kind::Lookup {
            continue;
        }
        assert_eq!(shown(&stored(*kind)).is_none(), is_bookkeeping, "{kind}");
    }
}

#[test]
fn a_look_up_is_recorded_when_it_is_made_and_not_when_it_is_removed() {
    let lookup = stored(Kind::Lookup);
    let record = change(&Value::Null, &lookup).audit_record().expect("an audit record");
    assert_eq!(record.after.expect("an image")["found"][0], "acc_01KF05HFJ0ZEK0QZFF0KNXXT6N");
    assert_eq!(change(&lookup, &Value::Null).audit_record(), None);
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
