//! A roll number belongs to one account of a mess, also while it moves to another account.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::mess::Approval;

use super::profile::{account, change};
use super::{logged_in, registered, verify};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

fn roll_no(student: &Student, roll_no: impl Into<Value>) -> Call {
    change(student, &json!({ "roll_no": roll_no.into() }))
}

async fn student(test: &TestApp, name: &str, number: &str) -> Student {
    let student = test.student(&format!("{name}@example.com")).await;
    test.send(roll_no(&student, number)).await.expect(200);
    student
}

/// All guard items of roll numbers: each number with its account's id.
async fn guards(test: &TestApp) -> BTreeSet<(String, String)> {
    let guard = |item: HashMap<String, AttributeValue>| {
        let attribute = |name: &str| item.get(name)?.as_s().ok().cloned();
        let number = attribute("pk")?.split_once("#roll_no#")?.1.to_owned();
        Some((number, attribute("account_id")?))
    };
    test.dynamo.items("accounts").await.into_iter().filter_map(guard).collect()
}

/// Asserts that there are guards for exactly the students' roll numbers, each with its account.
async fn assert_consistent(test: &TestApp, students: &[&Student]) {
    let mut expected = BTreeSet::new();
    for student in students {
        if let Some(number) = account(test, student).await["roll_no"].as_str() {
            expected.insert((number.to_owned(), student.account_id.clone()));
        }
    }
    assert_eq!(guards(test).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_roll_number_is_refused_until_its_holder_releases_it() {
    let test = TestApp::start().await;
    let asha = student(&test, "asha", "R1").await;
    let ravi = student(&test, "ravi", "R2").await;
    let body = json!({ "roll_no": "r1", "bio": "not this either" });
    assert_eq!(test.send(change(&ravi, &body)).await.problem(409), "roll_no_taken");
    assert!(account(&test, &ravi).await.get("bio").is_none(), "a refused change writes nothing");

    test.send(roll_no(&asha, "R3")).await.expect(200);
    test.send(change(&ravi, &body)).await.expect(200);
    assert_eq!(account(&test, &ravi).await["roll_no"], "R1");
    test.send(roll_no(&asha, Value::Null)).await.expect(200);
    assert_consistent(&test, &[&asha, &ravi]).await;
    assert_eq!(guards(&test).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_roll_number_is_free_and_other_messes_have_their_own() {
    let test = TestApp::start().await;
    let asha = student(&test, "asha", "R1").await;
    test.send(roll_no(&asha, "R2")).await.expect(200);
    test.create_mess("mess_other", Approval::Automatic).await;
    for (mess, number) in [("mess_demo", "R1"), ("mess_other", "R2")] {
        let body = json!({
            "mess_id": mess, "email": "ravi@example.com", "password": PASSWORD, "roll_no": number,
        });
        let waiting = registered(&test, &body).await;
        test.send(verify(&waiting.id, &waiting.code)).await.expect(201);
        let body = json!({ "mess_id": mess, "email": "ravi@example.com", "password": PASSWORD });
        logged_in(test.send(Call::post("/login", &body)).await);
    }
    let numbers = guards(&test).await.into_iter().map(|guard| guard.0);
    assert_eq!(numbers.collect::<Vec<_>>(), ["R1", "R2", "R2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_students_swapping_roll_numbers_concurrently_are_both_refused() {
    let test = Arc::new(TestApp::start().await);
    let asha = student(&test, "asha", "R1").await;
    let ravi = student(&test, "ravi", "R2").await;
    for _ in 0..5 {
        let calls = vec![roll_no(&asha, "R2"), roll_no(&ravi, "R1")];
        for answer in test.send_together(calls).await {
            assert_eq!(answer.problem(409), "roll_no_taken");
        }
        assert_consistent(&test, &[&asha, &ravi]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_five_concurrent_requests_gets_a_free_roll_number() {
    let test = Arc::new(TestApp::start().await);
    let mut students = Vec::new();
    for number in 0..5 {
        students.push(student(&test, &format!("s{number}"), &format!("R{number}")).await);
    }
    let calls = students.iter().map(|student| roll_no(student, "R9")).collect();
    let answers = test.send_together(calls).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(taken, 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.problem(409), "roll_no_taken");
    }
    assert_consistent(&test, &students.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_roll_number_changes_by_one_student_leave_consistent_guards() {
    let test = Arc::new(TestApp::start().await);
    let asha = student(&test, "asha", "R0").await;
    let mut calls: Vec<Call> = (1..6).map(|n| roll_no(&asha, format!("R{n}"))).collect();
    // R1 twice: the second request may find it set already.
    calls.push(roll_no(&asha, "R1"));
    calls.push(roll_no(&asha, Value::Null));
    for answer in test.send_together(calls).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_consistent(&test, &[&asha]).await;
}
