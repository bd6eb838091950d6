//! An owner's decisions about students (approve, reject, block), and their effects.

use std::sync::Arc;

use AccountStatus::{Active, Blocked, Deleted, PendingApproval, Rejected};
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::mess::Approval;
use thali_platform::store::keys;
use ulid::Ulid;

use super::register::{plain, register, student_of, with_email};
use super::{approve, block, decide, id_of, login, other_mess, read};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_student_continues_with_the_same_access_token() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let strict = Call::patch("/api/v1/mess", &json!({ "approval": "required" }));
    test.send(strict.bearer(&owner.token)).await.expect(200);
    let asha = test.signed_up_student("asha@example.com").await;
    assert_eq!(test.send(read(&asha.token)).await.problem(403), "not_approved");

    let approved = test.send(approve(&owner, &asha.account_id)).await.expect(200);
    assert_eq!(approved.body["student"]["account_id"], asha.account_id);
    assert_eq!(approved.body["student"]["status"], "active");
    test.send(read(&asha.token)).await.expect(200);
    test.buy_tokens(&asha, 2).await;
    test.send(TestApp::submit(&asha, 1)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_on_every_status_follows_the_rules() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (decision, decided, refused) in [
        ("approve", Active, [].as_slice()),
        ("reject", Rejected, &[Active, Blocked]),
        ("block", Blocked, &[]),
    ] {
        for status in AccountStatus::ALL.iter().copied() {
            let email = format!("{decision}-{}@example.com", status.as_str());
            let id = test.student_with(&email, status).await;
            let answer = test.send(decide(&owner, &id, decision, &json!({}))).await;
            if status == Deleted {
                assert_eq!(answer.problem(404), "student_not_found");
                assert_eq!(test.status_of(&id).await, status);
            } else if refused.contains(&status) {
                assert_eq!(answer.problem(409), "wrong_status");
                assert_eq!(answer.body["account_status"], status.as_str());
                assert_eq!(test.status_of(&id).await, status);
            } else {
                assert_eq!(answer.expect(200).body["student"]["status"], decided.as_str());
                assert_eq!(test.status_of(&id).await, decided);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_decision_writes_nothing() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for decision in ["approve", "reject", "block"] {
        let id = test.student_with(&format!("{decision}@example.com"), PendingApproval).await;
        let call = decide(&owner, &id, decision, &json!({ "reason": "first" }));
        let first = test.send(call).await.expect(200);
        test.dynamo.new_changes().await;
        let call = decide(&owner, &id, decision, &json!({ "reason": "second" }));
        assert_eq!(test.send(call).await.expect(200).body, first.body);
        assert_eq!(test.dynamo.new_changes().await, Vec::<Value>::new(), "{decision}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_stores_its_own_actor_time_and_reason() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    let key = keys::account(id_of(&id));
    let reason = json!({ "reason": " Not on the roll of this hostel " });
    test.send(decide(&owner, &id, "reject", &reason)).await.expect(200);
    let item = test.dynamo.item("accounts", &key).await;
    assert_eq!(item["decided_by"], owner.account_id);
    assert_eq!(item["decided_at"], test.now().as_millisecond());
    assert_eq!(item["decision_reason"], "Not on the roll of this hostel");

    test.send(approve(&owner, &id)).await.expect(200);
    let item = test.dynamo.item("accounts", &key).await;
    assert!(item["decision_reason"].is_null(), "{item}");
    assert_eq!(item["decided_by"], owner.account_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_optional_and_a_reason_is_one_line() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    let path = format!("/api/v1/students/{id}/block");
    for refused in [
        json!({ "reason": "" }),
        json!({ "reason": "two\nlines" }),
        json!({ "reason": 5 }),
        json!({ "reason": "x".repeat(301) }),
    ] {
        let answer = test.send(decide(&owner, &id, "block", &refused)).await;
        assert_eq!(answer.wrong_fields(), ["reason"], "{refused}");
    }
    let list = test.send(decide(&owner, &id, "block", &json!(["left"]))).await;
    assert_eq!(list.wrong_fields(), [""]);
    let unknown = test.send(decide(&owner, &id, "block", &json!({ "why": "x" }))).await;
    assert_eq!(unknown.wrong_fields(), ["why"]);
    let broken = Call::post_raw(&path, "application/json", "{").bearer(&owner.token);
    assert_eq!(test.send(broken).await.problem(400), "malformed_json");
    assert_eq!(test.status_of(&id).await, PendingApproval);

    let longest = json!({ "reason": "x".repeat(300) });
    test.send(decide(&owner, &id, "block", &longest)).await.expect(200);
    test.send(Call::new("POST", &path).bearer(&owner.token)).await.expect(200);
    let empty = Call::post_raw(&path, "application/json", "").bearer(&owner.token);
    test.send(empty).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_no_student_of_the_mess_is_not_found() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (_, other_owner) = other_mess(&test).await;
    let asha = test.student_with("asha@example.com", Active).await;
    let staff = test.account(&test.mess_id, Role::Staff, Active, "staff@example.com").await;
    let staff = staff.account_id.to_string();
    let nobody = format!("acc_{}", Ulid(7));
    for decision in ["approve", "reject", "block"] {
        for id in [&staff, &owner.account_id, &nobody, "acc_1", "mess_demo", "%20"] {
            let answer = test.send(decide(&owner, id, decision, &json!({}))).await;
            assert_eq!(answer.problem(404), "student_not_found", "{decision} {id}");
        }
        let answer = test.send(decide(&other_owner, &asha, decision, &json!({}))).await;
        assert_eq!(answer.problem(404), "student_not_found", "{decision}");
    }
    assert_eq!(test.status_of(&asha).await, Active);
    test.send(Call::get("/api/v1/mess").bearer(&owner.token)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_owner_can_decide() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let id = test.student_with("ravi@example.com", PendingApproval).await;
    for decision in ["approve", "reject", "block"] {
        let answer = test.send(decide(&asha, &id, decision, &json!({}))).await;
        assert_eq!(answer.problem(403), "wrong_role");
        let nobody = Call::post(&format!("/api/v1/students/{id}/{decision}"), &json!({}));
        assert_eq!(test.send(nobody).await.problem(401), "unauthenticated");
    }
    assert_eq!(test.status_of(&id).await, PendingApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_students_token_follows_the_current_account_status() {
    let test = TestApp::start().await;
    let waiting = test.student_with("asha@example.com", PendingApproval).await;
    let token = test.send(login("asha@example.com")).await.expect(200);
    let token = token.text("access_token").to_owned();
    assert_eq!(test.send(read(&token)).await.problem(403), "not_approved");
    // The status is changed directly in the database, so the session stays alive.
    for (status, code) in [(Rejected, "account_closed"), (Blocked, "account_closed")] {
        test.set_status(&waiting, status).await;
        assert_eq!(test.send(read(&token)).await.problem(403), code);
    }
    test.set_status(&waiting, Active).await;
    test.send(read(&token)).await.expect(200);
    let owners_only = test.send(Call::get("/api/v1/students").bearer(&token)).await;
    assert_eq!(owners_only.problem(403), "wrong_role");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_student_can_log_in_and_read_only_the_mess() {
    let test = TestApp::start().await;
    test.create_mess("mess_strict", Approval::Required).await;
    let body = json!({ "email": "a@example.com", "password": PASSWORD, "mess_id": "mess_strict" });
    let registration = test.send(Call::post("/sign-up", &body)).await.expect(202);
    let mails = test.settle().await;
    let code = crate::support::people::code_in(&mails[0]);
    let verify = json!({ "registration_id": registration.text("registration_id"), "otp": code });
    test.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(201);
    let logged_in = test.send(Call::post("/login", &body)).await.expect(200);
    assert_eq!(logged_in.body["account"]["status"], "pending_approval");
    let token = logged_in.text("access_token");
    test.send(Call::get("/api/v1/mess").bearer(token)).await.expect(200);
    assert_eq!(test.send(read(token)).await.problem(403), "not_approved");
}

/// Registers a student; returns the account's id.
async fn registered(test: &TestApp, body: &Value) -> String {
    let student = student_of(&test.send(register(body)).await);
    student["account_id"].as_str().expect("an id").to_owned()
}

fn reject(owner: &Student, account_id: &str) -> Call {
    decide(owner, account_id, "reject", &json!({}))
}

/// The accounts that hold a roll number and an e-mail address.
async fn holders(test: &TestApp, roll_no: &str, email: &str) -> [Option<String>; 2] {
    let roll_no = roll_no.parse().expect("a number");
    let email = email.parse().expect("an address");
    let (store, mess) = (&test.app.store, &test.mess_id);
    let of_roll_no = store.account_of_roll_no(mess, &roll_no).await.expect("read");
    let of_email = store.account_of_email(mess, &email).await.expect("read");
    [of_roll_no.map(|account| account.account_id), of_email].map(|id| id.map(|id| id.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_registration_releases_its_roll_number_and_address() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let body = with_email("R1", "asha@example.com");
    let impostor = registered(&test, &body).await;
    test.send(reject(&owner, &impostor)).await.expect(200);
    assert_eq!(holders(&test, "R1", "asha@example.com").await, [None, None]);
    let key = keys::account(id_of(&impostor));
    let item = test.dynamo.item("accounts", &key).await;
    assert_eq!(item["roll_no"], "R1", "the account keeps its data");

    let asha = registered(&test, &body).await;
    let hers = [Some(asha.clone()), Some(asha.clone())];
    assert_eq!(holders(&test, "R1", "asha@example.com").await, hers);
    for again in [reject(&owner, &impostor), block(&owner, &impostor)] {
        test.send(again).await.expect(200);
        let late = test.send(approve(&owner, &impostor)).await;
        assert_eq!(late.problem(409), "roll_no_taken");
    }
    assert_eq!(test.status_of(&impostor).await, Blocked);
    test.send(approve(&owner, &asha)).await.expect(200);
    assert_eq!(holders(&test, "R1", "asha@example.com").await, hers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_approval_reclaims_roll_number_and_address_unless_taken() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = registered(&test, &with_email("R1", "asha@example.com")).await;
    let ravi = registered(&test, &with_email("R2", "ravi@example.com")).await;
    let meera = registered(&test, &with_email("R3", "meera@example.com")).await;
    for id in [&asha, &ravi, &meera] {
        test.send(reject(&owner, id)).await.expect(200);
    }
    test.send(block(&owner, &ravi)).await.expect(200);
    for (id, roll_no, email) in
        [(&asha, "R1", "asha@example.com"), (&ravi, "R2", "ravi@example.com")]
    {
        test.send(approve(&owner, id)).await.expect(200);
        assert_eq!(test.status_of(id).await, Active);
        assert_eq!(holders(&test, roll_no, email).await, [Some(id.clone()), Some(id.clone())]);
        // Here the account still holds its number and its address.
        test.send(block(&owner, id)).await.expect(200);
        test.send(approve(&owner, id)).await.expect(200);
        assert_eq!(holders(&test, roll_no, email).await, [Some(id.clone()), Some(id.clone())]);
    }
    let other = registered(&test, &with_email("R4", "meera@example.com")).await;
    let late = test.send(approve(&owner, &meera)).await;
    assert_eq!(late.problem(409), "email_taken");
    assert_eq!(test.status_of(&meera).await, Rejected);
    assert_eq!(holders(&test, "R3", "meera@example.com").await, [None, Some(other)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_student_keeps_a_verified_address() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    test.send(reject(&owner, &id)).await.expect(200);
    let email = "asha@example.com";
    assert_eq!(holders(&test, "R1", email).await, [None, Some(id.clone())]);
    assert_eq!(test.send(login(email)).await.problem(403), "account_closed");
    test.send(approve(&owner, &id)).await.expect(200);
    test.send(login(email)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_does_not_release_another_students_roll_number() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let asha = registered(&test, &with_email("R1", "asha@example.com")).await;
    let guard = keys::roll_no_guard(&test.mess_id, &"R1".parse().expect("a number"));
    // Simulates a manual repair of the table.
    test.dynamo.take("accounts", &guard).await;
    let ravi = registered(&test, &plain("R1")).await;
    test.send(reject(&owner, &asha)).await.expect(200);
    assert_eq!(test.status_of(&asha).await, Rejected);
    let held = holders(&test, "R1", "asha@example.com").await;
    assert_eq!(held, [Some(ravi.clone()), None], "the address is still released");
    test.dynamo.take("accounts", &guard).await;
    test.send(reject(&owner, &ravi)).await.expect(200);
    assert_eq!(test.status_of(&ravi).await, Rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_approval_and_a_concurrent_registration_share_no_roll_number() {
    let test = Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    for round in 0..6 {
        let roll_no = format!("R{round}");
        let first = registered(&test, &plain(&roll_no)).await;
        test.send(reject(&owner, &first)).await.expect(200);
        let calls = vec![approve(&owner, &first), register(&plain(&roll_no))];
        let answers = test.send_together(calls).await;
        let [holder, _] = holders(&test, &roll_no, "nobody@example.com").await;
        let holder = holder.expect("somebody has it");
        if answers[0].status == 200 {
            assert_eq!(answers[1].problem(409), "roll_no_taken");
            assert_eq!((holder, test.status_of(&first).await), (first, Active));
        } else {
            assert_eq!(answers[0].problem(409), "roll_no_taken");
            assert_eq!(holder, student_of(&answers[1])["account_id"].as_str().expect("an id"));
            assert_eq!(test.status_of(&first).await, Rejected);
        }
    }
}
