//! The signing keys of a deployment's access tokens, as its secret stores them, and their
//! rotation.
//!
//! The public set also holds the next key, so that every verifying function knows a key before
//! anything signs with it, and the previous key, whose tokens may still be in use. A rotation
//! moves each key by one place:
//!
//! | | previous | current (signs) | next |
//! |---|---|---|---|
//! | before | A | B | C |
//! | after | B | C | D, fresh |
//!
//! While a deployment replaces one function after another, some have the old set and some the
//! new one. Both sets hold B and C, and no function signs with any other key.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// A deployment's secret. Not `Debug`: it holds private keys.
#[derive(Clone, Serialize, Deserialize)]
pub struct StageKeys {
    jwt_signing_key: String,
    /// Absent in a secret that is older than the rotation of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwt_next_key: Option<String>,
    jwks: JwkSet,
    /// The keys for derivation and hashing. A rotation does not change them.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A new key pair, as [`generate_key`](super::access::generate_key) returns it.
pub type KeyPair = (SecretString, Jwk);

/// What a rotation does with the key that signed until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// The key's tokens stay valid until they expire.
    Kept,
    /// The key has leaked: its tokens are refused at once.
    Dropped,
}

/// The ids of the current, next and previous keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyIds {
    /// The key that signs.
    pub current: String,
    /// The key that signs after the next rotation.
    pub next: Option<String>,
    /// Keys that signed before, whose tokens are still accepted.
    pub previous: Vec<String>,
}

/// The secret was not made by this code, or was changed by hand.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the public set does not hold the key {0:?}, which the secret names")]
pub struct UnknownKey(String);

impl StageKeys {
    /// A new deployment's keys; `others` are the keys for derivation and hashing.
    #[must_use]
    pub fn new(current: &KeyPair, next: &KeyPair, others: Map<String, Value>) -> Self {
        Self {
            jwt_signing_key: current.0.expose_secret().to_owned(),
            jwt_next_key: Some(next.0.expose_secret().to_owned()),
            jwks: JwkSet { keys: vec![current.1.clone(), next.1.clone()] },
            others,
        }
    }

    /// Adds the keys of `fresh` that the secret lacks, such as one that only a newer version of
    /// the code needs, and returns their names. Existing keys stay: replacing one would
    /// invalidate everything that was derived or hashed with it.
    pub fn add_missing(&mut self, fresh: Map<String, Value>) -> Vec<String> {
        let mut added = Vec::new();
        for (name, key) in fresh {
            if let Entry::Vacant(vacant) = self.others.entry(name.as_str()) {
                vacant.insert(key);
                added.push(name);
            }
        }
        added
    }

    /// Makes the next key the signing key, and `fresh` the next key. If there is no next key
    /// yet, `fresh` becomes the next key and nothing else changes: functions must know a key
    /// before it signs. So the first rotation of an old secret takes two steps.
    pub fn rotate(mut self, fresh: &KeyPair, previous: Previous) -> Result<Self, UnknownKey> {
        let signed_until_now = self.public(&self.jwt_signing_key)?;
        let fresh_text = fresh.0.expose_secret().to_owned();
        let Some(next) = self.jwt_next_key.replace(fresh_text) else {
            self.jwks.keys.push(fresh.1.clone());
            return Ok(self);
        };
        let signs_now = self.public(&next)?;
        let kept = (previous == Previous::Kept).then_some(signed_until_now);
        self.jwks.keys = kept.into_iter().chain([signs_now, fresh.1.clone()]).collect();
        self.jwt_signing_key = next;
        Ok(self)
    }

    /// The public set as JSON, as verifying functions read it.
    #[must_use]
    pub fn public_text(&self) -> String {
        serde_json::to_string(&self.jwks).expect("public keys serialise")
    }

    /// Whether `text` is the public set, in any JSON formatting.
    #[must_use]
    pub fn is_published_as(&self, text: &str) -> bool {
        serde_json::from_str::<JwkSet>(text).is_ok_and(|published| published == self.jwks)
    }

    #[must_use]
    pub fn ids(&self) -> KeyIds {
        let current = id_of(&self.jwt_signing_key).to_owned();
        let next = self.jwt_next_key.as_deref().map(|key| id_of(key).to_owned());
        let published = self.jwks.keys.iter().filter_map(|key| key.common.key_id.clone());
        let previous = published.filter(|id| *id != current && Some(id) != next.as_ref()).collect();
        KeyIds { current, next, previous }
    }

    fn public(&self, private: &str) -> Result<Jwk, UnknownKey> {
        let id = id_of(private);
        self.jwks.find(id).cloned().ok_or_else(|| UnknownKey(id.to_owned()))
    }
}

/// The id in a private key's text, `<kid>.<base64 of PKCS#8>`.
fn id_of(private: &str) -> &str {
    private.split_once('.').map_or("", |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::access::generate_key;

    fn others() -> Map<String, Value> {
        let others = json!({ "refresh_key": "r", "otp_key": "o", "pin_key": "p" });
        others.as_object().expect("an object").clone()
    }

    fn first() -> StageKeys {
        StageKeys::new(&generate_key("a"), &generate_key("b"), others())
    }

    fn ids(current: &str, next: &str, previous: &[&str]) -> KeyIds {
        let previous = previous.iter().map(ToString::to_string).collect();
        KeyIds { current: current.to_owned(), next: Some(next.to_owned()), previous }
    }

    #[test]
    fn each_rotation_moves_the_keys_on_by_one_place() {
        let once = first().rotate(&generate_key("c"), Previous::Kept).expect("rotated");
        assert_eq!(once.ids(), ids("b", "c", &["a"]));
        let twice = once.clone().rotate(&generate_key("d"), Previous::Kept).expect("rotated");
        assert_eq!(twice.ids(), ids("c", "d", &["b"]));
    }

    #[test]
    fn a_key_is_published_unchanged_before_it_signs_and_after() {
        let before = first();
        let after = before.clone().rotate(&generate_key("c"), Previous::Kept).expect("rotated");
        for id in ["a", "b"] {
            assert!(before.jwks.find(id).is_some());
            assert_eq!(before.jwks.find(id), after.jwks.find(id), "{id}");
        }
        assert_eq!(before.jwt_next_key.as_deref(), Some(after.jwt_signing_key.as_str()));
    }

    #[test]
    fn a_leaked_key_is_removed_from_the_public_set() {
        let keys = first().rotate(&generate_key("c"), Previous::Dropped).expect("rotated");
        assert_eq!(keys.ids(), ids("b", "c", &[]));
        assert!(keys.jwks.find("a").is_none());
    }

    #[test]
    fn the_first_rotation_of_an_old_secret_only_adds_a_next_key() {
        let old = StageKeys { jwt_next_key: None, ..first() };
        let old = StageKeys { jwks: JwkSet { keys: vec![old.jwks.keys[0].clone()] }, ..old };
        assert_eq!(old.ids(), KeyIds { current: "a".into(), next: None, previous: vec![] });
        let first_step = old.rotate(&generate_key("c"), Previous::Dropped).expect("rotated");
        assert_eq!(first_step.ids(), ids("a", "c", &[]));
        let second = first_step.rotate(&generate_key("d"), Previous::Kept).expect("rotated");
        assert_eq!(second.ids(), ids("c", "d", &["a"]));
    }

    #[test]
    fn keys_survive_serialization_and_a_rotation_leaves_the_other_keys_unchanged() {
        let keys = first().rotate(&generate_key("c"), Previous::Kept).expect("rotated");
        let text = serde_json::to_value(&keys).expect("JSON");
        for (name, value) in others() {
            assert_eq!(text[&name], value);
        }
        let read: StageKeys = serde_json::from_value(text.clone()).expect("ours");
        assert_eq!(serde_json::to_value(&read).expect("JSON"), text);
    }

    #[test]
    fn missing_keys_are_added_and_existing_keys_are_kept() {
        let old = first().rotate(&generate_key("c"), Previous::Kept).expect("rotated");
        let before = serde_json::to_value(&old).expect("JSON");
        let fresh = |key: &str| {
            let names = ["refresh_key", "otp_key", "pin_key", "qr_key", "later_key"];
            names.map(|name| (name.to_owned(), json!(key))).into_iter().collect()
        };
        let mut keys = old;
        assert_eq!(keys.add_missing(fresh("1")), ["later_key", "qr_key"]);
        let mut expected = before;
        expected["qr_key"] = json!("1");
        expected["later_key"] = json!("1");
        assert_eq!(serde_json::to_value(&keys).expect("JSON"), expected);

        assert_eq!(keys.add_missing(fresh("2")), [""; 0], "no key is missing any more");
        assert_eq!(serde_json::to_value(&keys).expect("JSON"), expected);
    }

    #[test]
    fn the_public_set_is_recognised_in_any_formatting_and_others_are_not() {
        let keys = first();
        let sorted: Value = serde_json::from_str(&keys.public_text()).expect("JSON");
        assert!(keys.is_published_as(&sorted.to_string()));
        let rotated = keys.clone().rotate(&generate_key("c"), Previous::Kept).expect("rotated");
        for other in [rotated.public_text().as_str(), "{\"keys\":[]}", ""] {
            assert!(!keys.is_published_as(other), "{other}");
        }
        assert!(!keys.public_text().contains("\"d\""), "no private part");
    }

    #[test]
    fn a_secret_with_unpublished_keys_is_not_rotated() {
        for missing in ["a", "b"] {
            let mut keys = first();
            keys.jwks.keys.retain(|key| key.common.key_id.as_deref() != Some(missing));
            let refused = keys.rotate(&generate_key("c"), Previous::Kept).err();
            assert_eq!(refused, Some(UnknownKey(missing.to_owned())));
        }
    }
}
