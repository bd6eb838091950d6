//! Isolation between messes and between students: data of another mess or another student is
//! not found.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use http::Method;
use serde_json::json;
use thali_domain::accounts::identity::{AccountStatus, Role};

use super::{
    FIRST_MESS, Person, Staffed, assert_safe, other_mess, person, samples, session, token,
};
use crate::support::menu::dish;
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, Sample, TestApp, verdict};

/// Data of the first mess that others could request, and that a response could reveal.
struct Belongings {
    people: Vec<Person>,
    order_id: String,
    submission_id: String,
    item_order_id: String,
    scan_id: String,
    staff_token_id: String,
    cut_id: String,
    closure_id: String,
    notification_id: String,
    cycle_id: String,
    session_id: String,
    /// The name of a menu item.
    dish: String,
}

/// The SKU in the samples. Unlike an id, a SKU has no prefix.
const SAMPLE_SKU: &str = "veg-thali";

/// The SKU of the first mess's item.
const SKU: &str = "dish-of-the-first-mess";

impl Belongings {
    /// Creates data of the first mess: a menu item, a staff token, a closure, a notification, a
    /// pending student, and a purchase, submission, order, scan, cut and cycle of its student.
    async fn of(test: &TestApp, first: &Staffed) -> Self {
        let (student, owner) =
            (caller(test, &first.student).await, caller(test, &first.owner).await);
        let dish_name = format!("Dish {}", test.app.clock.ulid());
        test.put_item(&owner, SKU, &dish(&dish_name, 1, 20, 3)).await.expect(201);
        let order_id = test.buy_tokens(&student, 3).await.order_id;
        let submitted = test.send(TestApp::submit(&student, 1)).await.expect(201);
        let submission_id = submitted.text("submission_id").to_owned();
        let item_order_id = test.place(&student, &[(SKU, 1)]).await.order_id.to_string();
        let scan_id = admitted(test, &student).await;
        let staff_token_id = test.device("Gate 1").await.id.to_string();
        let cut = json!({ "from": "2026-02-01", "to": "2026-02-02" });
        let cut = Call::post("/api/v1/mess-cuts", &cut).bearer(&student.token);
        let cut_id = test.send(cut).await.expect(201).text("cut_id").to_owned();
        let closure = json!({ "from": "2026-02-01", "to": "2026-02-02", "reason": dish_name });
        let closure = Call::post("/api/v1/closures", &closure).bearer(&owner.token);
        let closure_id = test.send(closure).await.expect(201).text("closure_id").to_owned();
        let cycle_id = test.upload_cycle(&student, "2026-03-01", "2026-03-31").await.to_string();
        let pending = person(test, FIRST_MESS, Role::Student, AccountStatus::PendingApproval).await;
        test.settle().await;
        let told = test.list(&owner, "/owner/notifications", 100).await;
        let notification_id = told[0]["notification_id"].as_str().expect("an id").to_owned();
        let session_id = session(test, &first.student).await.sid.to_string();
        let people = first.all().into_iter().cloned().chain([pending]).collect();
        Self {
            people,
            order_id,
            submission_id,
            item_order_id,
            scan_id,
            staff_token_id,
            cut_id,
            closure_id,
            cycle_id,
            notification_id,
            session_id,
            dish: dish_name,
        }
    }

    /// A real id of the same kind as a sample's parameter.
    fn id_of_same_kind(&self, sample: &str) -> String {
        match sample.split('_').next() {
            Some(SAMPLE_SKU) => SKU.to_owned(),
            Some("acc") => self.people[0].account_id.to_string(),
            Some("order") => self.order_id.clone(),
            Some("sub") => self.submission_id.clone(),
            Some("ord") => self.item_order_id.clone(),
            Some("scn") => self.scan_id.clone(),
            Some("stk") => self.staff_token_id.clone(),
            Some("cut") => self.cut_id.clone(),
            Some("clo") => self.closure_id.clone(),
            Some("ntf") => self.notification_id.clone(),
            Some("cyc") => self.cycle_id.clone(),
            Some("ses") => self.session_id.clone(),
            _ => panic!("{sample}: these tests must learn how to make one of these"),
        }
    }

    /// Texts that identify a person or a private item of the first mess.
    fn names(&self) -> Vec<String> {
        let of_people = self.people.iter().flat_map(|person| {
            let id = person.account_id.to_string();
            // Names, room numbers and roll numbers all contain the end of the account's id.
            let unique = id.trim_start_matches("acc_").to_lowercase();
            [id, person.email.clone(), unique]
        });
        let order = self.order_id.trim_start_matches("order_").to_owned();
        let things = [
            order,
            self.submission_id.clone(),
            self.item_order_id.clone(),
            self.scan_id.clone(),
            self.staff_token_id.clone(),
            self.cut_id.clone(),
            self.cycle_id.clone(),
            self.notification_id.clone(),
            self.session_id.clone(),
        ];
        of_people.chain(things).collect()
    }
}

/// The id of a scan that has admitted the student to breakfast.
async fn admitted(test: &TestApp, student: &Student) -> String {
    let account = student.account_id.parse().expect("an id");
    test.give_cycle(account, "2026-01-01", "2026-01-31").await;
    let breakfast = json!({
        "qr_data": test.code_of(account).await,
        "meal": "BREAKFAST",
        "scanned_at": "2026-01-15T03:00:00Z",
    });
    let scan = test.scanned(test.device("Gate 0").await.send(&breakfast)).await;
    assert_eq!(verdict(&scan), "admitted");
    scan["scan_id"].as_str().expect("an id").to_owned()
}

async fn caller(test: &TestApp, person: &Person) -> Student {
    Student {
        email: person.email.clone(),
        account_id: person.account_id.to_string(),
        token: token(test, person).await,
        cookie: String::new(),
    }
}

/// The calls of every endpoint that takes a session, with real ids where it takes ids.
fn calls_with<'a>(
    samples: &'a [Sample],
    belongings: &'a Belongings,
) -> impl Iterator<Item = (&'a Sample, Call)> {
    let with_session = samples.iter().filter(|sample| sample.endpoint.access.takes_session());
    with_session.flat_map(|sample| {
        let parameters = sample.parameters();
        let ids: Vec<String> =
            parameters.iter().map(|value| belongings.id_of_same_kind(value)).collect();
        let call = move |pattern: &&str| {
            let path = Sample::path_with(pattern, ids.iter().map(String::as_str));
            (sample, sample.call(&path))
        };
        sample.endpoint.paths.iter().map(call).collect::<Vec<_>>()
    })
}

/// Every item of the first mess in these tables, sorted by key.
async fn items_of_the_first_mess(
    test: &TestApp,
    belongings: &Belongings,
) -> Vec<HashMap<String, AttributeValue>> {
    let names = belongings.names();
    let mut found = Vec::new();
    for table in ["accounts", "tokens", "meals", "orders"] {
        for item in test.dynamo.items(table).await {
            let pk = item["pk"].as_s().expect("a text");
            let of_first_mess = pk == FIRST_MESS
                || pk.starts_with(&format!("{FIRST_MESS}#"))
                || names.iter().any(|name| pk.contains(name));
            if of_first_mess {
                found.push(item);
            }
        }
    }
    assert!(found.len() > belongings.people.len(), "the first mess has items");
    let key = |item: &HashMap<String, AttributeValue>| format!("{:?} {:?}", item["pk"], item["sk"]);
    found.sort_by_cached_key(key);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_read_or_change_anything_of_another_mess() {
    let test = TestApp::start().await;
    let first = Staffed::of(&test, FIRST_MESS).await;
    let belongings = Belongings::of(&test, &first).await;
    let strangers = other_mess(&test).await;
    let (samples, mut names) = (samples(), belongings.names());
    names.push(belongings.dish.clone());
    let before = items_of_the_first_mess(&test, &belongings).await;
    let (mut cases, mut with_ids) = (0, 0);
    let mut calls: Vec<_> = calls_with(&samples, &belongings).collect();
    // Calls with PUT come last, because they create the item in the caller's own mess.
    calls.sort_by_key(|(sample, _)| sample.endpoint.method == Method::PUT);
    for (sample, call) in calls {
        for stranger in strangers.all() {
            let what = format!("{} {} as {:?}", call.method(), call.path(), stranger.role);
            let answer = test.send(call.clone().bearer(&token(&test, stranger).await)).await;
            assert_safe(&what, &answer);
            if !sample.parameters().is_empty() && answer.status != 403 {
                let there = sample.endpoint.method == Method::PUT;
                assert_eq!(answer.status == 404, !there, "{what}: {}", answer.body);
                with_ids += 1;
            }
            let told = answer.body.to_string().to_lowercase();
            for name in &names {
                assert!(!told.contains(&name.to_lowercase()), "{what}: {name} in {told}");
            }
            assert!(!told.contains(FIRST_MESS), "{what}: {told}");
            cases += 1;
        }
    }
    println!(
        "{cases} calls by another mess's people, {with_ids} of them with real ids of this one"
    );
    assert_eq!(items_of_the_first_mess(&test, &belongings).await, before, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_cannot_reach_data_of_another_student() {
    let test = TestApp::start().await;
    let first = Staffed::of(&test, FIRST_MESS).await;
    let belongings = Belongings::of(&test, &first).await;
    let neighbour = person(&test, FIRST_MESS, Role::Student, AccountStatus::Active).await;
    let (samples, names) = (samples(), belongings.names());
    for (sample, call) in calls_with(&samples, &belongings) {
        let what = format!("{} {}", call.method(), call.path());
        let answer = test.send(call.bearer(&token(&test, &neighbour).await)).await;
        assert_safe(&what, &answer);
        if !sample.parameters().is_empty() {
            let role = sample.endpoint.access.role();
            let status = if role.is_none_or(|role| role == Role::Student) { 404 } else { 403 };
            assert_eq!(answer.status, status, "{what}: {}", answer.body);
        }
        let told = answer.body.to_string().to_lowercase();
        for name in &names {
            assert!(!told.contains(&name.to_lowercase()), "{what}: {name} in {told}");
        }
    }
    let verify = json!({ "order_id": belongings.order_id, "payment_id": "pay_x", "signature": "" });
    let verify = Call::post("/verify-payment", &verify).bearer(&token(&test, &neighbour).await);
    assert_eq!(test.send(verify).await.problem(404), "order_not_found");
}

/// Malformed variants of an id. `sampled` is the id in the sample, and `real` is an existing
/// one.
fn malformed(sampled: &str, real: &str) -> Vec<String> {
    let long = "x".repeat(300);
    let mut malformed = ["-", "me%20or%20you", &format!("{real}x#"), &format!("{real}{long}")]
        .map(str::to_owned)
        .to_vec();
    if let Some((prefix, tail)) = sampled.split_once('_') {
        malformed.extend(["garbage".to_owned(), "0".to_owned(), prefix.to_owned()]);
        malformed.extend([
            format!("{prefix}_"),
            format!("{prefix}_#{tail}"),
            format!("wrong_{tail}"),
            format!("{prefix}_{long}"),
            real.to_uppercase(),
        ]);
    }
    malformed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_id_in_a_path_is_not_found() {
    let test = TestApp::start().await;
    let first = Staffed::of(&test, FIRST_MESS).await;
    let belongings = Belongings::of(&test, &first).await;
    for sample in samples() {
        let (endpoint, parameters) = (sample.endpoint, sample.parameters());
        for (pattern, wrong) in
            endpoint.paths.iter().flat_map(|path| (0..parameters.len()).map(move |n| (path, n)))
        {
            let sampled = &parameters[wrong];
            let real = belongings.id_of_same_kind(sampled);
            for malformed in malformed(sampled, &real) {
                let values = parameters.iter().enumerate();
                let values =
                    values.map(|(n, value)| if n == wrong { malformed.as_str() } else { value });
                let call = sample.call(&Sample::path_with(pattern, values));
                let what = format!("{} {}", call.method(), call.path());
                let caller = first.allowed(endpoint.access);
                let answer = test.send(call.bearer(&token(&test, caller).await)).await;
                assert_safe(&what, &answer);
                // With PUT the caller chooses the name, so a wrong name is a wrong field.
                let status = if endpoint.method == Method::PUT { 422 } else { 404 };
                assert_eq!(answer.status, status, "{what}: {}", answer.body);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_headers_cannot_move_a_session_to_another_mess() {
    let test = TestApp::start().await;
    let strangers = other_mess(&test).await;
    for sample in samples() {
        let endpoint = sample.endpoint;
        if endpoint.method != Method::GET || !endpoint.access.needs_session() {
            continue;
        }
        for call in sample.calls() {
            // One session for both, because the list of sessions says which is the current one.
            let token = token(&test, strangers.allowed(endpoint.access)).await;
            let spoofed = call
                .clone()
                .header("x-mess-id", FIRST_MESS)
                .header("x-admin-id", &strangers.owner.account_id.to_string())
                .bearer(&token);
            let plain = test.send(call.bearer(&token)).await;
            let spoofed = test.send(spoofed).await;
            assert_eq!(spoofed.status, plain.status, "{}", endpoint.name);
            if plain.status == 200 {
                assert_eq!(spoofed.body, plain.body, "{}", endpoint.name);
            }
        }
    }
    // An account of one mess cannot log in to another mess with the right password.
    let login = json!({
        "mess_id": FIRST_MESS, "email": strangers.student.email, "password": PASSWORD,
    });
    let refused = test.send(Call::post("/login", &login)).await;
    assert_eq!(refused.problem(401), "invalid_credentials");
}
