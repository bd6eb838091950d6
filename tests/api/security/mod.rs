//! Rules that every endpoint keeps, including endpoints that are added later. These tests
//! iterate over [`endpoints`], take the sample of each from `events/`, and derive the expected
//! result from the endpoint's declaration. This file has the callers and their sessions.

mod bodies;
mod matrix;
mod rates;
mod tenants;
mod timing;

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::ids::{AccountId, MessId, SessionId};
use thali_domain::mess::Approval;
use thali_functions::endpoints;
use thali_platform::auth::access::{Claims, Signer};
use thali_platform::auth::refresh::{COOKIE, RefreshToken};
use thali_platform::http::Access;
use thali_platform::store::{Account, Consistency, SessionRecord};

use crate::support::people::PASSWORD_HASH;
use crate::support::{Answer, Sample, TestApp};

/// The mess whose data people of [`OTHER_MESS`] must not see.
const FIRST_MESS: &str = "mess_demo";

/// Another mess of the same deployment.
const OTHER_MESS: &str = "mess_other";

/// A person with an account.
#[derive(Debug, Clone)]
struct Person {
    account_id: AccountId,
    mess_id: MessId,
    role: Role,
    status: AccountStatus,
    email: String,
}

/// Stores an account of `mess` directly, without a sign-up.
async fn person(test: &TestApp, mess: &str, role: Role, status: AccountStatus) -> Person {
    let ulid = test.app.clock.ulid();
    let account_id = AccountId::from_ulid(ulid);
    let unique = ulid.to_string().to_lowercase();
    let email = format!("{unique}@people.test");
    let account: Account = serde_json::from_value(json!({
        "account_id": account_id,
        "mess_id": mess,
        "role": role,
        "status": status,
        "name": format!("Name {unique}"),
        "email": email,
        "username": format!("user-{}", &unique[14..]),
        "roll_no": format!("ROLL-{unique}"),
        "room_no": format!("room {unique}"),
        "password_hash": PASSWORD_HASH,
        "created_at": test.now().as_millisecond(),
    }))
    .expect("an account");
    test.app.store.account_create(&account, &test.stamp()).await.expect("stored");
    Person { account_id, mess_id: account.mess_id, role, status, email }
}

/// Creates a session as a login does; returns its claims.
async fn session(test: &TestApp, person: &Person) -> Claims {
    session_with_cookie(test, person).await.0
}

/// The refresh cookie of a new session, `name=value`.
async fn cookie(test: &TestApp, person: &Person) -> String {
    session_with_cookie(test, person).await.1
}

async fn session_with_cookie(test: &TestApp, person: &Person) -> (Claims, String) {
    let session_id = SessionId::from_ulid(test.app.clock.ulid());
    let refresh = RefreshToken::first(person.account_id, session_id);
    let account = test.app.store.account_get(person.account_id, Consistency::Strong).await;
    let account = account.expect("read").expect("there");
    let record = SessionRecord::begin(&account, session_id, refresh.hash(), test.now());
    test.app.store.session_put(&record, &test.stamp()).await.expect("stored");
    let holder = (person.account_id, person.mess_id.clone(), person.role, person.status);
    let claims = Claims::new(&test.app.jwt_issuer, holder, session_id, test.now());
    (claims, format!("{COOKIE}={}", refresh.expose()))
}

/// The access token of a new session. A test that calls all endpoints needs a new token for
/// each call, because one of the endpoints logs out.
async fn token(test: &TestApp, person: &Person) -> String {
    test.app.signer().sign(&session(test, person).await)
}

/// One active person of each role of a mess.
struct Staffed {
    student: Person,
    staff: Person,
    owner: Person,
}

impl Staffed {
    async fn of(test: &TestApp, mess: &str) -> Self {
        let active = AccountStatus::Active;
        Self {
            student: person(test, mess, Role::Student, active).await,
            staff: person(test, mess, Role::Staff, active).await,
            owner: person(test, mess, Role::Owner, active).await,
        }
    }

    /// A person whom `access` allows.
    fn allowed(&self, access: Access) -> &Person {
        match access {
            Access::Staff | Access::StaffOrOwner => &self.staff,
            Access::Owner | Access::PublicOrOwner => &self.owner,
            Access::Public
            | Access::Partner
            | Access::Any
            | Access::AnyOrCookie
            | Access::Counter
            | Access::Applicant
            | Access::StudentOrOwner
            | Access::Student => &self.student,
        }
    }

    fn all(&self) -> [&Person; 3] {
        [&self.student, &self.staff, &self.owner]
    }
}

/// Creates [`OTHER_MESS`] and its people.
async fn other_mess(test: &TestApp) -> Staffed {
    test.create_mess(OTHER_MESS, Approval::Automatic).await;
    Staffed::of(test, OTHER_MESS).await
}

/// Every endpoint with its sample.
fn samples() -> Vec<Sample> {
    endpoints().map(Sample::of).collect()
}

/// Asserts what every response must have: no server error, security headers and, for a
/// problem, the request's id.
#[track_caller]
fn assert_safe(what: &str, answer: &Answer) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.body);
    assert!(answer.header("x-request-id").starts_with("request-"), "{what}: the gateway's id");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ] {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    if answer.status >= 400 {
        answer.problem(answer.status);
        assert_eq!(answer.body["request_id"], answer.header("x-request-id"), "{what}");
    }
}

/// Signs claims with `key`, which has the format `<kid>.<base64 of PKCS#8>`.
fn signed(key: &str, claims: &Claims) -> String {
    Signer::new(&key.to_owned().into()).expect("a key").sign(claims)
}

/// The same claims as if issued earlier by this duration.
fn aged(claims: &Claims, by: SignedDuration) -> Claims {
    let seconds = by.as_secs();
    Claims { iat: claims.iat - seconds, exp: claims.exp - seconds, ..claims.clone() }
}
