//! Every kind of caller calls every path of every endpoint. The endpoint's [`Access`] alone
//! decides who is admitted.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::ExposeSecret;
use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::accounts::sessions::ACCESS_LIFETIME;
use thali_domain::mess::Approval;
use thali_functions::accounts::sessions::end_all;
use thali_functions::endpoints;
use thali_platform::auth::access::{Claims, generate_key};
use thali_platform::http::Access;

use super::{
    FIRST_MESS, OTHER_MESS, Person, Staffed, aged, assert_safe, cookie, other_mess, person,
    samples, session, signed, token,
};
use crate::api::accounts::set_status;
use crate::support::{Answer, Call, TestApp};

/// The problem codes of a refusal by [`Access`]. Every other response is the endpoint's own.
const ACCESS_REFUSAL_CODES: [&str; 3] = ["unauthenticated", "wrong_role", "not_approved"];

/// A caller.
enum Who {
    /// A request without a token.
    Nobody,
    /// A request with an invalid, expired or revoked token.
    Token(String),
    /// A device with a valid staff token.
    Device(String),
    /// A person with a valid session.
    Person(Person),
    /// The refresh cookie of a person with a valid session, and perhaps a worthless access token.
    Cookie(Person, Option<String>),
}

/// The expected result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The call reaches the endpoint, which may give any response.
    Admitted,
    /// The call is refused with this status and problem code.
    Refused(u16, &'static str),
}

/// The rules of access, written here a second time.
fn expected(access: Access, who: &Who) -> Expected {
    if matches!(access, Access::Public | Access::Partner) {
        return Expected::Admitted;
    }
    if access == Access::PublicOrOwner && matches!(who, Who::Nobody) {
        return Expected::Admitted;
    }
    if access == Access::AnyOrCookie && matches!(who, Who::Cookie(..)) {
        return Expected::Admitted;
    }
    if access == Access::PublicOrOwner && matches!(who, Who::Cookie(_, None)) {
        return Expected::Admitted;
    }
    let person = match who {
        Who::Person(person) => person,
        Who::Device(_)
            if matches!(access, Access::Counter | Access::Staff | Access::StaffOrOwner) =>
        {
            return Expected::Admitted;
        }
        _ => return Expected::Refused(401, "unauthenticated"),
    };
    let (role, also_pending) = match access {
        Access::Public | Access::Partner | Access::Any | Access::AnyOrCookie | Access::Counter => {
            return Expected::Admitted;
        }
        Access::StudentOrOwner if person.role == Role::Owner => return Expected::Admitted,
        Access::Applicant | Access::StudentOrOwner => (Role::Student, true),
        Access::Student => (Role::Student, false),
        Access::StaffOrOwner if person.role == Role::Owner => (Role::Owner, false),
        Access::Staff | Access::StaffOrOwner => (Role::Staff, false),
        Access::Owner | Access::PublicOrOwner => (Role::Owner, false),
    };
    if person.role != role {
        Expected::Refused(403, "wrong_role")
    } else if person.status == AccountStatus::Active || also_pending {
        Expected::Admitted
    } else {
        Expected::Refused(403, "not_approved")
    }
}

/// Tokens that every endpoint must refuse, made from the claims of a live session.
fn worthless(test: &TestApp, claims: &Claims) -> Vec<(&'static str, String)> {
    let good = test.app.signer().sign(claims);
    let parts: Vec<&str> = good.split('.').collect();
    let (unknown, _) = generate_key("unknown-key");
    let (impostor, _) = generate_key("test-key");
    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": "test-key" }).to_string());
    let jwks = serde_json::to_value(test.app.jwks()).expect("JSON");
    let public = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().expect("a public key"));
    let hs256 = Header { kid: Some("test-key".to_owned()), ..Header::new(Algorithm::HS256) };
    let hs256 = |secret: &[u8]| {
        jsonwebtoken::encode(&hs256, claims, &EncodingKey::from_secret(secret)).expect("signed")
    };
    let elsewhere = Claims { iss: "thali-prod".to_owned(), ..claims.clone() };
    let expired = aged(claims, ACCESS_LIFETIME);
    vec![
        ("garbage", "garbage".to_owned()),
        ("an unknown key", signed(unknown.expose_secret(), claims)),
        ("another key of the same id", signed(impostor.expose_secret(), claims)),
        ("no algorithm", format!("{none}.{}.", parts[1])),
        ("no algorithm and a signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("HS256 with the public key", hs256(&public.expect("base64"))),
        ("HS256 with the public set", hs256(jwks.to_string().as_bytes())),
        ("another deployment", signed(&test.signing_key, &elsewhere)),
        ("an expired token", signed(&test.signing_key, &expired)),
    ]
}

/// Ends one session as a logout does, in the database and in the cache.
async fn end(test: &TestApp, claims: &Claims) {
    test.app.store.session_end(claims.sub, claims.sid).await.expect("ended");
    test.app.cache.session_mark_ended(claims.sid).await;
}

async fn callers(test: &TestApp) -> Vec<(String, Who)> {
    let own = Staffed::of(test, FIRST_MESS).await;
    let mut callers = vec![("nobody".to_owned(), Who::Nobody)];
    for person in own.all() {
        let claims = session(test, person).await;
        for (what, token) in worthless(test, &claims) {
            callers.push((format!("{what}, {:?}", person.role), Who::Token(token)));
        }
        let over = session(test, person).await;
        end(test, &over).await;
        let over = test.app.signer().sign(&over);
        callers.push((format!("a session that is over, {:?}", person.role), Who::Token(over)));
        let cookie = |token| Who::Cookie(person.clone(), token);
        callers.push((format!("a cookie alone, {:?}", person.role), cookie(None)));
        let expired = signed(&test.signing_key, &aged(&claims, ACCESS_LIFETIME));
        callers.push((format!("a cookie, expired, {:?}", person.role), cookie(Some(expired))));
    }
    let blocked = person(test, FIRST_MESS, Role::Student, AccountStatus::Active).await;
    let from_before = session(test, &blocked).await;
    set_status(test, &blocked.account_id.to_string(), "blocked").await;
    end_all(&test.app, blocked.account_id, &[]).await.expect("ended");
    let from_before = test.app.signer().sign(&from_before);
    callers.push(("a blocked student".to_owned(), Who::Token(from_before)));

    test.create_mess("mess_strict", Approval::Required).await;
    let pending = person(test, "mess_strict", Role::Student, AccountStatus::PendingApproval).await;
    callers.push(("a pending student".to_owned(), Who::Person(pending)));
    let other = other_mess(test).await;
    for person in own.all().into_iter().chain(other.all()) {
        let who = Who::Person(person.clone());
        callers.push((format!("{:?} of {}", person.role, person.mess_id), who));
    }
    callers.extend(devices(test).await);
    callers
}

/// Staff tokens: valid ones, and ones that every endpoint must refuse.
async fn devices(test: &TestApp) -> Vec<(String, Who)> {
    let good = test.device("Gate 1").await;
    let other_mess = OTHER_MESS.parse().expect("an id");
    let tomorrow = test.now() + SignedDuration::from_hours(24);
    let foreign = test.device_until(&other_mess, "Gate 2", tomorrow).await;
    let expired = test.device_until(&test.mess_id, "Gate 3", test.now()).await;
    let revoked = test.device("Gate 4").await;
    // This request makes Redis cache the token as valid before it is revoked.
    test.send(Call::get("/api/v1/mess").bearer(&revoked.token)).await.expect(200);
    assert!(
        test.app
            .store
            .staff_token_revoke(&test.mess_id, revoked.id, &test.stamp())
            .await
            .expect("revoked")
    );
    test.app.cache.staff_token_mark_ended(revoked.id).await;
    let (place, secret) = good.token.rsplit_once('_').expect("it has parts");
    let (_, other_secret) = foreign.token.rsplit_once('_').expect("it has parts");
    let moved = good.token.replace("_demo_", "_other_");
    let token = |what: &str, token: String| (format!("a staff token: {what}"), Who::Token(token));
    vec![
        ("a device".to_owned(), Who::Device(good.token.clone())),
        ("a device of another mess".to_owned(), Who::Device(foreign.token.clone())),
        token("expired", expired.token),
        token("revoked", revoked.token),
        token("of another mess", moved),
        token("another's secret", format!("{place}_{other_secret}")),
        token("no secret", place.to_owned()),
        token("half a secret", format!("{place}_{}", &secret[..32])),
        token("nobody's", format!("stf_01J9ZB1Q8W4N6B7XTA0S2E5GHQ_demo_{secret}")),
        token("nothing", "stf_".to_owned()),
    ]
}

#[track_caller]
fn assert_expected(what: &str, expected: Expected, answer: &Answer) {
    assert_safe(what, answer);
    match expected {
        Expected::Refused(status, code) => {
            assert_eq!(
                (answer.status, answer.body["code"].as_str()),
                (status, Some(code)),
                "{what}"
            );
            let challenge = if status == 401 { "Bearer" } else { "" };
            assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        }
        Expected::Admitted => {
            let code = answer.body["code"].as_str().unwrap_or_default();
            assert!(!ACCESS_REFUSAL_CODES.contains(&code), "{what}: {}", answer.body);
            assert_ne!(code, "not_found", "{what}: not routed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_admits_exactly_the_callers_that_its_access_allows() {
    let test = TestApp::start().await;
    let callers = callers(&test).await;
    let mut visited = BTreeSet::new();
    let (mut paths, mut cases, mut through) = (0, 0, 0);
    for sample in samples() {
        let (endpoint, calls) = (sample.endpoint, sample.calls());
        paths += calls.len();
        for call in calls {
            for (name, who) in &callers {
                let what = format!("{} {} as {name}", call.method(), call.path());
                let call = match who {
                    Who::Nobody => call.clone(),
                    Who::Token(token) | Who::Device(token) => call.clone().bearer(token),
                    Who::Person(person) => call.clone().bearer(&token(&test, person).await),
                    Who::Cookie(person, token) => {
                        let call = call.clone().cookie(&cookie(&test, person).await);
                        if let Some(token) = token { call.bearer(token) } else { call }
                    }
                };
                let expected = expected(endpoint.access, who);
                assert_expected(&what, expected, &test.send(call).await);
                visited.insert(endpoint.name);
                cases += 1;
                through += usize::from(expected == Expected::Admitted);
            }
        }
    }
    println!(
        "{} endpoints on {paths} paths by {} callers: {cases} cases, {through} of them let through",
        visited.len(),
        callers.len(),
    );
    assert_eq!(visited, endpoints().map(|endpoint| endpoint.name).collect());
    assert_eq!(cases, paths * callers.len());
}
