//! Database keys: every key can be parsed back to the one thing that it identifies. So no two
//! things share a key, whatever text is in names and clients' keys, and no key can be mistaken
//! for that of another kind of thing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use thali_domain::accounts::identity::{Email, LoginName, RollNo, Username};
use thali_domain::days::MealDate;
use thali_domain::ids::{
    AccountId, ClosureId, CutId, CycleId, DeviceId, LookupId, MessId, NotificationId, OrderId,
    RazorpayOrderId, RefundId, RegistrationId, SessionId, StaffTokenId, SubmissionId,
};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::orders::menu::Sku;
use thali_domain::staff::scan_ids::ScanKey;
use thali_platform::store::keys::{self, Key};
use ulid::Ulid;

/// Everything that has a key, with all parts of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Account(AccountId),
    Session(AccountId, SessionId),
    EmailChange(AccountId),
    EmailGuard(MessId, Email),
    UsernameGuard(MessId, Username),
    RollNoGuard(MessId, RollNo),
    LoginFailures(MessId, LoginName),
    DeviceFailures(MessId, LoginName, DeviceId),
    SessionFailures(AccountId, SessionId),
    NewestRegistration(MessId, Email),
    PasswordReset(MessId, Email),
    Registration(RegistrationId),
    Invite(MessId, String),
    Purchase(AccountId, RazorpayOrderId),
    Submission(AccountId, SubmissionId),
    Refund(AccountId, RefundId),
    Idempotency(AccountId, String, String),
    Item(MessId, Sku),
    Stock(MessId, Sku, u8),
    Order(MessId, OrderId),
    Mess(MessId),
    Member(MessId, AccountId),
    Cycle(MessId, CycleId),
    Cut(MessId, CutId),
    Closure(MessId, ClosureId),
    Plate(MessId, Sitting, String),
    Stray(MessId, Sitting, ScanKey),
    Notification(MessId, NotificationId),
    Lookup(MessId, LookupId),
    StaffToken(MessId, StaffTokenId),
    Audit(String, Timestamp, String),
    Mail(String),
}

/// The functions of `keys.rs` that these tests know. `login_guard` returns a key of `email_guard`
/// or of `username_guard`.
const KNOWN: [&str; 33] = [
    "account",
    "audit",
    "closure",
    "cut",
    "cycle",
    "device_failures",
    "email_change",
    "email_guard",
    "idempotency",
    "invite",
    "item",
    "login_failures",
    "login_guard",
    "lookup",
    "mail",
    "member",
    "mess",
    "newest_registration",
    "notification",
    "order",
    "password_reset",
    "plate",
    "purchase",
    "refund",
    "registration",
    "roll_no_guard",
    "session",
    "session_failures",
    "staff_token",
    "stock",
    "stray",
    "submission",
    "username_guard",
];

impl Thing {
    /// The table of a thing, and its key there.
    fn place(&self) -> (&'static str, Key) {
        match self {
            Self::Account(id) => ("accounts", keys::account(*id)),
            Self::Session(account, id) => ("accounts", keys::session(*account, *id)),
            Self::EmailChange(account) => ("accounts", keys::email_change(*account)),
            Self::EmailGuard(mess, email) => ("accounts", keys::email_guard(mess, email)),
            Self::UsernameGuard(mess, name) => ("accounts", keys::username_guard(mess, name)),
            Self::RollNoGuard(mess, roll_no) => ("accounts", keys::roll_no_guard(mess, roll_no)),
            Self::LoginFailures(mess, name) => ("accounts", keys::login_failures(mess, name)),
            Self::DeviceFailures(mess, name, device) => {
                ("accounts", keys::device_failures(mess, name, *device))
            }
            Self::SessionFailures(account, id) => {
                ("accounts", keys::session_failures(*account, *id))
            }
            Self::NewestRegistration(mess, email) => {
                ("accounts", keys::newest_registration(mess, email))
            }
            Self::PasswordReset(mess, email) => ("accounts", keys::password_reset(mess, email)),
            Self::Registration(id) => ("accounts", keys::registration(*id)),
            Self::Invite(mess, hash) => ("accounts", keys::invite(mess, hash)),
            Self::Purchase(account, order) => ("tokens", keys::purchase(*account, order)),
            Self::Submission(account, id) => ("tokens", keys::submission(*account, *id)),
            Self::Refund(account, id) => ("tokens", keys::refund(*account, *id)),
            Self::Idempotency(account, operation, key) => {
                ("tokens", keys::idempotency(*account, operation, key))
            }
            Self::Item(mess, sku) => ("orders", keys::item(mess, sku)),
            Self::Stock(mess, sku, shard) => ("orders", keys::stock(mess, sku, *shard)),
            Self::Order(mess, id) => ("orders", keys::order(mess, *id)),
            Self::Mess(mess) => ("meals", keys::mess(mess)),
            Self::Member(mess, account) => ("meals", keys::member(mess, *account)),
            Self::Cycle(mess, id) => ("meals", keys::cycle(mess, *id)),
            Self::Cut(mess, id) => ("meals", keys::cut(mess, *id)),
            Self::Closure(mess, id) => ("meals", keys::closure(mess, *id)),
            Self::Plate(mess, sitting, part) => ("meals", keys::plate(mess, *sitting, part)),
            Self::Stray(mess, sitting, scan) => ("meals", keys::stray(mess, *sitting, scan)),
            Self::Notification(mess, id) => ("meals", keys::notification(mess, *id)),
            Self::Lookup(mess, id) => ("meals", keys::lookup(mess, *id)),
            Self::StaffToken(mess, id) => ("accounts", keys::staff_token(mess, *id)),
            Self::Audit(mess, at, event) => ("audit", keys::audit(mess, *at, event)),
            Self::Mail(id) => ("audit", keys::mail(id)),
        }
    }

    /// Parses a key, as the table in `keys.rs` describes it.
    fn read(table: &str, key: &Key) -> Option<Self> {
        match table {
            "accounts" => Self::read_account(key),
            "tokens" => Self::read_token(key.pk.parse().ok()?, &key.sk),
            "orders" => Self::read_order(key),
            "meals" => Self::read_meal(key),
            "audit" => Self::read_audit(key),
            _ => None,
        }
    }

    fn read_account(Key { pk, sk }: &Key) -> Option<Self> {
        if let Ok(id) = pk.parse::<AccountId>() {
            return match sk.split_once('#') {
                None if sk == "email_change" => Some(Self::EmailChange(id)),
                None => (sk == "account").then_some(Self::Account(id)),
                Some(("session", rest)) => Some(Self::Session(id, rest.parse().ok()?)),
                Some(("failures", rest)) => Some(Self::SessionFailures(id, rest.parse().ok()?)),
                Some(_) => None,
            };
        }
        if let Ok(id) = pk.parse::<RegistrationId>() {
            return (sk == "registration").then_some(Self::Registration(id));
        }
        let (mess, rest) = pk.split_once('#')?;
        if rest == "staff_tokens" {
            return Some(Self::StaffToken(mess.parse().ok()?, sk.parse().ok()?));
        }
        let (mess, (kind, name)) = (mess.parse().ok()?, rest.split_once('#')?);
        if let Some(device) = sk.strip_prefix("failures#") {
            let name = match kind {
                "email" => LoginName::Email(name.parse().ok()?),
                "username" => LoginName::Username(name.parse().ok()?),
                _ => return None,
            };
            return Some(Self::DeviceFailures(mess, name, device.parse().ok()?));
        }
        Some(match (kind, sk.as_str()) {
            ("email", "guard") => Self::EmailGuard(mess, name.parse().ok()?),
            ("email", "failures") => {
                Self::LoginFailures(mess, LoginName::Email(name.parse().ok()?))
            }
            ("email", "registration") => Self::NewestRegistration(mess, name.parse().ok()?),
            ("email", "reset") => Self::PasswordReset(mess, name.parse().ok()?),
            ("username", "guard") => Self::UsernameGuard(mess, name.parse().ok()?),
            ("username", "failures") => {
                Self::LoginFailures(mess, LoginName::Username(name.parse().ok()?))
            }
            ("roll_no", "guard") => Self::RollNoGuard(mess, name.parse().ok()?),
            ("invite", "invite") => Self::Invite(mess, name.to_owned()),
            _ => return None,
        })
    }

    fn read_token(account: AccountId, sk: &str) -> Option<Self> {
        let (kind, rest) = sk.split_once('#')?;
        Some(match kind {
            "purchase" => Self::Purchase(account, rest.parse().ok()?),
            "submission" => Self::Submission(account, rest.parse().ok()?),
            "refund" => Self::Refund(account, rest.parse().ok()?),
            "idempotency" => {
                let (operation, key) = rest.split_once('#')?;
                Self::Idempotency(account, operation.to_owned(), key.to_owned())
            }
            _ => return None,
        })
    }

    fn read_order(Key { pk, sk }: &Key) -> Option<Self> {
        let (mess, rest) = pk.split_once('#')?;
        let mess = mess.parse().ok()?;
        if rest == "menu" {
            return Some(Self::Item(mess, sk.strip_prefix("item#")?.parse().ok()?));
        }
        let (kind, rest) = rest.split_once('#')?;
        match (kind, sk.as_str()) {
            ("stock", "stock") => {
                let (sku, shard) = rest.split_once('#')?;
                Some(Self::Stock(mess, sku.parse().ok()?, shard.parse().ok()?))
            }
            ("orders", id) => {
                let id: OrderId = id.parse().ok()?;
                (id.account_part() == rest).then_some(Self::Order(mess, id))
            }
            _ => None,
        }
    }

    fn read_meal(Key { pk, sk }: &Key) -> Option<Self> {
        let Some((mess, rest)) = pk.split_once('#') else {
            return (sk == "mess").then(|| pk.parse().ok().map(Self::Mess))?;
        };
        let mess = mess.parse().ok()?;
        match rest {
            "students" => return Some(Self::Member(mess, sk.parse().ok()?)),
            "closures" => return Some(Self::Closure(mess, sk.parse().ok()?)),
            "lookups" => return Some(Self::Lookup(mess, sk.parse().ok()?)),
            "notifications" => return Some(Self::Notification(mess, sk.parse().ok()?)),
            _ => {}
        }
        let (kind, rest) = rest.split_once('#')?;
        if kind == "student" {
            let cycle = sk.parse().ok().filter(|id: &CycleId| id.account_part() == rest);
            let cut = sk.parse().ok().filter(|id: &CutId| id.account_part() == rest);
            return cycle
                .map(|id| Self::Cycle(mess.clone(), id))
                .or_else(|| cut.map(|id| Self::Cut(mess, id)));
        }
        let (date, meal) = rest.split_once('#')?;
        let meal = Meal::ALL.into_iter().find(|it| it.as_str() == meal)?;
        let sitting = Sitting { date: date.parse().ok()?, meal };
        match (kind, sk.split_once('#')?) {
            ("meal", ("student", part)) => Some(Self::Plate(mess, sitting, part.to_owned())),
            ("meal", ("stray", key)) => {
                Some(Self::Stray(mess, sitting, ScanKey::stored(key.to_owned())))
            }
            _ => None,
        }
    }

    fn read_audit(Key { pk, sk }: &Key) -> Option<Self> {
        let (first, rest) = pk.split_once('#')?;
        if first == "mail" {
            return (sk == "mail").then(|| Self::Mail(rest.to_owned()));
        }
        let (millis, event) = sk.split_once('#')?;
        let at = Timestamp::from_millisecond(millis.parse().ok()?).ok()?;
        at.to_string()
            .starts_with(rest)
            .then(|| Self::Audit(first.to_owned(), at, event.to_owned()))
    }
}

fn mess() -> impl Strategy<Value = MessId> {
    let names = prop::sample::select(vec!["a", "a_b", "a-b", "email", "mess_a", "guard", "-", "_"]);
    prop_oneof![names.prop_map(str::to_owned), "[0-9A-Za-z_-]{1,40}"]
        .prop_map(|name| MessId::parse(&format!("mess_{name}")).expect("a mess"))
}

/// E-mail addresses that contain our separator and our own words, which are allowed there.
fn email() -> impl Strategy<Value = Email> {
    let local = prop_oneof![
        prop::sample::select(vec!["#", "a#guard", "#email#a", "mess_a#email#a", "guard#", "a"])
            .prop_map(str::to_owned),
        "[a-z#._!$%&'*+/=?^`{|}~-]{1,12}",
    ];
    local.prop_map(|local| Email::parse(&format!("{local}@x.in")).expect("an address"))
}

fn username() -> impl Strategy<Value = Username> {
    "[a-z0-9][a-z0-9._-]{2,12}".prop_map(|name| Username::parse(&name).expect("a username"))
}

fn roll_no() -> impl Strategy<Value = RollNo> {
    "[A-Z0-9/.-]{1,12}".prop_map(|roll_no| RollNo::parse(&roll_no).expect("a roll number"))
}

/// Often one of three ids, so that several things belong to one account.
fn ulid() -> impl Strategy<Value = Ulid> {
    prop_oneof![(0_u128..3).prop_map(Ulid), any::<u128>().prop_map(Ulid)]
}

fn account() -> impl Strategy<Value = AccountId> {
    ulid().prop_map(AccountId::from_ulid)
}

fn order() -> impl Strategy<Value = RazorpayOrderId> {
    "order_[0-9A-Za-z]{1,14}".prop_map(|id| RazorpayOrderId::parse(&id).expect("an order"))
}

fn sku() -> impl Strategy<Value = Sku> {
    let ours = prop::sample::select(vec!["stock", "menu", "item", "orders", "1", "01"]);
    prop_oneof![ours.prop_map(str::to_owned), "[0-9A-Za-z][0-9A-Za-z._-]{0,6}"]
        .prop_map(|sku| Sku::parse(&sku).expect("a sku"))
}

fn sitting() -> impl Strategy<Value = Sitting> {
    let date =
        (0..70_000).prop_map(|day| MealDate::parse("2000-01-01").expect("a date").plus_days(day));
    let meal = prop::sample::select(Meal::ALL.to_vec());
    (date, meal).prop_map(|(date, meal)| Sitting { date, meal })
}

/// What a client may send as its key: visible ASCII, including our separator.
fn client_key() -> impl Strategy<Value = String> {
    let like_ours = prop::sample::select(vec!["#", "##", "k#k", "submit-tokens#k", "#k", "k#"]);
    prop_oneof![like_ours.prop_map(str::to_owned), "[!-~]{1,64}"]
}

fn thing() -> impl Strategy<Value = Thing> {
    let operations = vec![
        "create-order",
        "submit-tokens",
        "refund",
        "place-order",
        "change-stock",
        "upload-cycle",
    ];
    let operation = prop::sample::select(operations);
    let login_name = || {
        prop_oneof![email().prop_map(LoginName::Email), username().prop_map(LoginName::Username)]
    };
    let at = (0_i64..4_000_000_000_000).prop_map(|at| Timestamp::from_millisecond(at).expect("ok"));
    let of_mess = prop_oneof![mess().prop_map(|mess| mess.to_string()), Just("none".to_owned())];
    let event = "[#0-9a-z-]{1,36}";
    prop_oneof![
        account().prop_map(Thing::Account),
        (account(), ulid()).prop_map(|(a, s)| Thing::Session(a, SessionId::from_ulid(s))),
        account().prop_map(Thing::EmailChange),
        (mess(), email()).prop_map(|(mess, email)| Thing::EmailGuard(mess, email)),
        (mess(), username()).prop_map(|(mess, name)| Thing::UsernameGuard(mess, name)),
        (mess(), roll_no()).prop_map(|(mess, roll_no)| Thing::RollNoGuard(mess, roll_no)),
        (mess(), login_name()).prop_map(|(mess, name)| Thing::LoginFailures(mess, name)),
        (mess(), login_name(), ulid()).prop_map(|(mess, name, device)| Thing::DeviceFailures(
            mess,
            name,
            DeviceId::from_ulid(device)
        )),
        (account(), ulid()).prop_map(|(a, s)| Thing::SessionFailures(a, SessionId::from_ulid(s))),
        (mess(), email()).prop_map(|(mess, email)| Thing::NewestRegistration(mess, email)),
        (mess(), email()).prop_map(|(mess, email)| Thing::PasswordReset(mess, email)),
        ulid().prop_map(|id| Thing::Registration(RegistrationId::from_ulid(id))),
        (mess(), "[0-9a-f]{64}").prop_map(|(mess, hash)| Thing::Invite(mess, hash)),
        (account(), order()).prop_map(|(account, order)| Thing::Purchase(account, order)),
        (account(), ulid()).prop_map(|(a, s)| Thing::Submission(a, SubmissionId::from_ulid(s))),
        (account(), ulid()).prop_map(|(a, r)| Thing::Refund(a, RefundId::from_ulid(r))),
        (account(), operation, client_key()).prop_map(|(a, operation, key)| Thing::Idempotency(
            a,
            operation.to_owned(),
            key
        )),
        (mess(), sku()).prop_map(|(mess, sku)| Thing::Item(mess, sku)),
        // From 1, because the item itself is the first shard.
        (mess(), sku(), 1_u8..16).prop_map(|(mess, sku, shard)| Thing::Stock(mess, sku, shard)),
        (mess(), ulid()).prop_map(|(mess, id)| Thing::Order(mess, OrderId::from_ulid(id))),
        mess().prop_map(Thing::Mess),
        (mess(), account()).prop_map(|(mess, account)| Thing::Member(mess, account)),
        (mess(), ulid()).prop_map(|(mess, id)| Thing::Cycle(mess, CycleId::from_ulid(id))),
        (mess(), ulid()).prop_map(|(mess, id)| Thing::Cut(mess, CutId::from_ulid(id))),
        (mess(), ulid()).prop_map(|(mess, id)| Thing::Closure(mess, ClosureId::from_ulid(id))),
        (mess(), sitting(), account()).prop_map(|(mess, sitting, id)| Thing::Plate(
            mess,
            sitting,
            id.account_part()
        )),
        (mess(), sitting(), ulid()).prop_map(|(mess, sitting, id)| Thing::Stray(
            mess,
            sitting,
            ScanKey::of_scan(id)
        )),
        (mess(), ulid()).prop_map(|(mess, id)| Thing::Lookup(mess, LookupId::from_ulid(id))),
        (mess(), ulid())
            .prop_map(|(mess, id)| Thing::Notification(mess, NotificationId::from_ulid(id))),
        (mess(), ulid())
            .prop_map(|(mess, id)| Thing::StaffToken(mess, StaffTokenId::from_ulid(id))),
        (of_mess, at, event).prop_map(|(mess, at, event)| Thing::Audit(mess, at, event)),
        client_key().prop_map(Thing::Mail),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn every_key_parses_back_to_the_thing_that_it_identifies(thing in thing()) {
        let (table, key) = thing.place();
        prop_assert_eq!(Thing::read(table, &key), Some(thing));
    }
}

proptest! {
    #[test]
    fn two_things_never_share_a_key(things in prop::collection::vec(thing(), 2..24)) {
        for (number, one) in things.iter().enumerate() {
            for other in &things[..number] {
                prop_assert_eq!(one == other, one.place() == other.place(), "{:?} {:?}", one, other);
            }
        }
    }

    #[test]
    fn an_unpaid_purchase_is_in_one_of_sixteen_partitions(order in order()) {
        let partition = keys::open_partition(&order);
        let shard = partition.strip_prefix("open#").and_then(|shard| shard.parse::<u8>().ok());
        prop_assert!(shard.is_some_and(|shard| shard < 16), "{}", partition);
    }
}

proptest! {
    #[test]
    fn an_order_is_in_the_partition_of_its_account(mess in mess(), account in account(), at in 0_i64..4_000_000_000_000) {
        let at = Timestamp::from_millisecond(at).expect("in range");
        let key = keys::order(&mess, OrderId::of(account, at));
        prop_assert_eq!(key.pk, keys::orders(&mess, account));
    }
}

#[test]
fn these_tests_know_every_key() {
    let source = include_str!("../shared/platform/src/store/keys.rs");
    let functions = source.split("\npub fn ").skip(1).filter_map(|function| {
        let (signature, _) = function.split_once('{')?;
        signature.contains("-> Key").then(|| signature.split('(').next())?
    });
    assert_eq!(functions.collect::<BTreeSet<_>>(), BTreeSet::from(KNOWN));
}
