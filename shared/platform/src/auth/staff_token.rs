//! Staff tokens: the bearer tokens of devices at the counter.
//!
//! The text is `stf_<ULID of the token's id>_<id of the mess, without mess_>_<secret>`. The ids
//! locate the token's item, and the item stores only a hash of the whole text.

use thali_domain::ids::{MessId, StaffTokenId};

use super::sha256_hex;
use crate::clock::random_hex;

/// The prefix of every staff token.
pub const PREFIX: &str = "stf_";

/// The length of a secret in characters: 32 random bytes in hex.
const SECRET_LENGTH: usize = 64;

/// The text of a staff token: the ids that locate its item, and a secret.
pub struct StaffTokenText {
    pub mess_id: MessId,
    pub id: StaffTokenId,
    secret: String,
}

impl StaffTokenText {
    /// The text of a new token, with a random secret.
    #[must_use]
    pub fn draw(mess_id: MessId, id: StaffTokenId) -> Self {
        Self { mess_id, id, secret: random_hex::<32>() }
    }

    /// Parses the text. Each token has exactly one accepted spelling.
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

    /// The whole text, which only the device keeps.
    #[must_use]
    pub fn expose(&self) -> String {
        let (id, mess) = (self.id.to_string(), self.mess_id.as_str());
        let ulid = id.trim_start_matches(StaffTokenId::PREFIX);
        let mess = mess.strip_prefix("mess_").unwrap_or(mess);
        format!("{PREFIX}{ulid}_{mess}_{}", self.secret)
    }

    /// The hash that the item stores. It covers the whole text, so that the secret of one
    /// token does not prove another.
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
    fn a_token_is_parsed_back_for_any_mess_id() {
        for mess in ["mess_demo", "mess_a_b-c_", "mess__", "mess_mess_x"] {
            let token = drawn(mess);
            let read = StaffTokenText::parse(&token.expose()).expect("ours");
            assert_eq!((&read.mess_id, read.id), (&token.mess_id, token.id));
            assert_eq!(read.hash(), token.hash());
        }
        assert_ne!(drawn("mess_demo").hash(), drawn("mess_demo").hash());
    }

    #[test]
    fn a_misspelt_token_is_rejected() {
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
