//! The profile: what students see and change of their own account.

use serde_json::{Value, json};
use thali_domain::accounts::identity::Role;
use thali_domain::ids::AccountId;

use super::{invited, waiting};
use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

pub fn change(student: &Student, body: &Value) -> Call {
    Call::patch("/student/profile", body).bearer(&student.token)
}

/// The student's own account.
pub async fn account(test: &TestApp, student: &Student) -> Value {
    let answer = test.send(Call::get("/student/profile").bearer(&student.token)).await;
    answer.expect(200).body["account"].clone()
}

async fn changed(test: &TestApp, student: &Student, body: Value) -> Answer {
    test.send(change(student, &body)).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_can_be_set_kept_or_cleared_with_null() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let before = account(&test, &asha).await;
    assert_eq!(before["security_code_set"], false);
    let wanted = json!({
        "bio": "I cook.\nI eat.",
        "phone": "+919876543210",
        "address": "12 Lake Road, Pune",
        "profession": "Student",
        "date_of_birth": "2004-08-31",
        "roll_no": "B21-7",
        "room_no": "A 12",
    });
    let mut body = wanted.clone();
    body["full_name"] = json!("Asha Kumari");
    body["roll_no"] = json!(" b21-7");
    let answer = changed(&test, &asha, body).await;
    let now = account(&test, &asha).await;
    assert_eq!(answer.body["account"], now);
    assert_eq!(now["name"], "Asha Kumari");
    let mut expected = before.as_object().expect("an object").clone();
    expected.extend(wanted.as_object().expect("an object").clone());
    expected.insert("name".to_owned(), json!("Asha Kumari"));
    expected.insert("phone_national".to_owned(), json!("098765 43210"));
    assert_eq!(now, Value::Object(expected));

    let kept = changed(&test, &asha, json!({ "profession": "Cook" })).await;
    assert_eq!(kept.body["account"]["bio"], wanted["bio"]);
    assert_eq!(kept.body["account"]["profession"], "Cook");

    let nulls: serde_json::Map<String, Value> = wanted
        .as_object()
        .expect("an object")
        .keys()
        .map(|name| (name.clone(), Value::Null))
        .collect();
    let cleared = changed(&test, &asha, Value::Object(nulls)).await;
    let mut expected = before;
    expected["name"] = json!("Asha Kumari");
    assert_eq!(cleared.body["account"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn camel_case_fields_and_older_paths_are_accepted() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let body = json!({
        "fullName": "Asha Kumari",
        "dateOfBirth": "2004-08-31",
        "rollNo": "B21-7",
        "roomNo": "A 12",
        "securityCode": "2468",
        "currentPassword": crate::support::people::PASSWORD,
    });
    let call = Call::patch("/student/profile-update", &body).bearer(&asha.token);
    test.send(call).await.expect(200);
    let read = Call::get("/student/profile-data").bearer(&asha.token);
    let account = test.send(read).await.expect(200).body["account"].clone();
    for (field, value) in [
        ("name", json!("Asha Kumari")),
        ("date_of_birth", json!("2004-08-31")),
        ("roll_no", json!("B21-7")),
        ("room_no", json!("A 12")),
        ("security_code_set", json!(true)),
    ] {
        assert_eq!(account[field], value, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_changes_writes_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    changed(&test, &asha, json!({ "roll_no": "B21-7" })).await;
    test.dynamo.new_changes().await;
    for body in
        [json!({}), json!({ "current_password": "whatever" }), json!({ "roll_no": "b21-7" })]
    {
        let answer = changed(&test, &asha, body).await;
        assert_eq!(answer.body["account"]["roll_no"], "B21-7");
    }
    assert!(test.dynamo.new_changes().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_student_has_a_profile_but_staff_and_strangers_do_not() {
    let test = TestApp::start().await;
    let waits = waiting(&test, "asha@example.com", "mess_strict").await;
    let answer = changed(&test, &waits, json!({ "bio": "I wait." })).await;
    assert_eq!(answer.body["account"]["status"], "pending_approval");
    let picture = json!({ "content_type": "image/png", "content_length": 1 });
    let picture = Call::post("/student/profile/picture", &picture);
    test.send(picture.clone().bearer(&waits.token)).await.expect(201);

    let staff = invited(&test, "staff@example.com", Role::Staff).await;
    for call in
        [Call::get("/student/profile"), Call::patch("/student/profile", &json!({})), picture]
    {
        assert_eq!(test.send(call.clone()).await.problem(401), "unauthenticated");
        assert_eq!(test.send(call.bearer(&staff.token)).await.problem(403), "wrong_role");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_values_are_named_and_change_nothing() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let before = account(&test, &asha).await;
    for (body, wrong) in [
        (json!({ "bio": "x".repeat(501), "profession": "fine" }), vec!["bio"]),
        (json!({ "address": "x".repeat(301) }), vec!["address"]),
        (json!({ "profession": "x".repeat(101) }), vec!["profession"]),
        (json!({ "profession": "two\nlines", "bio": "" }), vec!["bio", "profession"]),
        (json!({ "full_name": null }), vec!["full_name"]),
        (json!({ "fullName": " " }), vec!["fullName"]),
        (
            json!({ "phone": "12", "roll_no": "?", "room_no": 7 }),
            vec!["phone", "roll_no", "room_no"],
        ),
        (json!({ "date_of_birth": "1900-12-31" }), vec!["date_of_birth"]),
        (json!({ "date_of_birth": "31.8.2004" }), vec!["date_of_birth"]),
        // It is the 15th; in no time zone is it the 16th yet.
        (json!({ "date_of_birth": "2026-01-16", "bio": 5 }), vec!["bio", "date_of_birth"]),
        (json!({ "email": "other@example.com" }), vec!["email"]),
        (json!({ "status": "active", "role": "owner" }), vec!["role", "status"]),
        (json!({ "security_code": "2468" }), vec!["current_password"]),
        (json!({ "security_code": "2468", "current_password": null }), vec!["current_password"]),
        (json!({ "security_code": "24680x" }), vec!["current_password", "security_code"]),
        (json!({ "security_code": 2468, "current_password": "rice" }), vec!["security_code"]),
    ] {
        let answer = test.send(change(&asha, &body)).await;
        assert_eq!(answer.wrong_fields(), wrong, "{body}");
        assert!(!answer.body.to_string().contains("2468"), "a secret in {}", answer.body);
    }
    assert_eq!(account(&test, &asha).await, before);
    changed(&test, &asha, json!({ "date_of_birth": "2026-01-15" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_answer_omits_private_profile_fields() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    changed(&test, &asha, json!({ "bio": "I cook.", "date_of_birth": "2004-08-31" })).await;
    let login = test.log_in("asha@example.com").await.expect(200);
    for field in ["bio", "address", "profession", "date_of_birth", "picture_url"] {
        assert!(login.body["account"].get(field).is_none(), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_stored_in_one_spelling() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let typed = json!({
        "full_name": "  Jose\u{301}\u{a0}  Rao\u{200b} ",
        "bio": "I  cook.\r\nI\u{ad} eat. ",
        "address": "12\u{2003}Lake  Road",
        "profession": "Cafe\u{301} owner",
        "room_no": "A\u{feff}  12",
        "roll_no": "ｂ２１\u{2011}７",
    });
    let account = changed(&test, &asha, typed).await.body["account"].clone();
    for (field, stored) in [
        ("name", "José Rao"),
        ("bio", "I cook.\nI eat."),
        ("address", "12 Lake Road"),
        ("profession", "Café owner"),
        ("room_no", "A 12"),
        ("roll_no", "B21-7"),
    ] {
        assert_eq!(account[field], stored, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_texts_of_earlier_rules_is_read_and_changed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (attribute, stored) in
        [("name", "Jose\u{301}  Rao"), ("phone", "9876543210"), ("room_no", "\u{200b}")]
    {
        let id = AccountId::parse(&asha.account_id).expect("an id");
        test.set_in_account_of(id, attribute, stored).await;
    }
    let before = account(&test, &asha).await;
    assert_eq!(
        (&before["name"], &before["phone"]),
        (&json!("Jose\u{301}  Rao"), &json!("9876543210"))
    );
    assert_eq!(before["phone_national"], "9876543210");
    // The condition of this write compares the name as it is stored.
    let after = changed(&test, &asha, json!({ "roll_no": "R7" })).await;
    assert_eq!(after.body["account"]["room_no"], "\u{200b}");
    let after = changed(&test, &asha, json!({ "phone": "9876543210", "room_no": "12" })).await;
    assert_eq!(after.body["account"]["phone"], "+919876543210");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_number_is_one_value_however_it_is_typed() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for typed in [
        "9876543210",
        "098765 43210",
        "+91 98765 43210",
        "98765-43210",
        "919876543210",
        "0091 98765 43210",
        "tel:+91-98765-43210",
        "(0)98765 43210",
        "९८७६५ ४३२१०",
        "+91\u{a0}98765\u{a0}43210",
        "98765 43210 ext. 12",
    ] {
        let answer = changed(&test, &asha, json!({ "phone": typed })).await;
        assert_eq!(answer.body["account"]["phone"], "+919876543210", "{typed}");
        assert_eq!(answer.body["account"]["phone_national"], "098765 43210", "{typed}");
    }
    for nonsense in ["12345", "98765 4321", "call me", "+999 12345678", "9876543210/11"] {
        let answer = test.send(change(&asha, &json!({ "phone": nonsense }))).await;
        assert_eq!(answer.wrong_fields(), ["phone"], "{nonsense}");
    }
    let owner = test.owner("owner@example.com").await;
    let region = Call::patch("/api/v1/mess", &json!({ "region": "np" })).bearer(&owner.token);
    test.send(region).await.expect(200);
    let answer = changed(&test, &asha, json!({ "phone": "984-1234567" })).await;
    assert_eq!(answer.body["account"]["phone"], "+9779841234567");
    assert!(
        changed(&test, &asha, json!({ "phone": null })).await.body["account"]["phone"].is_null()
    );
}
