//! Typed identifiers. Thali's own identifiers are a short prefix and a ULID: they sort by
//! creation time, and parsing refuses an identifier of another kind. Razorpay's identifiers
//! keep their own form.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::Unacceptable;
use crate::text::{plain_schema, text_newtype};

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// The identifier's prefix, with its underscore.
            pub const PREFIX: &'static str = concat!($prefix, "_");

            /// Makes the identifier from the caller's ULID.
            #[must_use]
            pub const fn from_ulid(ulid: Ulid) -> Self {
                Self(ulid)
            }

            /// Parses the printed form. Another prefix, or a ULID that is not in canonical
            /// upper case, is refused.
            pub fn parse(text: &str) -> Result<Self, Unacceptable> {
                let refused = || Unacceptable::new(concat!("must be an identifier that begins with ", $prefix, "_"));
                let ulid = text.strip_prefix(Self::PREFIX).ok_or_else(refused)?;
                let parsed = Ulid::from_string(ulid).map_err(|_| refused())?;
                if parsed.to_string() == ulid { Ok(Self(parsed)) } else { Err(refused()) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Unacceptable;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Unacceptable;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        plain_schema!($name: String, pattern = concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$"));
    };
}

ulid_id!(
    /// An account of any role.
    AccountId, "acc"
);
ulid_id!(
    /// A sign-up that waits for its one-time code.
    RegistrationId, "reg"
);

ulid_id!(
    /// A password reset that waits for its one-time code.
    PasswordResetId, "rst"
);
ulid_id!(
    /// A change of an e-mail address that waits for its one-time code.
    EmailChangeId, "emc"
);
ulid_id!(
    /// A requested upload of a picture.
    PictureId, "pic"
);
ulid_id!(
    /// One login on one device.
    SessionId, "ses"
);
ulid_id!(
    /// A browser that has logged in to an account. Its device cookie holds the id.
    DeviceId, "dev"
);
ulid_id!(
    /// A submission: tokens that a student redeemed together.
    SubmissionId, "sub"
);
ulid_id!(
    /// A refund of tokens.
    RefundId, "rfd"
);
/// Implements the ids of a student's records. Their random part is the random part of the
/// student's account id. So the id leads to the partition with the student's records, and two
/// students never have the same id.
macro_rules! id_of_account {
    ($($name:ident)*) => {
        $(impl $name {
            /// The id of a record that `account` creates at `at`: the time, and the random part
            /// of the account's id.
            #[must_use]
            pub fn of(account: AccountId, at: Timestamp) -> Self {
                let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
                Self(Ulid::from_parts(millis, account.0.random()))
            }

            /// When the record was created: the time in its id.
            #[must_use]
            pub fn made_at(self) -> Timestamp {
                time_of(self.0)
            }

            /// The last sixteen characters, which are the same in the account's id and in the
            /// ids of all its records.
            #[must_use]
            pub fn account_part(self) -> String {
                random_part(self.0)
            }
        })*
    };
}

ulid_id!(
    /// An order of stocked items. Made by [`OrderId::of`].
    OrderId, "ord"
);
ulid_id!(
    /// A cycle. Made by [`CycleId::of`]; in the API, the payment's id.
    CycleId, "cyc"
);
ulid_id!(
    /// A mess cut. Made by [`CutId::of`].
    CutId, "cut"
);
id_of_account!(OrderId CycleId CutId);
ulid_id!(
    /// Days or meals for which the mess is closed.
    ClosureId, "clo"
);
ulid_id!(
    /// A staff token of a device at the counter. The token's secret is not part of the id.
    StaffTokenId, "stk"
);
ulid_id!(
    /// A search for students by staff or an owner.
    LookupId, "lkp"
);
ulid_id!(
    /// A notification to the owners of a mess.
    NotificationId, "ntf"
);
/// Implements when what an id names was made.
macro_rules! made_at {
    ($($name:ident)*) => {
        $(impl $name {
            /// When it was made: the time in its id.
            #[must_use]
            pub fn made_at(self) -> Timestamp {
                time_of(self.0)
            }
        })*
    };
}
made_at!(RegistrationId PasswordResetId EmailChangeId SessionId ClosureId);

impl AccountId {
    /// The last sixteen characters, which are the same in the ids of all records of the
    /// account.
    #[must_use]
    pub fn account_part(self) -> String {
        random_part(self.0)
    }
}

fn time_of(ulid: Ulid) -> Timestamp {
    let millis = i64::try_from(ulid.timestamp_ms()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

fn random_part(ulid: Ulid) -> String {
    ulid.to_string().split_off(10)
}

/// A mess (tenant): `mess_` and 1 to 40 letters, digits, `-` or `_`.
///
/// It is not always a ULID, because an operator may choose a readable name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessId(String);

impl MessId {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let accepted = text.strip_prefix("mess_").is_some_and(|name| {
            (1..=40).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
        if accepted {
            Ok(Self(text.to_owned()))
        } else {
            Err(Unacceptable::new("must be mess_ and 1 to 40 letters, digits, - or _"))
        }
    }

    /// Makes a new id from a ULID.
    #[must_use]
    pub fn from_ulid(ulid: Ulid) -> Self {
        Self(format!("mess_{ulid}"))
    }
}
text_newtype!(MessId);
plain_schema!(MessId: String, pattern = "^mess_[A-Za-z0-9_-]{1,40}$");

/// Parses the form of Razorpay's ids: `prefix` followed by 1 to 40 letters and digits.
fn razorpay_id(text: &str, prefix: &str) -> Result<String, Unacceptable> {
    let accepted = text.strip_prefix(prefix).is_some_and(|tail| {
        (1..=40).contains(&tail.len()) && tail.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if accepted {
        Ok(text.to_owned())
    } else {
        Err(Unacceptable::new(format!("must be a Razorpay id that begins with {prefix}")))
    }
}

/// Razorpay's id of an order, such as `order_IEIaMR65cu6nz3`. It identifies a purchase.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RazorpayOrderId(String);

impl RazorpayOrderId {
    const PREFIX: &'static str = "order_";

    /// Parses Razorpay's form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        razorpay_id(text, Self::PREFIX).map(Self)
    }

    fn tail(&self) -> &str {
        &self.0[Self::PREFIX.len()..]
    }
}
text_newtype!(RazorpayOrderId);
plain_schema!(RazorpayOrderId: String, pattern = "^order_[A-Za-z0-9]{1,40}$");

/// Razorpay's id of a payment, such as `pay_IH4NVgf4Dreq1l`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RazorpayPaymentId(String);

impl RazorpayPaymentId {
    /// Parses Razorpay's form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        razorpay_id(text, "pay_").map(Self)
    }
}
text_newtype!(RazorpayPaymentId);
plain_schema!(RazorpayPaymentId: String, pattern = "^pay_[A-Za-z0-9]{1,40}$");

/// Razorpay's id of a refund, such as `rfnd_FP8QHiV938haTz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RazorpayRefundId(String);

impl RazorpayRefundId {
    /// Parses Razorpay's form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        razorpay_id(text, "rfnd_").map(Self)
    }
}
text_newtype!(RazorpayRefundId);
plain_schema!(RazorpayRefundId: String, pattern = "^rfnd_[A-Za-z0-9]{1,40}$");

/// A meal token: its purchase, and its number in the purchase, such as
/// `tok_IEIaMR65cu6nz3_007`.
///
/// The number has three digits, so that ids sort in the order of the numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId {
    order_id: RazorpayOrderId,
    number: u16,
}

impl TokenId {
    /// The id of token `number` (from 1) of the purchase `order_id`.
    #[must_use]
    pub const fn new(order_id: RazorpayOrderId, number: u16) -> Self {
        Self { order_id, number }
    }

    /// The purchase that contains the token.
    #[must_use]
    pub const fn order_id(&self) -> &RazorpayOrderId {
        &self.order_id
    }

    /// The token's number in the purchase, from 1.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Parses the printed form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new("must be a token id such as tok_IEIaMR65cu6nz3_007");
        let (tail, number) =
            text.strip_prefix("tok_").and_then(|rest| rest.rsplit_once('_')).ok_or_else(refused)?;
        if number.len() != 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refused());
        }
        let number = number.parse().map_err(|_| refused())?;
        let order_id = RazorpayOrderId::parse(&format!("{}{tail}", RazorpayOrderId::PREFIX))
            .map_err(|_| refused())?;
        if number == 0 { Err(refused()) } else { Ok(Self { order_id, number }) }
    }
}

impl std::fmt::Display for TokenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tok_{}_{:03}", self.order_id.tail(), self.number)
    }
}

impl TryFrom<String> for TokenId {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.to_string()
    }
}
plain_schema!(TokenId: String, pattern = "^tok_[A-Za-z0-9]{1,40}_[0-9]{3}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let account = AccountId::from_ulid(Ulid(0xabc)).to_string();
        assert!(SessionId::parse(&account).is_err());
        assert!(AccountId::parse(&account.to_lowercase()).is_err());
    }

    #[test]
    fn a_mess_id_is_short_and_has_only_allowed_characters() {
        assert!(MessId::parse("mess_demo").is_ok());
        for refused in
            ["demo", "mess_", "mess_a b", "mess_a#b", &format!("mess_{}", "x".repeat(41))]
        {
            assert!(MessId::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_token_number_has_three_digits_and_starts_at_one() {
        for refused in
            ["tok_A_1", "tok_A_0001", "tok_A_000", "tok_A_+12", "tok__001", "tok_A-B_001"]
        {
            assert!(TokenId::parse(refused).is_err(), "{refused}");
        }
    }
}
