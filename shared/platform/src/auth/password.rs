//! Passwords: which are accepted, and how they are hashed (argon2id, m = 19,456 KiB,
//! t = 2, p = 1, the library's and OWASP's default).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thali_domain::Unacceptable;
use thali_domain::accounts::identity::Email;
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

/// A password that a client presents to be checked: 1 to [`LENGTH_MAX`] characters.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct PresentedPassword(SecretString);

impl TryFrom<String> for PresentedPassword {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.chars().count() > LENGTH_MAX {
            return Err(Unacceptable(format!("must be 1 to {LENGTH_MAX} characters")));
        }
        Ok(Self(text.into()))
    }
}

impl PresentedPassword {
    /// The text, for comparison.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
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
}

/// Refuses a password that is the e-mail address, or the part of it before the `@`.
pub fn check_not_email(password: &str, email: &Email) -> Result<(), Unacceptable> {
    let password = password.trim().to_lowercase();
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

/// Whether `presented` is the password of `hash`. `None` stands for an account that does not
/// exist; the check then takes as long as for one that does.
#[must_use]
pub fn verify(presented: &PresentedPassword, hash: Option<&str>) -> bool {
    let hash = hash.unwrap_or(NO_PASSWORD);
    let same = PasswordHash::new(hash).is_ok_and(|parsed| {
        Argon2::default().verify_password(presented.expose().as_bytes(), &parsed).is_ok()
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
        let presented = |text: &str| PresentedPassword::try_from(text.to_owned()).expect("short");
        assert!(verify(&presented("rice and dal at noon"), Some(&hash)));
        assert!(!verify(&presented("rice and dal at night"), Some(&hash)));
        assert!(!verify(&presented("rice and dal at noon"), None));
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
