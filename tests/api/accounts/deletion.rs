//! A deleted account: what decides the deletion, and what races with it. What is removed everywhere
//! else is tested in `erasure`.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Role;
use thali_domain::ids::AccountId;

use super::picture::{check, key, put};
use super::profile::change;
use super::{invited, login, read, registered, verify, waiting};
use crate::support::Death;
use crate::support::people::{PASSWORD, Student};
use crate::support::verdict;
use crate::support::{Answer, Call, TestApp};

pub(super) const ASHA: &str = "asha@example.com";

pub(super) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";

fn delete_with(student: &Student, password: &str) -> Call {
    let body = json!({ "current_password": password });
    Call::with_body("DELETE", "/account", "application/json", &body.to_string())
        .bearer(&student.token)
}

fn delete(student: &Student) -> Call {
    delete_with(student, PASSWORD)
}

pub(super) fn id_of(student: &Student) -> AccountId {
    AccountId::parse(&student.account_id).expect("an id")
}

/// A student of whom everything is known that can be known.
pub(super) async fn person(test: &TestApp) -> Student {
    let body = json!({
        "email": ASHA, "password": PASSWORD, "username": "asha_the_student",
        "name": "Asha Zacharias", "roll_no": "B21-7777", "room_no": "Room 4711",
        "phone": "+919876543210",
    });
    let waiting = registered(test, &body).await;
    test.send(verify(&waiting.id, &waiting.code)).await.expect(201);
    let asha = Student::of(&test.log_in(ASHA).await);
    let profile = json!({
        "bio": "I cook and I eat", "address": "12 Secret Lane", "profession": "Rocket scientist",
        "date_of_birth": "2004-08-31", "security_code": "2468", "current_password": PASSWORD,
    });
    test.send(change(&asha, &profile)).await.expect(200);
    let picture = key(test, &asha, "image/png").await;
    put(test, &picture, "image/png", PNG);
    check(test, &[&picture]).await;
    asha
}

/// The tables with an item that contains this text.
pub(super) async fn found(test: &TestApp, personal: &str) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["accounts", "tokens", "orders", "meals"] {
        for item in test.dynamo.items(table).await {
            if format!("{item:?}").contains(personal) {
                found.push(format!("{table}: {item:?}"));
            }
        }
    }
    found
}

pub(super) async fn deleted(test: &TestApp, student: &Student) -> Answer {
    test.send(delete(student)).await.expect(202)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_and_the_numbers_are_free_for_a_new_account() {
    let test = TestApp::start().await;
    let first = person(&test).await;
    test.buy_tokens(&first, 3).await;
    deleted(&test, &first).await;
    test.settle().await;
    let again = person(&test).await;
    assert_ne!(again.account_id, first.account_id);
    assert_eq!(test.token_count(&again).await, 0, "tokens lapse with the account");
    let profile = super::profile::account(&test, &again).await;
    assert_eq!(
        (&profile["roll_no"], &profile["username"]),
        (&json!("B21-7777"), &json!("asha_the_student"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_has_no_session_and_no_login() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    let other = test.log_in_again(&asha).await;
    test.send(read(&other.token)).await.expect(200);
    deleted(&test, &asha).await;
    for session in [&asha, &other] {
        assert_eq!(test.send(read(&session.token)).await.problem(401), "unauthenticated");
        let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&session.cookie);
        assert_eq!(test.send(refresh).await.problem(401), "refresh_expired");
    }
    assert_eq!(test.send(login(ASHA, PASSWORD)).await.problem(401), "invalid_credentials");
    assert_eq!(test.send(delete(&asha)).await.problem(401), "unauthenticated");
    test.send(Call::post("/password-reset", &json!({ "email": ASHA }))).await.expect(202);
    let mails = test.settle().await;
    assert!(mails.iter().all(|mail| mail.subject.contains("was deleted")), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_is_unknown_at_the_counter_at_once() {
    let test = TestApp::start().await;
    let gate = test.device("Gate").await;
    let (id, code) = test.eater(ASHA).await;
    test.lunch();
    let asha = Student::of(&test.log_in(ASHA).await);
    deleted(&test, &asha).await;
    let scan = test.scanned(gate.scan(&code)).await;
    assert_eq!(verdict(&scan), "unknown_student");
    assert_eq!(scan["student"], Value::Null);
    // A meal that was eaten before stays eaten.
    let eaten = json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": "2026-01-15T07:20:00Z", "nonce": "one" });
    let upload = test.scanned(gate.upload(&[eaten])).await;
    assert_eq!(verdict(&upload["results"][0]), "admitted");
    assert_eq!(upload["results"][0]["student"]["name"], "Deleted account");
    let member = test.member(id).await;
    assert_eq!((member.name.as_str(), member.status.as_str()), ("Deleted account", "deleted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_stays_while_an_order_a_refund_or_a_payment_is_in_hand() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student(ASHA).await;
    test.seed_item("rice", 1, &[5]).await;
    let order = test.place(&asha, &[("rice", 1)]).await;
    let refused = test.send(delete(&asha)).await;
    assert_eq!(refused.problem(409), "order_open");
    assert_eq!(refused.text("order_id"), order.order_id.to_string());
    let cancel = Call::post(&format!("/api/orders/{}/cancel", order.order_id), &json!({}));
    test.send(cancel.bearer(&asha.token)).await.expect(200);

    let cycle = test.upload_cycle(&asha, "2026-01-01", "2026-01-31").await;
    assert_eq!(test.send(delete(&asha)).await.problem(409), "payment_undecided");
    let reject = Call::post(&format!("/api/v1/payments/{cycle}/reject"), &json!({}));
    test.send(reject.bearer(&owner.token)).await.expect(200);

    let underpaid = test.order_tokens(&asha, 2).await;
    let checkout =
        test.pay(&underpaid, json!({ "outcome": "captured", "amount_paise": 5_000 })).await;
    test.send(checkout.verify(&asha.token)).await.expect(409);
    assert_eq!(test.send(delete(&asha)).await.problem(409), "payment_undecided");
    let refund = Call::post(&format!("/payments/{underpaid}/refund"), &json!({}));
    test.send(refund.bearer(&owner.token)).await.expect(202);
    test.settle().await;

    let paid = test.buy_tokens(&asha, 2).await.order_id;
    let refund = Call::post(&format!("/payments/{paid}/refund"), &json!({}));
    test.send(refund.bearer(&owner.token)).await.expect(202);
    let refused = test.send(delete(&asha)).await;
    assert_eq!(refused.problem(409), "refund_in_progress");
    assert_eq!(refused.text("order_id"), paid);
    test.settle().await;
    deleted(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_needed_and_wrong_ones_are_counted() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    for _ in 0..5 {
        let refused = test.send(delete_with(&asha, "not the password")).await;
        assert_eq!(refused.problem(403), "current_password_wrong");
    }
    assert_eq!(test.send(delete(&asha)).await.problem(429), "locked");
    let nothing = Call::with_body("DELETE", "/account", "application/json", "{}");
    let refused = test.send(nothing.bearer(&asha.token)).await;
    assert_eq!(refused.wrong_fields(), ["current_password"]);
    test.send(read(&asha.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_and_owners_are_not_deleted_but_waiting_students_are() {
    let test = TestApp::start().await;
    for role in [Role::Staff, Role::Owner] {
        let person = invited(&test, &format!("{}@example.com", role.as_str()), role).await;
        assert_eq!(test.send(delete(&person)).await.problem(403), "wrong_role");
    }
    let asha = waiting(&test, ASHA, "mess_strict").await;
    deleted(&test, &asha).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_told_and_see_deleted_accounts_only_if_they_ask() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = person(&test).await;
    test.student("ravi@example.com").await;
    deleted(&test, &asha).await;
    test.settle().await;
    let told = test.list(&owner, "/owner/notifications", 10).await;
    let news: Vec<&Value> = told.iter().filter(|it| it["kind"] == "account_deleted").collect();
    assert_eq!(news.len(), 1, "{told:?}");
    assert_eq!(news[0]["account_id"], asha.account_id);
    assert!(!format!("{told:?}").contains("Asha"), "{told:?}");

    let all = test.list(&owner, "/api/v1/students", 10).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let list = Call::get("/api/v1/students?status=deleted").bearer(&owner.token);
    let asked = test.send(list).await.expect(200);
    let entry = &asked.body["items"][0];
    assert_eq!((&entry["name"], &entry["status"]), (&json!("Deleted account"), &json!("deleted")));
    assert_eq!(
        (&entry["email"], &entry["roll_no"], &entry["phone"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    for decision in ["approve", "reject", "block"] {
        let path = format!("/api/v1/students/{}/{decision}", asha.account_id);
        let refused = test.send(Call::post(&path, &json!({})).bearer(&owner.token)).await;
        assert_eq!(refused.problem(404), "student_not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_arrives_later_is_shown_to_owners_and_can_be_refunded() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = test.student(ASHA).await;
    let order_id = test.order_tokens(&asha, 2).await;
    deleted(&test, &asha).await;
    test.settle().await;
    test.pay(&order_id, json!({ "outcome": "captured" })).await;
    test.advance(SignedDuration::from_mins(6));
    let job = thali_functions::jobs::reconcile_payments::JOB.run;
    job(&test.app, &json!({})).await.expect("the job runs");
    assert!(test.settle().await.is_empty(), "there is nobody to mail");
    let told = test.list(&owner, "/owner/notifications", 10).await;
    assert_eq!(told[0]["kind"], "paid_after_deletion", "{told:?}");
    assert_eq!((&told[0]["order_id"], &told[0]["count"]), (&json!(order_id), &json!(2)));
    let refund = Call::post(&format!("/payments/{order_id}/refund"), &json!({}));
    test.send(refund.bearer(&owner.token)).await.expect(202);
    assert!(test.settle().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_placed_at_the_same_moment_fails_and_returns_its_portions() {
    let test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.buy_tokens(&asha, 3).await;
    test.seed_item("rice", 1, &[5]).await;
    test.settle().await;
    let order = test.place(&asha, &[("rice", 1)]).await;
    // The order was placed after the deletion had looked for orders.
    let id = id_of(&asha);
    let (account, sessions) = test.app.store.account_with_sessions(id).await.expect("read");
    let member = test.member(id).await;
    let account = account.expect("there");
    let done =
        test.app.store.account_delete(&account, Some(&member), &sessions, &test.stamp()).await;
    assert!(matches!(done, Ok(thali_platform::store::Attempt::Done(()))));
    test.settle().await;
    let stored = test.stored(&order).await;
    assert_eq!(stored.failure.map(|why| json!(why)), Some(json!("account_closed")));
    assert_eq!(test.stock("rice").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_refreshes_and_changes_at_the_same_moment_survive_no_deletion() {
    for _ in 0..4 {
        let test = Arc::new(TestApp::start().await);
        let asha = test.student(ASHA).await;
        let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&asha.cookie);
        let calls = vec![
            login(ASHA, PASSWORD),
            refresh,
            change(&asha, &json!({ "bio": "I cook and I eat" })),
            delete(&asha),
            change(&asha, &json!({ "full_name": "Asha Zacharias", "roll_no": "B21-7777" })),
            change(&asha, &json!({ "address": "12 Secret Lane" })),
            login(ASHA, PASSWORD),
            delete(&asha),
        ];
        let answers = test.send_together(calls).await;
        let done = [&answers[3], &answers[7]].iter().filter(|it| it.status == 202).count();
        assert!(done >= 1, "{} {}", answers[3].body, answers[7].body);
        let sessions = test.app.store.sessions_of(id_of(&asha)).await.expect("read");
        assert_eq!(sessions.len(), 0);
        for login in [&answers[0], &answers[6]].into_iter().filter(|login| login.status == 200) {
            assert_eq!(test.send(read(login.text("access_token"))).await.status, 401);
        }
        test.settle().await;
        for text in [ASHA, "Asha Zacharias", "B21-7777", "I cook and I eat", "12 Secret Lane"] {
            let left = found(&test, text).await;
            assert!(left.is_empty(), "{text} is left in {left:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_died_anywhere_is_whole_or_can_be_repeated() {
    for number in 0..14 {
        for death in [Death::Before(number), Death::After(number)] {
            let test = TestApp::start().await;
            let asha = test.student(ASHA).await;
            let other = test.log_in_again(&asha).await;
            let process = test.dying_process(death);
            test.send_to(&process.app, delete(&asha)).await;
            let again = test.send(delete(&asha)).await;
            assert!([202, 401].contains(&again.status), "{death:?}: {}", again.body);
            assert_eq!(test.send(read(&other.token)).await.status, 401, "{death:?}");
            test.settle().await;
            assert!(found(&test, ASHA).await.is_empty(), "{death:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_without_redis_too() {
    let mut test = TestApp::start().await;
    let asha = test.student(ASHA).await;
    test.redis.stop();
    deleted(&test, &asha).await;
    assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
    test.redis.restart();
    assert_eq!(test.send(read(&asha.token)).await.problem(401), "unauthenticated");
}
