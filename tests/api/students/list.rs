//! The list of a mess's students.

use std::collections::BTreeSet;

use AccountStatus::{Active, Blocked, Deleted, PendingApproval, Rejected};
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};

use super::{approve, block, decide, other_mess};
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const PATH: &str = "/api/v1/students";

fn list(owner: &Student, query: &str) -> Call {
    Call::get(&format!("{PATH}{query}")).bearer(&owner.token)
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["account_id"].as_str().expect("an id")).collect()
}

fn ids_of(answer: &Answer) -> Vec<&str> {
    ids(answer.body["items"].as_array().expect("a list"))
}

/// Creates students one millisecond apart; returns their ids.
async fn students(test: &TestApp, statuses: &[AccountStatus]) -> Vec<String> {
    let mut students = Vec::new();
    for (number, status) in statuses.iter().enumerate() {
        test.advance(SignedDuration::from_millis(1));
        students.push(test.student_with(&format!("student{number}@example.com"), *status).await);
    }
    students
}

#[tokio::test(flavor = "multi_thread")]
async fn students_of_the_mess_are_listed_in_order_of_creation() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (_, other_owner) = other_mess(&test).await;
    test.account(&test.mess_id, Role::Staff, Active, "staff@example.com").await;
    let all = [Blocked, Active, PendingApproval, Rejected, Active, PendingApproval];
    let students = students(&test, &all).await;

    let everybody = test.send(list(&owner, "")).await.expect(200);
    assert_eq!(ids_of(&everybody), students);
    for status in AccountStatus::ALL.iter().copied() {
        let expected = students.iter().zip(all).filter(|(_, of)| *of == status);
        let expected: Vec<&str> = expected.map(|(id, _)| id.as_str()).collect();
        let query = format!("?status={}", status.as_str());
        let answer = test.send(list(&owner, &query)).await.expect(200);
        assert_eq!(ids_of(&answer), expected, "{query}");
    }
    let elsewhere = test.send(list(&other_owner, "")).await.expect(200);
    assert_eq!(elsewhere.body, json!({ "items": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_student_equals_the_shown_account_and_has_no_secrets() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let body = json!({
        "email": "asha@example.com", "password": crate::support::people::PASSWORD,
        "name": "Asha", "username": "asha", "roll_no": "B21-7", "room_no": "12", "phone": "9876543210",
    });
    test.send(Call::post("/sign-up", &body)).await.expect(202);
    let code = crate::support::people::code_in(&test.settle().await[0]);
    let verify = json!({ "email": "asha@example.com", "otp": code });
    let made = test.send(Call::post("/sign-up/otp-verify", &verify)).await.expect(201);
    let listed = test.send(list(&owner, "?status=active")).await.expect(200);
    assert_eq!(listed.body, json!({ "items": [made.body["account"]] }));

    // The index omits these attributes. Otherwise each of their changes would cost an index write.
    for entry in test.dynamo.index_items("accounts", "directory").await {
        for left_out in
            ["password_hash", "security_code_hash", "security_code_failures", "changed_at"]
        {
            assert!(!entry.contains_key(left_out), "{left_out}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_list_parameters_are_refused_by_name() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    for (query, field) in [
        ("?status=Active", "status"),
        ("?status=", "status"),
        ("?status=active&status=none", "status"),
        ("?role=staff", "role"),
        ("?limit=101", "limit"),
        ("?cursor=", "cursor"),
        ("?cursor=YWNjXzE", "cursor"),
        ("?cursor=%21", "cursor"),
    ] {
        let answer = test.send(list(&owner, query)).await;
        assert_eq!(answer.wrong_fields(), [field], "{query}");
    }
    let asha = test.student("asha@example.com").await;
    assert_eq!(test.send(list(&asha, "")).await.problem(403), "wrong_role");
    assert_eq!(test.send(Call::get(PATH)).await.problem(401), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn paging_returns_each_student_once_while_statuses_change() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let listed = AccountStatus::ALL.iter().copied().filter(|status| *status != Deleted);
    let statuses: Vec<_> = listed.cycle().take(60).collect();
    let students = students(&test, &statuses).await;
    let mut met: Vec<String> = Vec::new();
    let mut cursor = None;
    loop {
        let (items, next) = test.page(&owner, PATH, 7, cursor.as_deref()).await;
        met.extend(ids(&items).into_iter().map(str::to_owned));
        // A listed student, the next two and the last one move between the status partitions.
        let ahead = met.len();
        test.send(block(&owner, &met[ahead - 1])).await.expect(200);
        for (number, id) in students.iter().skip(ahead).take(2).chain(students.last()).enumerate() {
            let call = if number % 2 == 0 { approve(&owner, id) } else { block(&owner, id) };
            test.send(call).await.expect(200);
        }
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(met, students);
}

#[tokio::test(flavor = "multi_thread")]
async fn deciding_page_by_page_reaches_every_pending_student_once() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let students = students(&test, &[PendingApproval; 60]).await;
    let mut met = BTreeSet::new();
    let mut path = format!("{PATH}?status=pending_approval&limit=9");
    loop {
        let answer = test.send(Call::get(&path).bearer(&owner.token)).await.expect(200);
        for id in ids_of(&answer) {
            assert!(met.insert(id.to_owned()), "{id} twice");
            let decision = if met.len() % 5 == 0 { "reject" } else { "approve" };
            test.send(decide(&owner, id, decision, &json!({}))).await.expect(200);
        }
        let Some(next) = answer.body["next_cursor"].as_str() else { break };
        path = format!("{PATH}?status=pending_approval&limit=9&cursor={next}");
    }
    assert_eq!(met.into_iter().collect::<Vec<_>>(), students);
    let left = test.send(list(&owner, "?status=pending_approval")).await.expect(200);
    assert_eq!(left.body, json!({ "items": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_starts_after_the_given_id_and_keeps_its_limit() {
    let test = TestApp::start().await;
    let students = students(&test, &[Active; 12]).await;
    let page = async |after: Option<&str>, limit| {
        let after = after.map(super::id_of);
        let found = test.app.store.students_page(&test.mess_id, Active, after, limit).await;
        found.expect("read").iter().map(|it| it.account_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 5).await, students[..5]);
    assert_eq!(page(Some(&students[4]), 5).await, students[5..10]);
    assert_eq!(page(Some(&students[9]), 5).await, students[10..]);
}
