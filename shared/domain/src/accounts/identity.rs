//! Identity: the names that identify an account, its role and its status. Every newtype here is
//! normalised once, when it is parsed.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::Unacceptable;
use crate::number::bounded_number;
use crate::text::{parse_line, plain_schema, stored_text, text_newtype};
use crate::unicode::{ascii_spelling, is_invisible};

/// An e-mail address, trimmed and in lower case, so that each mailbox has one spelling.
///
/// The check is the browser's (`<input type=email>`), with a dot required in the domain. The
/// one-time code, not this pattern, proves that the mailbox exists.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Parses and normalises an address of at most 254 characters.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let email = seen.trim().to_lowercase();
        if Self::is_acceptable(&email) {
            Ok(Self(email))
        } else {
            Err(Unacceptable::new("must be an e-mail address"))
        }
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or(self.0.as_str(), |(local, _)| local)
    }

    fn is_acceptable(email: &str) -> bool {
        let Some((local, domain)) = email.split_once('@') else { return false };
        let local_ok = (1..=64).contains(&local.len())
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
        let domain_ok = domain.contains('.')
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        email.len() <= 254 && local_ok && domain_ok
    }
}
text_newtype!(Email);
plain_schema!(Email: String, max_length = 254, pattern = r"^[^@\s]+@[^@\s]+\.[^@\s]+$");

impl std::fmt::Debug for Email {
    /// Hides the address, so that no log line can hold one by accident.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Email(…)")
    }
}

/// A username: 3 to 32 letters, digits, `.`, `_` or `-`, beginning with a letter or a
/// digit, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// Parses and normalises a username.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let name = ascii_spelling(text).to_lowercase();
        let accepted = (3..=32).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if accepted {
            Ok(Self(name))
        } else {
            Err(Unacceptable::new(
                "must be 3 to 32 letters, digits, dots, underscores or hyphens, beginning with a letter or a digit",
            ))
        }
    }
}
text_newtype!(Username);
plain_schema!(Username: String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{2,31}$");

/// The name for a login: an e-mail address if it contains an `@`, else a username.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    Email(Email),
    Username(Username),
}

impl LoginName {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        if text.contains('@') {
            Email::parse(text).map(Self::Email)
        } else {
            Username::parse(text).map(Self::Username)
        }
    }
}

/// A person's or a mess's name: 1 to 100 characters on one line.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct Name(String);

impl Name {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 100).map(Self)
    }
}
text_newtype!(Name);
stored_text!(Name);
plain_schema!(Name: String, min_length = 1, max_length = 100);

/// A roll number, unique in its mess: 1 to 32 letters, digits, `-`, `/` or `.`, in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RollNo(String);

impl RollNo {
    /// Parses and normalises a roll number.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let roll_no = ascii_spelling(text).to_uppercase();
        let accepted = (1..=32).contains(&roll_no.len())
            && roll_no.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/.".contains(&b));
        if accepted {
            Ok(Self(roll_no))
        } else {
            Err(Unacceptable::new("must be 1 to 32 letters, digits, hyphens, slashes or dots"))
        }
    }
}
text_newtype!(RollNo);
plain_schema!(RollNo: String, pattern = "^[A-Za-z0-9/.-]{1,32}$");

/// A room number: 1 to 32 characters on one line.
#[derive(Debug, Clone, Serialize)]
#[serde(into = "String")]
pub struct RoomNo(String);

impl RoomNo {
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        parse_line(text, 32).map(Self)
    }
}
text_newtype!(RoomNo);
stored_text!(RoomNo);
plain_schema!(RoomNo: String, min_length = 1, max_length = 32);

bounded_number!(
    /// A Telegram user's id. The Bot API promises at most 52 significant bits; every client can
    /// represent a number below 2⁵³ exactly.
    TelegramUserId: i64, 1, (1_i64 << 53) - 1
);

/// What an account may do.
///
/// It is deserialised through a string: eserde 0.1 does not drop the path of an unknown enum
/// variant, so every later error would have `role.` before its field.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case", try_from = "String")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Role {
    /// Buys and redeems tokens, orders, shows a QR code.
    Student,
    /// Scans codes and hands over orders.
    Staff,
    /// Runs the mess.
    Owner,
}

impl TryFrom<String> for Role {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let found = Self::VARIANTS.iter().copied().find(|role| role.as_str() == text);
        found.ok_or_else(|| Unacceptable::new("must be student, staff or owner"))
    }
}

plain_schema!(Role: String, enum_values = ["student", "staff", "owner"]);

impl Role {
    /// The role's name in JSON and in access tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Whether an account of this role needs an invitation.
    #[must_use]
    pub const fn needs_invite(self) -> bool {
        matches!(self, Self::Staff | Self::Owner)
    }
}

/// A role that needs an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct InvitedRole(Role);

plain_schema!(InvitedRole: String, enum_values = ["staff", "owner"]);

impl InvitedRole {
    #[must_use]
    pub const fn role(self) -> Role {
        self.0
    }
}

impl TryFrom<String> for InvitedRole {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let role = Role::try_from(text).ok().filter(|role| role.needs_invite());
        role.map(Self).ok_or_else(|| Unacceptable::new("must be staff or owner"))
    }
}

/// The status of an account at its mess.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AccountStatus {
    /// Verified; waits for an owner's approval.
    PendingApproval,
    /// May do what the role allows.
    Active,
    /// Rejected by an owner.
    Rejected,
    /// Blocked by an owner.
    Blocked,
    /// Deleted by the student. Nothing leads back from here.
    Deleted,
}

impl AccountStatus {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The status's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// Whether the account may log in. A pending student may, in order to see the pending
    /// status.
    #[must_use]
    pub const fn may_log_in(self) -> bool {
        matches!(self, Self::Active | Self::PendingApproval)
    }
}

impl std::str::FromStr for AccountStatus {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|status| status.as_str() == text);
        found.ok_or_else(|| {
            Unacceptable::new("must be pending_approval, active, rejected, blocked or deleted")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_trimmed_and_in_lower_case() {
        let email = Email::parse("  Asha.K@Example.COM ").expect("an address");
        assert_eq!(email.as_str(), "asha.k@example.com");
        assert_eq!(email.local_part(), "asha.k");
    }

    #[test]
    fn a_malformed_email_is_refused() {
        for refused in [
            "",
            "asha",
            "@example.com",
            "a@b",
            "a b@example.com",
            "a@-b.com",
            "a@b..com",
            "a@b.com\r\nBcc: x",
        ] {
            assert!(Email::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_login_name_with_an_at_sign_is_an_email() {
        assert!(matches!(LoginName::parse("Asha@Example.com"), Ok(LoginName::Email(_))));
        assert!(matches!(LoginName::parse("Asha_K"), Ok(LoginName::Username(_))));
    }

    #[test]
    fn a_status_has_the_same_name_in_json_and_queries() {
        for status in AccountStatus::ALL.iter().copied() {
            let json = serde_json::to_value(status).expect("serialises");
            assert_eq!(json, status.as_str());
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("Active".parse::<AccountStatus>().is_err());
    }

    #[test]
    fn only_staff_and_owners_can_be_invited() {
        let invited = |role: &str| InvitedRole::try_from(role.to_owned()).map(InvitedRole::role);
        assert_eq!(invited("staff"), Ok(Role::Staff));
        assert_eq!(invited("owner"), Ok(Role::Owner));
        assert!(invited("student").is_err() && invited("cook").is_err());
    }

    #[test]
    fn a_name_may_contain_joiners_but_no_direction_or_control_characters() {
        assert!(Name::parse("क्\u{200d}ष").is_ok());
        for refused in ["a\u{202e}b", "a\u{2066}b", "a\tb"] {
            assert!(Name::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_roll_number_and_a_username_are_read_from_any_keyboard() {
        assert_eq!(
            RollNo::parse("ｃｓ２१\u{2011}\u{200b}042 ").expect("read").as_str(),
            "CS21-042"
        );
        assert_eq!(Username::parse("\u{feff}Ａsha_K").expect("read").as_str(), "asha_k");
        assert_eq!(
            Email::parse("asha@example\u{200b}.com").expect("read").as_str(),
            "asha@example.com"
        );
    }

    #[test]
    fn a_stored_name_is_read_unchanged_and_compared_as_it_looks() {
        let stored: Name = serde_json::from_str("\"Jose\u{301}  Rao\"").expect("stored before");
        assert_eq!(stored.as_str(), "Jose\u{301}  Rao");
        assert_eq!(stored, Name::parse("José Rao").expect("a name"));
        assert_ne!(stored, Name::parse("Jose Rao").expect("a name"));
        let blank: Name = serde_json::from_str("\"\u{200b}\"").expect("stored before");
        assert_eq!(blank.as_str(), "\u{200b}");
    }

    #[test]
    fn a_telegram_user_id_is_positive_and_below_two_to_the_53() {
        for accepted in [1, 7_000_000_001, (1 << 53) - 1] {
            assert!(TelegramUserId::try_from(accepted).is_ok(), "{accepted}");
        }
        for refused in [0, -1, 1 << 53, i64::MAX] {
            assert!(TelegramUserId::try_from(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn debug_output_contains_no_personal_data() {
        let shown = format!("{:?}", Email::parse("a@b.in"));
        assert!(!shown.contains("a@b"), "{shown}");
    }
}
