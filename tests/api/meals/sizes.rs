//! A scan reads the student's item for one read unit and the mess's item for half a unit. This
//! holds only while each of them has at most four kilobytes, even with everything in it that the
//! rules allow.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::{Email, Name, Role};
use thali_domain::ids::{AccountId, MessId, PictureId};
use thali_domain::meals::entitlement::{CODES_MAX, OPEN_CYCLES_MAX, STATUSES_MAX};
use thali_domain::mess::{Approval, SCHEDULES_MAX, ZoneName};
use thali_domain::pictures::{PictureFormat, PictureKey};
use thali_domain::staff::gate::{EARLIER_KEYS_MAX, GraceHours, QrKeys};
use thali_domain::students::qr::{Kid, Nonce};
use thali_platform::store::{Account, Member, keys};

use super::{close, cut_day};
use crate::support::TestApp;
use crate::support::people::Student;

/// How many bytes one read unit reads.
const READ_UNIT_BYTES: usize = 4_096;

/// A character of the largest size: four bytes.
const WIDE: &str = "𠮷";

/// An item's size as DynamoDB counts it, or a few bytes more: a number takes one byte for each
/// two of its digits, and up to two more. <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
fn size_of(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::L(values) => {
            3 + values.iter().map(|value| 1 + size_of_value(value)).sum::<usize>()
        }
        AttributeValue::M(members) => 3 + members.len() + size_of(members),
        other => panic!("the size of this type is not known here: {other:?}"),
    }
}

impl TestApp {
    async fn member_of(&self, mess: &MessId, account: AccountId) -> Member {
        self.app.store.member_get(mess, account).await.expect("read").expect("there")
    }

    async fn size_of(&self, key: &keys::Key) -> usize {
        let items = self.dynamo.items("meals").await;
        let at = key.attributes();
        let found = items.iter().find(|it| it["pk"] == at["pk"] && it["sk"] == at["sk"]);
        size_of(found.expect("it is there"))
    }
}

fn mess_with_the_longest_id() -> MessId {
    MessId::parse(&format!("mess_{}", "m".repeat(40))).expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_allowed_student_fits_in_one_read_unit() {
    let test = TestApp::start().await;
    let mess = mess_with_the_longest_id();
    test.create_mess(mess.as_str(), Approval::Automatic).await;
    let id = AccountId::from_ulid(test.app.clock.ulid());
    let name = Name::parse(&WIDE.repeat(100)).expect("the longest");
    let account = Account::new(id, mess.clone(), Role::Student, name, "none".into(), test.now());
    let account = Account {
        email: Some(Email::parse("asha@example.com").expect("an address")),
        roll_no: Some("R".repeat(32).parse().expect("the longest")),
        room_no: Some(WIDE.repeat(32).parse().expect("the longest")),
        picture_key: Some(PictureKey {
            account_id: id,
            picture_id: PictureId::from_ulid(test.app.clock.ulid()),
            format: PictureFormat::WebP,
        }),
        ..account
    };
    test.app.store.account_create(&account, &test.stamp()).await.expect("made");
    let (email, account_id) = ("asha@example.com".to_owned(), id.to_string());
    let asha = Student { email, account_id, token: String::new(), cookie: String::new() };
    let asha = test.with_new_session(&asha).await;
    for day in 1..=20 {
        test.send(cut_day(&asha, &format!("2026-03-{day:02}"))).await.expect(201);
        test.advance(SignedDuration::from_millis(1));
    }
    // A student who has reset the code has those before it, too.
    for number in 0..CODES_MAX {
        test.advance(SignedDuration::from_millis(1));
        let nonce = Nonce::from_random([u8::try_from(number).expect("few"); 9]);
        let reset = test.app.store.code_reset(&mess, id, &nonce, &test.stamp()).await;
        let student = reset.expect("written").expect("there");
        assert_eq!(student.codes.entries().len(), number + 1);
    }
    let key = keys::member(&mess, id);
    // As many statuses as are kept: a time of five bytes and a letter for each.
    let statuses =
        (0..u8::try_from(STATUSES_MAX).expect("few")).flat_map(|number| [0, 0, 0, 1, number, b'a']);
    let statuses = AttributeValue::B(statuses.collect::<Vec<u8>>().into());
    test.dynamo.set("meals", &key, "was", statuses).await;
    assert_eq!(
        test.member_of(&mess, id).await.statuses.map(|it| it.entries().len()),
        Some(STATUSES_MAX)
    );
    let cycles: HashMap<String, AttributeValue> =
        (0..OPEN_CYCLES_MAX).map(|number| (format!("cyc_{number:026}"), longest_cycle())).collect();
    test.dynamo.set("meals", &key, "cycles", AttributeValue::M(cycles)).await;
    // The longest status of a student who had another one, the longest request id, and a version
    // that nobody reaches.
    let longest = |value: &str| AttributeValue::S(value.to_owned());
    test.dynamo.set("meals", &key, "status", longest("rejected")).await;
    test.dynamo.set("meals", &key, "request_id", longest(&"r".repeat(36))).await;
    test.dynamo.set("meals", &key, "version", AttributeValue::N("9999999999".to_owned())).await;
    let size = test.size_of(&key).await;
    println!("the largest student has {size} bytes");
    assert!(size <= READ_UNIT_BYTES, "{size}");
    // The limit of cycles could not be higher: the item is almost full.
    assert!(size + 80 > READ_UNIT_BYTES, "{size}");
}

fn longest_cycle() -> AttributeValue {
    let members = [("from", "2026-01-01"), ("to", "2026-01-31"), ("state", "verified")];
    let member =
        |(name, value): (&str, &str)| (name.to_owned(), AttributeValue::S(value.to_owned()));
    AttributeValue::M(members.into_iter().map(member).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_allowed_mess_is_read_with_half_a_read_unit() {
    let test = TestApp::start().await;
    let mess = mess_with_the_longest_id();
    test.create_mess(mess.as_str(), Approval::Automatic).await;
    let owner = test.owner_of(&mess, "owner@example.com").await;
    let zone = jiff::tz::db().available().map(|name| name.to_string());
    let zone = zone.filter(|name| ZoneName::parse(name).is_ok()).max_by_key(String::len);
    let settings = json!({
        "name": WIDE.repeat(100), "time_zone": zone.expect("a zone"), "approval": "automatic",
        "token_price_paise": 1_000_000, "token_validity_days": 730,
    });
    let patch = crate::support::Call::patch("/api/v1/mess", &settings).bearer(&owner.token);
    test.send(patch).await.expect(200);
    for _ in 0..20 {
        let body = json!({ "from": "2026-02-01", "to": "2026-02-02", "reason": WIDE.repeat(300) });
        test.send(close(&owner, &body)).await.expect(201);
    }
    for number in 0..=SCHEDULES_MAX {
        test.advance(SignedDuration::from_millis(1));
        let closes = format!("23:{number:02}");
        let windows = json!({ "DINNER": { "opens": "20:00", "closes": closes } });
        let patch = json!({ "meal_windows": windows });
        let patch = crate::support::Call::patch("/api/v1/mess", &patch).bearer(&owner.token);
        test.send(patch).await.expect(200);
    }
    let key = keys::mess(&mess);
    let current = Kid::parse("k999999990").expect("a key's id");
    let grace = GraceHours::try_from(720).expect("in range");
    let qr_keys = (0..7).fold(QrKeys { current, ..QrKeys::default() }, |keys, hour| {
        keys.rotate(grace, test.now() + SignedDuration::from_hours(hour))
    });
    assert!(qr_keys.earlier.len() == EARLIER_KEYS_MAX && qr_keys.lost_until.is_some());
    let (store, stamp) = (&test.app.store, test.stamp());
    let written = store.codes_rotate(&mess, &QrKeys::default(), &qr_keys, None, &stamp).await;
    assert!(written.expect("written"), "the mess has never rotated its key");
    test.dynamo.set("meals", &key, "request_id", AttributeValue::S("r".repeat(36))).await;
    let size = test.size_of(&key).await;
    println!("the largest mess has {size} bytes");
    assert!(size <= READ_UNIT_BYTES, "{size}");
}
