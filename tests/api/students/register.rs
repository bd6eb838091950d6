//! Registration of a student who then waits for approval, by the student or by an owner.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus::{Active, PendingApproval};
use thali_domain::accounts::identity::Email;
use thali_platform::auth::password::NO_PASSWORD;
use thali_platform::store::{Consistency, keys};

use super::{approve, id_of, other_mess};
use crate::api::accounts::mailed_code;
use crate::api::accounts::rate_limits::{assert_limited, passing, strict};
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const ASHA: &str = "asha@example.com";

/// The body that registers a student without an e-mail address.
pub(super) fn plain(roll_no: &str) -> Value {
    json!({ "name": "Asha Rao", "roll_no": roll_no, "room_no": "B-204", "phone": "98123 45678" })
}

pub(super) fn with_email(roll_no: &str, email: &str) -> Value {
    let mut body = plain(roll_no);
    body["email"] = json!(email);
    body
}

pub(super) fn register(body: &Value) -> Call {
    Call::post("/api/v1/students/register", body)
}

fn register_as(owner: &Student, body: &Value) -> Call {
    register(body).bearer(&owner.token)
}

#[track_caller]
pub(super) fn student_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["student"].clone()
}

/// The stored e-mail address of a student's account.
async fn email_of(test: &TestApp, student: &Value) -> Option<String> {
    let id = id_of(student["account_id"].as_str().expect("an id"));
    let account = test.app.store.account_get(id, Consistency::Strong).await.expect("read");
    account.expect("an account").email.map(|email| email.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_student_is_pending_and_visible_to_owner_and_counter() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.settle().await;
    let mut body = with_email(" cs21b042", " Asha@example.com ");
    body["tg_user_id"] = json!(7_000_000_001_i64);
    let student = student_of(&test.send(register(&body)).await);
    let expected = json!({
        "account_id": student["account_id"], "mess_id": "mess_demo", "role": "student",
        "status": "pending_approval", "name": "Asha Rao", "roll_no": "CS21B042",
        "room_no": "B-204", "phone": "+919812345678", "phone_national": "098123 45678",
        "email": ASHA, "telegram_linked": false,
        "created_at": "2026-01-15T06:30:00Z",
    });
    assert_eq!(student, expected, "even with automatic approval");
    assert_eq!(test.settle().await, [], "nobody is mailed");

    let id = id_of(student["account_id"].as_str().expect("an id"));
    assert_eq!(test.member(id).await.status, PendingApproval);
    let item = test.dynamo.item("accounts", &keys::account(id)).await;
    assert_eq!(item["telegram_claim"], json!(7_000_000_001_i64), "claimed, not verified");
    assert_eq!(
        (&item["password_hash"], &item["actor"]),
        (&json!(NO_PASSWORD), &json!("anonymous"))
    );
    let waiting = Call::get("/api/v1/students?status=pending_approval").bearer(&owner.token);
    let waiting = test.send(waiting).await.expect(200).body["items"].clone();
    assert_eq!(waiting, json!([expected]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_can_register_students_only_for_their_own_mess() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (other, other_owner) = other_mess(&test).await;
    let mut body = with_email("R1", ASHA);
    body["mess_id"] = json!(other);
    let answer = test.send(register_as(&owner, &body)).await;
    assert_eq!(answer.problem(404), "mess_not_found");
    for (owner, mess, named) in [(&owner, "mess_demo", true), (&other_owner, "mess_other", false)] {
        let mut body = with_email("R1", ASHA);
        if named {
            body["messId"] = json!(mess);
        }
        let student = student_of(&test.send(register_as(owner, &body)).await);
        assert_eq!(
            (&student["mess_id"], &student["status"]),
            (&json!(mess), &json!("pending_approval"))
        );
        let key = keys::account(id_of(student["account_id"].as_str().expect("an id")));
        let item = test.dynamo.item("accounts", &key).await;
        assert_eq!(item["actor"], json!(owner.account_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_optional_but_must_belong_to_an_owner() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student(ASHA).await;
    let staff = test.staff("staff@example.com").await;
    for person in [&asha, &staff] {
        let answer = test.send(register_as(person, &plain("R1"))).await;
        assert_eq!(answer.problem(403), "wrong_role");
    }
    let garbage = ["Bearer garbage", "Basic b3duZXI6b3duZXI=", "Bearer", ""];
    for header in garbage {
        let answer = test.send(register(&plain("R1")).header("authorization", header)).await;
        assert_eq!(answer.problem(401), "unauthenticated", "{header}");
    }
    test.send(Call::post("/owner/logout", &json!({})).bearer(&owner.token)).await.expect(204);
    let answer = test.send(register_as(&owner, &plain("R1"))).await;
    assert_eq!(answer.problem(401), "unauthenticated", "logged out");
    test.send(register(&plain("R1"))).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_field_is_named() {
    let test = TestApp::start().await;
    let missing = test.send(register(&json!({}))).await;
    assert_eq!(missing.wrong_fields(), ["name", "phone", "roll_no", "room_no"]);
    for (field, wrong) in [
        ("name", json!("")),
        ("roll_no", json!("R 1")),
        ("roll_no", json!(null)),
        ("room_no", json!("x".repeat(33))),
        ("phone", json!("none")),
        ("email", json!("asha")),
        ("tg_user_id", json!(0)),
        ("tg_user_id", json!(-5)),
        ("tg_user_id", json!(1_i64 << 53)),
        ("tg_user_id", json!(1.5)),
        ("tg_user_id", json!("7000000001")),
        ("mess_id", json!("demo")),
        ("password", json!("rice and dal at noon")),
        ("status", json!("active")),
    ] {
        let mut body = plain("R1");
        body[field] = wrong;
        assert_eq!(test.send(register(&body)).await.wrong_fields(), [field], "{body}");
    }
    let older = json!({
        "name": "Asha Rao", "rollNo": "R1", "roomNo": "B-204", "phone": "9812345678",
        "email": null, "tgUserId": (1_i64 << 53) - 1,
    });
    let student = student_of(&test.send(register(&older)).await);
    assert_eq!(student.get("email"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_uses_the_named_or_default_mess_which_must_exist() {
    let test = TestApp::start().await;
    other_mess(&test).await;
    for (mess, there) in [("mess_other", true), ("mess_none", false)] {
        let mut body = plain("R1");
        body["mess_id"] = json!(mess);
        let answer = test.send(register(&body)).await;
        if there {
            assert_eq!(student_of(&answer)["mess_id"], mess);
        } else {
            assert_eq!(answer.problem(404), "mess_not_found");
        }
    }
    let several = test.another_process(&[("DEFAULT_MESS_ID", "")]);
    let answer = test.send_to(&several, register(&plain("R1"))).await;
    assert_eq!(answer.wrong_fields(), ["mess_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_number_can_be_registered_only_once() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.send(register(&with_email("R1", ASHA))).await.expect(201);
    test.dynamo.new_changes().await;
    let again = [
        register(&plain("R1")),
        register(&with_email("R1", "ravi@example.com")),
        register_as(&owner, &plain("R1")),
    ];
    for call in again {
        assert_eq!(test.send(call).await.problem(409), "roll_no_taken");
    }
    let sessions_only = test.dynamo.new_changes().await;
    assert!(sessions_only.is_empty(), "a refusal writes nothing: {sessions_only:?}");
    let ravi = test.student("ravi@example.com").await;
    let mine = Call::patch("/student/profile", &json!({ "roll_no": "R1" })).bearer(&ravi.token);
    assert_eq!(test.send(mine).await.problem(409), "roll_no_taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_answer_registers_the_student_once() {
    let test = TestApp::start().await;
    let flaky = test.losing_answers("TransactWriteItems", 1);
    let student = student_of(&test.send_to(&flaky, register(&with_email("R1", ASHA))).await);
    let id = id_of(student["account_id"].as_str().expect("an id"));
    assert_eq!(test.member(id).await.roll_no.expect("it has one").as_str(), "R1");
    assert_eq!(test.dynamo.new_changes().await.len(), 5, "the mess; account, guards, member");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeating_a_registration_with_a_lost_answer_returns_the_first() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let flaky = test.losing_answers("TransactWriteItems", 3);
    let mut body = with_email("R1", ASHA);
    body["tg_user_id"] = json!(7);
    let lost = test.send_to(&flaky, register(&body)).await;
    assert!(lost.status >= 500, "{}", lost.body);
    test.dynamo.new_changes().await;
    let first = student_of(&test.send(register(&body)).await);
    assert_eq!(first["email"], ASHA);
    for call in [register(&body), register_as(&owner, &body)] {
        assert_eq!(student_of(&test.send(call).await), first);
    }
    for (field, other) in [
        ("name", json!("Asha Verma")),
        ("room_no", json!("B-205")),
        ("phone", json!("9812345679")),
        ("email", json!("other@example.com")),
        ("email", json!(null)),
        ("tg_user_id", json!(8)),
        ("tg_user_id", json!(null)),
    ] {
        let mut body = body.clone();
        body[field] = other;
        let answer = test.send(register(&body)).await;
        assert_eq!(answer.problem(409), "roll_no_taken", "{body}");
    }
    assert!(test.dynamo.new_changes().await.is_empty(), "no repeat writes anything");
    test.send(approve(&owner, first["account_id"].as_str().expect("an id"))).await.expect(200);
    assert_eq!(test.send(register(&body)).await.problem(409), "roll_no_taken", "no longer pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_registration_reveals_nothing_about_an_address() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.student(ASHA).await;
    for (roll_no, email) in [("R1", ASHA), ("R2", "free@example.com")] {
        let body = with_email(roll_no, email);
        let first = student_of(&test.send(register(&body)).await);
        assert_eq!(student_of(&test.send(register(&body)).await), first);
        for other in ["owner@example.com", "nobody@example.com"] {
            let other = test.send(register(&with_email(roll_no, other))).await;
            assert_eq!(other.problem(409), "roll_no_taken");
        }
        assert_eq!(test.send(register(&plain(roll_no))).await.problem(409), "roll_no_taken");
    }
    let told = test.send(register_as(&owner, &with_email("R1", ASHA))).await;
    assert_eq!(told.problem(409), "email_taken", "an owner is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_learns_whether_an_address_is_known() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student(ASHA).await;
    let mut answers = Vec::new();
    let mut costs = Vec::new();
    for (roll_no, email) in [("R1", ASHA), ("R2", "free@example.com")] {
        let meter = test.meter();
        let answer = test.send(register(&with_email(roll_no, email))).await;
        let cost = meter.take();
        let student = student_of(&answer);
        assert_eq!(student["email"], email, "as requested");
        let stored = email_of(&test, &student).await;
        assert_eq!(stored.as_deref(), (email != ASHA).then_some(email));
        let names = answer.headers.keys().map(ToString::to_string);
        let members: Vec<String> = student.as_object().expect("one").keys().cloned().collect();
        answers.push((answer.status, names.collect::<Vec<_>>(), members));
        costs.push((cost.requests, cost.writes.table, cost.writes.index, cost.reads.total()));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(costs[0].0, costs[1].0, "equally many requests");
    assert_eq!(costs[0].2, costs[1].2);
    let email = Email::parse(ASHA).expect("an address");
    let owns = test.app.store.account_of_email(&test.mess_id, &email).await.expect("read");
    assert_eq!(owns, Some(id_of(&asha.account_id)), "the address stays with Asha");

    let told = test.send(register_as(&owner, &with_email("R3", ASHA))).await;
    assert_eq!(told.problem(409), "email_taken");
    test.send(register_as(&owner, &plain("R3"))).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_registrations_of_one_roll_number_create_one_student() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..5 {
        let roll_no = format!("R{round}");
        let mut calls: Vec<Call> = (0..4)
            .map(|n| register(&with_email(&roll_no, &format!("s{round}-{n}@example.com"))))
            .collect();
        calls.push(register_as(&owner, &plain(&roll_no)));
        let answers = test.send_together(calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!(refused.problem(409), "roll_no_taken");
        }
    }
    assert_eq!(test.app.store.members_all(&test.mess_id).await.expect("read").len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_registrations_with_one_address_give_it_to_one_student() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..5 {
        let email = format!("asha{round}@example.com");
        let calls =
            (0..5).map(|n| register(&with_email(&format!("R{round}-{n}"), &email))).collect();
        let mut having = 0;
        for answer in test.send_together(calls).await {
            let student = student_of(&answer);
            assert_eq!(student["email"], email.as_str());
            having += usize::from(email_of(&test, &student).await.is_some());
        }
        assert_eq!(having, 1, "one account has the address");
        let calls = (0..3)
            .map(|n| {
                let free = format!("owners{round}@example.com");
                register_as(&owner, &with_email(&format!("O{round}-{n}"), &free))
            })
            .collect();
        let mut told = BTreeMap::<u16, usize>::new();
        for answer in test.send_together(calls).await {
            if answer.status != 201 {
                assert_eq!(answer.problem(409), "email_taken");
            }
            *told.entry(answer.status).or_default() += 1;
        }
        assert_eq!(told, BTreeMap::from([(201, 1), (409, 2)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_student_can_log_in_only_after_a_password_reset() {
    const PASSWORD: &str = "curd rice with pickle";
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let student = student_of(&test.send(register(&with_email("R1", ASHA))).await);
    let login =
        |password: &str| Call::post("/login", &json!({ "email": ASHA, "password": password }));
    for password in [PASSWORD, NO_PASSWORD, "nobody-can-have-this-as-a-hash-!"] {
        assert_eq!(test.send(login(password)).await.problem(401), "invalid_credentials");
    }
    let id = student["account_id"].as_str().expect("an id").to_owned();
    test.send(approve(&owner, &id)).await.expect(200);
    assert_eq!(test.status_of(&id).await, Active);
    assert_eq!(test.send(login(PASSWORD)).await.problem(401), "invalid_credentials");

    test.settle().await;
    test.send(Call::post("/password-reset", &json!({ "email": ASHA }))).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let confirm = json!({ "email": ASHA, "otp": code, "new_password": PASSWORD });
    test.send(Call::post("/password-reset/confirm", &confirm)).await.expect(204);
    let asha = Student::of(&test.send(login(PASSWORD)).await);
    assert_eq!(asha.account_id, id);
    let profile = test.send(Call::get("/student/profile").bearer(&asha.token)).await.expect(200);
    let account = &profile.body["account"];
    let known = (&account["roll_no"], &account["room_no"], &account["status"]);
    assert_eq!(known, (&json!("R1"), &json!("B-204"), &json!("active")));
    let redeemed = test.send(TestApp::submit(&asha, 1)).await;
    assert_ne!(redeemed.status, 500, "there was no password before: {}", redeemed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_also_lock_an_account_without_a_password() {
    let test = TestApp::start().await;
    test.send(register(&with_email("R1", ASHA))).await.expect(201);
    for _ in 0..5 {
        assert_eq!(test.log_in(ASHA).await.problem(401), "invalid_credentials");
    }
    assert_eq!(test.log_in(ASHA).await.problem(429), "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_without_an_address_is_approved_without_a_mail() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let student = student_of(&test.send(register_as(&owner, &plain("R1"))).await);
    test.send(approve(&owner, student["account_id"].as_str().expect("an id"))).await.expect(200);
    assert_eq!(test.settle().await, [], "there is no address to mail to");
    let id = id_of(student["account_id"].as_str().expect("an id"));
    assert_eq!(test.member(id).await.status, Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_not_affected_by_the_rate_limit_per_address() {
    let test = strict().await;
    let owner = test.owner("owner@example.com").await;
    let from = |address: String| move || register(&json!({})).sent_from(&address);
    let (call, refused) = passing(&test, 10, |round| from(format!("198.51.100.{round}"))).await;
    assert_limited(&refused, 6);
    let as_owner = test.send(call().bearer(&owner.token)).await;
    assert_eq!(as_owner.wrong_fields(), ["name", "phone", "roll_no", "room_no"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_typed_differently_is_the_same_registration() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let mut body = plain("R1");
    body["name"] = json!("Jose\u{301}  Rao");
    let first = student_of(&test.send(register(&body)).await);
    assert_eq!((&first["name"], &first["phone"]), (&json!("José Rao"), &json!("+919812345678")));
    for (name, roll_no, phone) in [
        ("José Rao", "r1", "+91 98123 45678"),
        (" José\u{a0}Rao\u{200b}", "Ｒ１", "098123-45678"),
        ("José Rao", "R1", "९८१२३४५६७८"),
    ] {
        let again = json!({ "name": name, "roll_no": roll_no, "room_no": "B-204", "phone": phone });
        for call in [register(&again), register_as(&owner, &again)] {
            assert_eq!(student_of(&test.send(call).await), first, "{again}");
        }
    }
    let mut stored_before = plain("R1");
    stored_before["name"] = json!("José Rao");
    let id = id_of(first["account_id"].as_str().expect("an id"));
    test.set_in_account_of(id, "phone", "9812345678").await;
    test.set_in_account_of(id, "name", "Jose\u{301} Rao").await;
    let again = student_of(&test.send(register(&stored_before)).await);
    assert_eq!(again["account_id"], first["account_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_can_see_is_refused() {
    let test = TestApp::start().await;
    for blank in
        ["\u{200b}", "\u{2060}\u{feff}\u{ad}", "\u{3164}", "\u{2800}", "\u{200d}", "\u{a0}"]
    {
        let mut body = plain("R1");
        body["name"] = json!(blank);
        body["room_no"] = json!(blank);
        let answer = test.send(register(&body)).await;
        assert_eq!(answer.wrong_fields(), ["name", "room_no"], "{blank:?}");
    }
}
