//! Properties of identifiers: each one survives printing and parsing, has exactly one spelling,
//! and is refused as another kind.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::ids::*;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ulid::Ulid;

/// Parses text as one kind of identifier and prints the result.
type Reprint = fn(&str) -> Option<String>;

fn reprint<T: FromStr + Display>(text: &str) -> Option<String> {
    text.parse::<T>().ok().map(|id| id.to_string())
}

/// Checks the properties that every identifier has, whatever its kind.
fn assert_survives<T>(id: &T)
where
    T: Debug + Display + DeserializeOwned + FromStr<Err: Debug> + PartialEq + Serialize,
{
    let printed = id.to_string();
    assert_eq!(&printed.parse::<T>().expect("a printed id can be parsed"), id);
    let json = serde_json::to_string(id).expect("an id is JSON");
    assert_eq!(json, format!("\"{printed}\""));
    assert_eq!(&serde_json::from_str::<T>(&json).expect("an id"), id);
    assert!(printed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
}

/// Lists the kinds of identifiers that are a prefix and a ULID, and checks each of them.
macro_rules! ulid_ids {
    ($($name:ident),* $(,)?) => {
        const ULID_IDS: &[(&str, Reprint)] = &[$((stringify!($name), reprint::<$name>)),*];

        fn assert_ulid_ids_survive(ulid: Ulid, later: Ulid) {
            $({
                let (id, after) = ($name::from_ulid(ulid), $name::from_ulid(later));
                assert_survives(&id);
                assert_eq!(id.to_string(), format!("{}{ulid}", $name::PREFIX));
                assert_eq!(id.cmp(&after), id.to_string().cmp(&after.to_string()));
            })*
        }
    };
}

ulid_ids!(
    AccountId,
    ClosureId,
    CutId,
    CycleId,
    DeviceId,
    EmailChangeId,
    LookupId,
    NotificationId,
    OrderId,
    PasswordResetId,
    PictureId,
    RefundId,
    RegistrationId,
    SessionId,
    StaffTokenId,
    SubmissionId,
);

/// The kinds of identifiers with another form.
const OTHER_IDS: &[(&str, Reprint)] = &[
    ("MessId", reprint::<MessId>),
    ("RazorpayOrderId", reprint::<RazorpayOrderId>),
    ("RazorpayPaymentId", reprint::<RazorpayPaymentId>),
    ("RazorpayRefundId", reprint::<RazorpayRefundId>),
    ("TokenId", |text| TokenId::parse(text).ok().map(|id| id.to_string())),
];

#[test]
fn these_tests_cover_every_kind_of_identifier() {
    let source = include_str!("../ids.rs");
    let after = |line: &'static str| source.split(line).skip(1);
    let ulid_ids = after("\nulid_id!(").filter_map(|rest| {
        let (_, name) = rest.split_once("\n    ")?;
        name.lines().map(str::trim).find(|line| !line.starts_with("///"))?.split(',').next()
    });
    let others = after("\npub struct ").filter_map(|rest| rest.split([' ', '(']).next());
    let in_code: BTreeSet<&str> = ulid_ids.chain(others).collect();
    let known: BTreeSet<&str> = ULID_IDS.iter().chain(OTHER_IDS).map(|(name, _)| *name).collect();
    assert_eq!(known, in_code);
}

/// Text that is an identifier, or looks similar to one.
fn nearly_an_id() -> impl Strategy<Value = String> {
    let prefix = prop::sample::select(vec![
        "acc_", "reg_", "ses_", "sub_", "rst_", "pic_", "rfd_", "mess_", "order_", "pay_", "tok_",
        "ACC_", "acc", "", "_",
    ]);
    let tail = prop_oneof![
        "[0-9A-HJKMNP-TV-Z]{26}",
        "[0-9a-zA-Z]{0,42}",
        "[0-9A-Za-z_#-]{1,20}",
        "[0-9A-Za-z]{1,14}_[0-9]{1,4}",
        ".{0,30}",
    ];
    (prefix, tail).prop_map(|(prefix, tail)| format!("{prefix}{tail}"))
}

proptest! {
    #[test]
    fn every_ulid_id_survives_print_and_parse_and_sorts_by_its_ulid(
        bits in any::<u128>(), later in any::<u128>(),
    ) {
        assert_ulid_ids_survive(Ulid(bits), Ulid(later));
    }

    #[test]
    fn every_other_id_survives_print_and_parse(
        mess in "mess_[0-9A-Za-z_-]{1,40}",
        bits in any::<u128>(),
        order in "[0-9A-Za-z]{1,40}",
        number in 1_u16..=999,
    ) {
        assert_survives(&MessId::parse(&mess).expect("a mess"));
        assert_survives(&MessId::from_ulid(Ulid(bits)));
        let order_id = RazorpayOrderId::parse(&format!("order_{order}")).expect("an order");
        assert_survives(&order_id);
        assert_survives(&RazorpayPaymentId::parse(&format!("pay_{order}")).expect("a payment"));
        let token = TokenId::new(order_id.clone(), number);
        let parsed = TokenId::parse(&token.to_string()).expect("a token");
        prop_assert_eq!((parsed.order_id(), parsed.number()), (&order_id, number));
    }

    #[test]
    fn an_id_has_one_spelling_and_one_kind(text in nearly_an_id()) {
        let mut kinds = 0;
        for (name, reprint) in ULID_IDS.iter().chain(OTHER_IDS) {
            if let Some(printed) = reprint(&text) {
                prop_assert_eq!(&printed, &text, "{}", name);
                kinds += 1;
            }
        }
        prop_assert!(kinds <= 1, "{} is of {} kinds", text, kinds);
    }
}

proptest! {
    #[test]
    fn an_account_id_survives_print_and_parse(bits in any::<u128>()) {
        let id = AccountId::from_ulid(Ulid(bits));
        prop_assert_eq!(AccountId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn an_order_id_contains_the_account_part_and_sorts_by_time(bits in any::<u128>(), at in 0_i64..4_000_000_000_000) {
        let account = AccountId::from_ulid(Ulid(bits));
        let at = Timestamp::from_millisecond(at).expect("in range");
        let (order, later) = (OrderId::of(account, at), OrderId::of(account, at + SignedDuration::from_millis(1)));
        prop_assert!(order < later);
        prop_assert_eq!(order.account_part(), account.account_part());
        prop_assert!(account.to_string().ends_with(&order.account_part()));
        prop_assert_eq!(order.account_part().len(), 16);
    }

    #[test]
    fn a_token_id_survives_print_and_parse(tail in "[0-9A-Za-z]{14}", number in 1_u16..=500) {
        let order = RazorpayOrderId::parse(&format!("order_{tail}")).expect("of Razorpay's form");
        let id = TokenId::new(order, number);
        prop_assert_eq!(TokenId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn parsing_never_panics(text in ".{0,60}") {
        let _ = (AccountId::parse(&text), TokenId::parse(&text), MessId::parse(&text));
    }
}
