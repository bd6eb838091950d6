//! Access tokens: only tokens that login or refresh signed are accepted, and only until they
//! expire.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use thali_domain::ids::SessionId;
use thali_platform::auth::access::{Claims, Signer, generate_key};

use super::{read, waiting};
use crate::support::{Call, TestApp};

fn claims(test: &TestApp, token: &str) -> Claims {
    test.app.verifier().verify(token, test.now()).expect("a good token")
}

fn signed(key: &str, claims: &Claims) -> String {
    Signer::new(&key.to_owned().into()).expect("a key").sign(claims)
}

/// Signs any claims with the app's own key, under any header.
fn signed_with_header(test: &TestApp, header: &Header, claims: &Value) -> String {
    let (_, key) = test.signing_key.split_once('.').expect("a key id and a key");
    let key = EncodingKey::from_ed_der(&STANDARD.decode(key).expect("base64"));
    jsonwebtoken::encode(header, claims, &key).expect("it is signed")
}

async fn assert_refused(test: &TestApp, tokens: &[(&str, String)]) {
    for (what, token) in tokens {
        let answer = test.send(read(token)).await;
        assert_eq!(answer.status, 401, "{what}");
        assert_eq!(answer.problem(401), "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_is_valid_for_fifteen_minutes() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.advance(SignedDuration::from_mins(15) - SignedDuration::from_secs(1));
    test.send(read(&asha.token)).await.expect(200);
    test.advance(SignedDuration::from_secs(1));
    assert_refused(&test, &[("expired", asha.token)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_or_altered_token_is_refused() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let good = claims(&test, &asha.token);
    let (other_key, _) = generate_key("test-key");
    let other_kid = test.signing_key.replacen("test-key", "other-key", 1);
    let mut header = Header::new(Algorithm::EdDSA);
    let without_kid = signed_with_header(&test, &header, &json!(good));
    header.kid = Some("test-key".to_owned());
    let mut without_issuer = json!(good);
    without_issuer.as_object_mut().expect("an object").remove("iss");
    let other_issuer = Claims { iss: "thali-prod".to_owned(), ..good.clone() };
    let later = Claims { exp: good.exp + 3_600, ..good.clone() };
    let other_session = Claims { sid: SessionId::from_ulid(test.app.clock.ulid()), ..good.clone() };
    let parts: Vec<&str> = asha.token.split('.').collect();
    let lasting = URL_SAFE_NO_PAD.encode(json!(later).to_string());

    test.send(read(&signed(&test.signing_key, &good))).await.expect(200);
    assert_refused(
        &test,
        &[
            ("another key under the same kid", signed(other_key.expose_secret(), &good)),
            ("an unknown kid", signed(&other_kid, &good)),
            ("no kid", without_kid),
            ("another issuer", signed(&test.signing_key, &other_issuer)),
            ("no issuer", signed_with_header(&test, &header, &without_issuer)),
            ("a session that never was", signed(&test.signing_key, &other_session)),
            ("changed claims", format!("{}.{lasting}.{}", parts[0], parts[2])),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("two parts", format!("{}.{}", parts[0], parts[1])),
            ("a refresh token", asha.cookie.split_once('=').expect("a cookie").1.to_owned()),
            ("garbage", "garbage".to_owned()),
            ("nothing", String::new()),
            ("a book", "x".repeat(8_000)),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_algorithm_is_refused() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let good = claims(&test, &asha.token);
    let parts: Vec<&str> = asha.token.split('.').collect();
    let mut tokens = Vec::new();
    for algorithm in ["none", "None", "NONE"] {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": "test-key" }).to_string();
        let header = URL_SAFE_NO_PAD.encode(header);
        tokens.push(("none, unsigned", format!("{header}.{}.", parts[1])));
        tokens.push(("none, signed", format!("{header}.{}.{}", parts[1], parts[2])));
    }
    let jwks = serde_json::to_value(test.app.jwks()).expect("JSON");
    let public = jwks["keys"][0]["x"].as_str().expect("the public key");
    let secrets = [
        URL_SAFE_NO_PAD.decode(public).expect("base64"),
        public.as_bytes().to_vec(),
        jwks["keys"][0].to_string().into_bytes(),
    ];
    for secret in secrets {
        let key = EncodingKey::from_secret(&secret);
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let header = Header { kid: Some("test-key".to_owned()), ..Header::new(algorithm) };
            let token = jsonwebtoken::encode(&header, &good, &key).expect("it is signed");
            tokens.push(("signed with the public key", token));
        }
    }
    assert_refused(&test, &tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_bearer_scheme_carries_a_token() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let call = |value: &str| Call::get("/student/tokens").header("authorization", value);
    for value in [
        "",
        "Bearer",
        "Bearer ",
        &asha.token,
        &format!("Basic {}", asha.token),
        "Basic YXNoYTpwYXNzd29yZA==",
        &format!("Token {}", asha.token),
        &format!("Bearer {} {}", asha.token, asha.token),
    ] {
        let refused = test.send(call(value)).await;
        assert_eq!(refused.problem(401), "unauthenticated", "{value}");
    }
    let in_cookie = Call::get("/student/tokens").cookie(&asha.cookie);
    assert_eq!(test.send(in_cookie).await.problem(401), "unauthenticated");
    // The scheme's name is case-insensitive (RFC 9110 §11.1).
    test.send(call(&format!("bearer {}", asha.token))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_holds_account_mess_and_role_but_no_personal_data() {
    let test = TestApp::start().await;
    let asha = waiting(&test, "asha@example.com", "mess_strict").await;
    let payload = asha.token.split('.').nth(1).expect("three parts");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    assert_eq!(payload["iss"], "thali-test");
    assert_eq!(payload["sub"], asha.account_id);
    assert_eq!(payload["mess"], "mess_strict");
    assert_eq!(payload["role"], "student");
    assert_eq!(payload["status"], "pending_approval");
    assert_eq!(payload["exp"].as_i64().expect("seconds"), test.now().as_second() + 900);
    assert!(!payload.to_string().contains("example.com"), "{payload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_keys_verify_a_token_and_may_be_cached() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let answer = test.send(Call::get("/.well-known/jwks.json")).await.expect(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert!(answer.body["keys"][0]["d"].is_null(), "no private part");
    let keys: JwkSet = serde_json::from_value(answer.body.clone()).expect("a key set");
    let kid = jsonwebtoken::decode_header(&asha.token).expect("a header").kid.expect("a kid");
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("the kid is published"));
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["thali-test"]);
    validation.validate_exp = false;
    let decoded =
        jsonwebtoken::decode::<Value>(&asha.token, &key.expect("a public key"), &validation);
    assert_eq!(decoded.expect("genuine").claims["sub"], asha.account_id);
}
