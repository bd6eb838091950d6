//! Access tokens: JSON web tokens signed with Ed25519 (RFC 8037), valid for 15 minutes. Only
//! login and refresh hold the private key; functions that verify tokens hold the public keys.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::accounts::sessions::ACCESS_LIFETIME;
use thali_domain::ids::{AccountId, MessId, SessionId};

/// The claims of an access token. They contain no personal data: names and addresses stay in
/// the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The deployment that issued the token.
    pub iss: String,
    pub sub: AccountId,
    pub mess: MessId,
    pub role: Role,
    /// The account's status when the token was made. An account that waits for approval has
    /// a session, but not yet the rights of its role.
    pub status: AccountStatus,
    /// The session, which can end before the token expires.
    pub sid: SessionId,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Expires at, seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// The claims of a token made at `now`.
    #[must_use]
    pub fn new(
        issuer: &str,
        account: (AccountId, MessId, Role, AccountStatus),
        sid: SessionId,
        now: Timestamp,
    ) -> Self {
        let (sub, mess, role, status) = account;
        let exp = (now + ACCESS_LIFETIME).as_second();
        Self { iss: issuer.to_owned(), sub, mess, role, status, sid, iat: now.as_second(), exp }
    }
}

/// Signs access tokens.
pub struct Signer {
    kid: String,
    key: EncodingKey,
}

/// The signing key's text is not `<kid>.<base64 of PKCS#8>`.
#[derive(Debug, thiserror::Error)]
#[error("JWT_SIGNING_KEY is not a key id, a dot and a base64 PKCS#8 Ed25519 key")]
pub struct MalformedSigningKey;

/// Generates a key pair: the text of the private key for [`Signer::new`], and the public key
/// for the key set.
#[must_use]
pub fn generate_key(kid: &str) -> (SecretString, Jwk) {
    let pair = Ed25519KeyPair::generate().expect("the system has random bytes");
    // Version 1 of PKCS#8 omits the public key, so the text is as long as that of older keys.
    let pkcs8 = pair.to_pkcs8v1().expect("a key that was just made can be written");
    let key = EncodingKey::from_ed_der(pkcs8.as_ref());
    let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("it is an Ed25519 key");
    public.common.key_id = Some(kid.to_owned());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    public.common.key_algorithm = Some(KeyAlgorithm::EdDSA);
    (format!("{kid}.{}", STANDARD.encode(pkcs8)).into(), public)
}

impl Signer {
    /// Takes the private key as `<kid>.<base64 of PKCS#8>`.
    pub fn new(text: &SecretString) -> Result<Self, MalformedSigningKey> {
        let (kid, key) = text.expose_secret().split_once('.').ok_or(MalformedSigningKey)?;
        let der = STANDARD.decode(key).map_err(|_| MalformedSigningKey)?;
        let signer = Self { kid: kid.to_owned(), key: EncodingKey::from_ed_der(&der) };
        // A key that cannot sign must stop the function at its start, not at a login.
        signer.try_sign(&serde_json::Value::Null).map_err(|_| MalformedSigningKey)?;
        Ok(signer)
    }

    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        self.try_sign(claims).expect("the key signed at start and claims serialise")
    }

    fn try_sign(&self, claims: &impl Serialize) -> jsonwebtoken::errors::Result<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key)
    }
}

/// Verifies access tokens.
pub struct Verifier {
    keys: Vec<(String, DecodingKey)>,
    validation: Validation,
}

impl Verifier {
    /// Takes the public keys and the issuer that tokens must name. Ignores keys that have no
    /// id or cannot be decoded.
    #[must_use]
    pub fn new(jwks: &JwkSet, issuer: &str) -> Self {
        let key = |jwk: &Jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?));
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        // `verify` checks the expiry itself, against the application's clock.
        validation.validate_exp = false;
        Self { keys: jwks.keys.iter().filter_map(key).collect(), validation }
    }

    /// The claims of a token, if its signature is valid and it has not expired at `now`.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let kid = header.kid?;
        let (_, key) = self.keys.iter().find(|(known, _)| *known == kid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?.claims;
        (now.as_second() < claims.exp).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use thali_domain::ids::AccountId;
    use ulid::Ulid;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn claims(now: Timestamp) -> Claims {
        let mess = MessId::parse("mess_demo").expect("an id");
        let account = (AccountId::from_ulid(Ulid(1)), mess, Role::Student, AccountStatus::Active);
        Claims::new("thali-test", account, SessionId::from_ulid(Ulid(2)), now)
    }

    #[test]
    fn a_signed_token_verifies_until_it_expires() {
        let (private, public) = generate_key("k1");
        let token = Signer::new(&private).expect("a key").sign(&claims(NOW));
        let verifier = Verifier::new(&JwkSet { keys: vec![public] }, "thali-test");
        assert_eq!(verifier.verify(&token, NOW), Some(claims(NOW)));
        assert_eq!(verifier.verify(&token, NOW + ACCESS_LIFETIME), None);
    }

    #[test]
    fn another_key_another_issuer_and_an_unknown_kid_are_refused() {
        let (private, public) = generate_key("k1");
        let (_, other_public) = generate_key("k1");
        let token = Signer::new(&private).expect("a key").sign(&claims(NOW));
        let other_key = Verifier::new(&JwkSet { keys: vec![other_public] }, "thali-test");
        let other_issuer = Verifier::new(&JwkSet { keys: vec![public] }, "thali-prod");
        let no_key = Verifier::new(&JwkSet { keys: vec![] }, "thali-test");
        for verifier in [other_key, other_issuer, no_key] {
            assert_eq!(verifier.verify(&token, NOW), None);
        }
    }

    #[test]
    fn a_malformed_private_key_is_rejected_at_start() {
        for text in ["", "k1", "k1.!!", "k1.AAAA"] {
            assert!(Signer::new(&text.to_owned().into()).is_err(), "{text}");
        }
    }
}
