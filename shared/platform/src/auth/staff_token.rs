//! Staff tokens: what a device at the counter sends as its bearer token.
//!
//! `stf_<the ULID of its id>_<its mess, without mess_>_<secret>`: the text leads to the item
//! that proves it, and only a hash of the whole text is stored.

use thali_domain::ids::{MessId, StaffTokenId};

use super::sha256_hex;
use crate::clock::random_hex;

/// With what every staff token begins.
pub const PREFIX: &str = "stf_";

/// The characters of a secret: 32 random bytes in hex.
const SECRET_LENGTH: usize = 64;

/// A staff token's text: where its item is, and a secret that proves it.
pub struct StaffTokenText {
    /// Its mess.
    pub mess_id: MessId,
    /// Its id.
    pub id: StaffTokenId,
    secret: String,
}

impl StaffTokenText {
    /// A new token's.
    #[must_use]
    pub fn draw(mess_id: MessId, id: StaffTokenId) -> Self {
        Self { mess_id, id, secret: random_hex::<32>() }
    }

    /// Parses the text; one token has one spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (place, secret) = text.strip_prefix(PREFIX)?.rsplit_once('_')?;
        let (ulid, mess) = place.split_once('_')?;
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let accepted = secret.len() == SECRET_LENGTH && secret.bytes().all(lower_hex);
        let id = StaffTokenId::parse(&format!("{}{ulid}", StaffTokenId::PREFIX)).ok()?;
        let mess_id = MessId::parse(&format!("mess_{mess}")).ok()?;
        accepted.then(|| Self { mess_id, id, secret: secret.to_owned() })
    }

    /// The text, which the device alone keeps.
    #[must_use]
    pub fn expose(&self) -> String {
        let (id, mess) = (self.id.to_string(), self.mess_id.as_str());
        let ulid = id.trim_start_matches(StaffTokenId::PREFIX);
        let mess = mess.strip_prefix("mess_").unwrap_or(mess);
        format!("{PREFIX}{ulid}_{mess}_{}", self.secret)
    }

    /// The hash by which the token is known. It is of the whole text, so that the secret of
    /// one token proves no other.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&self.expose())
    }
}

#[cfg(test)]
mod tests {
    use ulid::Ulid;

    use super::*;

    fn drawn(mess: &str) -> StaffTokenText {
        let mess = MessId::parse(mess).expect("an id");
        StaffTokenText::draw(mess, StaffTokenId::from_ulid(Ulid(0xabc_def)))
    }

    #[test]
    fn a_token_is_read_back_whatever_its_mess_is_called() {
        for mess in ["mess_demo", "mess_a_b-c_", "mess__", "mess_mess_x"] {
            let token = drawn(mess);
            let read = StaffTokenText::parse(&token.expose()).expect("ours");
            assert_eq!((&read.mess_id, read.id), (&token.mess_id, token.id));
            assert_eq!(read.hash(), token.hash());
        }
        assert_ne!(drawn("mess_demo").hash(), drawn("mess_demo").hash());
    }

    #[test]
    fn what_is_not_spelt_as_a_token_is_none() {
        let good = format!("{}a", &drawn("mess_demo").expose()[..99]);
        let (place, secret) = good.rsplit_once('_').expect("it has parts");
        for wrong in [
            String::new(),
            "stf_".to_owned(),
            place.to_owned(),
            good.to_uppercase(),
            good.to_lowercase(),
            format!("{good}0"),
            format!(" {good}"),
            format!("{place}_{}", secret.to_uppercase()),
            format!("{place}_{}", &secret[1..]),
            good.replace("_demo_", "_"),
            good.replace("_demo_", "__"),
            good.replace("demo", "a#b"),
        ] {
            assert!(StaffTokenText::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
