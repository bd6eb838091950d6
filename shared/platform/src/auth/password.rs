//! Passwords: which are accepted, and how they are hashed (argon2id, m = 19,456 KiB,
//! t = 2, p = 1, the library's and OWASP's default).
//!
//! A password is hashed in the form of the `OpaqueString` profile of PRECIS (RFC 8265 §4.2), so
//! that it is the same on every keyboard. Older hashes are of what was typed then.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thali_domain::Unacceptable;
use thali_domain::accounts::identity::Email;
use thali_domain::unicode::{
    is_freeform, is_joiner, is_wide_or_narrow_space, keeps_joiner, nfc, nfd,
};
use utoipa::openapi::schema::SchemaFormat;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use zxcvbn::zxcvbn;

/// The shortest password, in characters.
pub const LENGTH_MIN: usize = 8;

/// The longest password, in characters. It bounds the cost of hashing.
pub const LENGTH_MAX: usize = 128;

/// A password whose estimated number of guesses is below this is among the most common
/// ones or a small variation of them.
const GUESSES_MIN: u64 = 10_000;

/// The form in which a password is hashed and compared: spaces of any width as U+0020, the rest
/// in NFC, and nothing else changed.
fn opaque_string(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if is_wide_or_narrow_space(c) { ' ' } else { c }).collect();
    nfc(&spaced).into_owned()
}

/// Whether a password holds only what RFC 8264 lets free text hold.
fn is_freeform_text(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    characters.iter().enumerate().all(|(at, c)| {
        let before = at.checked_sub(1).and_then(|at| characters.get(at)).copied();
        let joined = || keeps_joiner(*c, before, characters.get(at + 1).copied());
        if is_joiner(*c) { joined() } else { is_freeform(*c) }
    })
}

/// Whether two texts are the same password.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    opaque_string(one) == opaque_string(other)
}

/// A password that a client presents to be checked: 1 to [`LENGTH_MAX`] characters.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PresentedPassword {
    normal: SecretString,
    /// What an older hash may be of, if that differs: the text as it was typed, and as other
    /// keyboards type it.
    others: Vec<SecretString>,
}

impl TryFrom<String> for PresentedPassword {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let normal = opaque_string(&text);
        // An older password may be shorter in its own spelling.
        let length = normal.chars().count().min(text.chars().count());
        if text.is_empty() || length > LENGTH_MAX {
            return Err(Unacceptable(format!("must be 1 to {LENGTH_MAX} characters")));
        }
        let decomposed = nfd(&text).into_owned();
        let mut others = Vec::new();
        if text != normal {
            others.push(text.clone().into());
        }
        if decomposed != normal && decomposed != text {
            others.push(decomposed.into());
        }
        Ok(Self { normal: normal.into(), others })
    }
}

impl PresentedPassword {
    /// The text, for comparison.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.normal.expose_secret()
    }

    /// Every text of which the password's hash may be, the likeliest first.
    fn spellings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.normal).chain(&self.others).map(ExposeSecret::expose_secret)
    }
}

impl PartialSchema for PresentedPassword {
    fn schema() -> RefOr<Schema> {
        password_schema(1)
    }
}
impl ToSchema for PresentedPassword {}

/// A newly chosen password: 8 to 128 characters, and not among the most common ones.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct NewPassword(SecretString);

impl TryFrom<String> for NewPassword {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = opaque_string(&text);
        if !is_freeform_text(&text) {
            let message = "must not contain control characters, or characters that cannot be seen";
            return Err(Unacceptable(message.to_owned()));
        }
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&text.chars().count()) {
            return Err(Unacceptable(format!("must be {LENGTH_MIN} to {LENGTH_MAX} characters")));
        }
        if zxcvbn(&text, &[]).guesses() < GUESSES_MIN {
            return Err(Unacceptable("is too easy to guess".to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl PartialSchema for NewPassword {
    fn schema() -> RefOr<Schema> {
        password_schema(LENGTH_MIN)
    }
}
impl ToSchema for NewPassword {}

fn password_schema(length_min: usize) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
        .min_length(Some(length_min))
        .max_length(Some(LENGTH_MAX))
        .into()
}

impl NewPassword {
    /// Hashes the password with a new salt, as a PHC string. Takes about 20 ms of CPU time.
    #[must_use]
    pub fn hash(&self) -> String {
        Argon2::default()
            .hash_password(self.0.expose_secret().as_bytes())
            .expect("the default parameters and the kernel's random source are good")
            .to_string()
    }

    /// Whether this is the password of `hash`, which [`NewPassword::hash`] has made.
    #[must_use]
    pub fn is_of(&self, hash: &str) -> bool {
        let password = self.0.expose_secret().as_bytes();
        PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
    }

    /// The same password as one that is to be checked.
    #[must_use]
    pub fn presented(&self) -> PresentedPassword {
        PresentedPassword { normal: self.0.clone(), others: Vec::new() }
    }

    /// A hash of the change from `current` to this password. Whoever presents the same two
    /// passwords again repeats the change.
    #[must_use]
    pub fn hash_of_change_from(&self, current: &PresentedPassword) -> String {
        Self(self.change_from(current)).hash()
    }

    /// Whether `hash` is of the change from `current` to this password.
    #[must_use]
    pub fn is_change_from(&self, current: &PresentedPassword, hash: &str) -> bool {
        let normal = self.change_from(current);
        verify(&PresentedPassword { normal, others: Vec::new() }, Some(hash))
    }

    /// A new password contains no control characters, so the two cannot be divided differently.
    fn change_from(&self, current: &PresentedPassword) -> SecretString {
        format!("{}\0{}", current.expose(), self.0.expose_secret()).into()
    }
}

/// Refuses a password that is the e-mail address, or the part of it before the `@`.
pub fn check_not_email(password: &str, email: &Email) -> Result<(), Unacceptable> {
    let password = opaque_string(password).trim().to_lowercase();
    if password == email.as_str() || password == email.local_part() {
        Err(Unacceptable("must not be the e-mail address".to_owned()))
    } else {
        Ok(())
    }
}

/// The hash of an account without a password. Nobody can log in to the account until the owner
/// of its mailbox has chosen a password. The hash is well-formed, so that refusing any password
/// takes as long as refusing a wrong one.
pub const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZS1vbmUtbm8tb25l$\
    bm9ib2R5LWNhbi1oYXZlLXRoaXMtYXMtYS1oYXNoLSE";

/// Whether `presented` is the password of `hash`, in any spelling. `None` stands for an account
/// that does not exist; the check then takes as long as a wrong password takes for one that does.
#[must_use]
pub fn verify(presented: &PresentedPassword, hash: Option<&str>) -> bool {
    let hash = hash.unwrap_or(NO_PASSWORD);
    let same = PasswordHash::new(hash).is_ok_and(|parsed| {
        presented
            .spellings()
            .any(|spelling| Argon2::default().verify_password(spelling.as_bytes(), &parsed).is_ok())
    });
    same && hash != NO_PASSWORD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<NewPassword, Unacceptable> {
        NewPassword::try_from(text.to_owned())
    }

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        for refused in [
            "",
            "short",
            "password",
            "password1",
            "12345678",
            "qwertyuiop",
            "iloveyou",
            "11111111",
            "Password1",
        ] {
            assert!(chosen(refused).is_err(), "{refused}");
        }
        assert!(chosen(&"long enough ".repeat(11)).is_err());
    }

    #[test]
    fn a_sentence_or_a_random_word_is_accepted() {
        for accepted in ["rice and dal at noon", "tX9#kf2_qL", "Str0ng-Pass-2026", "mess-tray-42"] {
            assert!(chosen(accepted).is_ok(), "{accepted}");
        }
    }

    #[test]
    fn the_email_address_is_refused_as_a_password() {
        let email = Email::parse("asha.kumari@example.com").expect("an address");
        for refused in ["Asha.Kumari@example.com", "asha.kumari"] {
            assert!(check_not_email(refused, &email).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_hash_verifies_its_own_password_only() {
        let hash = chosen("rice and dal at noon").expect("accepted").hash();
        assert!(chosen("rice and dal at noon").expect("accepted").is_of(&hash));
        assert!(!chosen("rice and dal at night").expect("accepted").is_of(&hash));
        let presented = |text: &str| PresentedPassword::try_from(text.to_owned()).expect("short");
        assert!(verify(&presented("rice and dal at noon"), Some(&hash)));
        assert!(!verify(&presented("rice and dal at night"), Some(&hash)));
        assert!(!verify(&presented("rice and dal at noon"), None));
    }

    #[test]
    fn a_password_is_the_same_on_every_keyboard() {
        let presented = |text: &str| PresentedPassword::try_from(text.to_owned()).expect("short");
        let composed = "caf\u{e9} au lait 7";
        let decomposed = "cafe\u{301} au lait 7";
        let wide_spaces = "caf\u{e9}\u{a0}au\u{3000}lait 7";
        let old = |text: &str| {
            Argon2::default().hash_password(text.as_bytes()).expect("it hashes").to_string()
        };
        for set in [composed, decomposed, wide_spaces] {
            let hash = chosen(set).expect("accepted").hash();
            for typed in [composed, decomposed, wide_spaces] {
                assert!(verify(&presented(typed), Some(&hash)), "{set:?} {typed:?}");
            }
            assert!(verify(&presented(set), Some(&old(set))), "an old hash of {set:?}");
        }
        assert!(verify(&presented(composed), Some(&old(decomposed))));
        assert!(verify(&presented(decomposed), Some(&old(composed))));
        for wrong in ["cafe au lait 7", "Caf\u{e9} au lait 7", "caf\u{e9} au lait ７"] {
            assert!(!verify(&presented(wrong), Some(&old(composed))), "{wrong:?}");
        }
    }

    #[test]
    fn each_spelling_of_a_password_is_one_try() {
        let presented = |text: &str| PresentedPassword::try_from(text.to_owned()).expect("short");
        for (text, tries) in
            [("rice and dal", 1), ("caf\u{e9}", 2), ("cafe\u{301}", 2), ("e\u{301} é", 3)]
        {
            assert_eq!(presented(text).spellings().count(), tries, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_refused_in_a_new_password_only() {
        for refused in [
            "rice and\tdal at noon",
            "rice and\u{200b} dal at noon",
            "rice and\u{ad} dal at noon",
            "rice \u{202e}and dal at noon",
            "rice and\u{200d} dal at noon",
            "rice and \u{e000} dal at noon",
        ] {
            assert!(chosen(refused).is_err(), "{refused:?}");
            assert!(PresentedPassword::try_from(refused.to_owned()).is_ok(), "{refused:?}");
        }
        assert!(chosen("क्\u{200d}ष और दाल दोपहर में").is_ok(), "joiners belong to the script");
    }

    #[test]
    fn the_length_is_counted_in_the_form_that_is_hashed() {
        assert!(chosen(&"e\u{301}".repeat(7)).is_err(), "seven letters");
        assert!(chosen(&"tX9#kf2_e\u{301}".repeat(14)).is_ok(), "126 letters");
    }

    #[test]
    fn an_account_without_a_password_refuses_every_password_at_the_usual_cost() {
        let hash = PasswordHash::new(NO_PASSWORD).expect("verifying must really hash");
        let chosen = chosen("rice and dal at noon").expect("accepted").hash();
        let chosen = PasswordHash::new(&chosen).expect("ours");
        assert_eq!((hash.algorithm, hash.params), (chosen.algorithm, chosen.params));
        for text in ["rice and dal at noon", "nobody-can-have-this-as-a-hash-!", NO_PASSWORD] {
            let presented = PresentedPassword::try_from(text.to_owned()).expect("short");
            assert!(!verify(&presented, Some(NO_PASSWORD)), "{text}");
        }
    }
}
