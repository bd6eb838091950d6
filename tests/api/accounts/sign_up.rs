//! Sign-up: which registrations are accepted, and what an answer may reveal.

use serde_json::{Value, json};
use thali_domain::accounts::one_time_code::one_time_code;
use thali_domain::mess::Approval;

use super::{logged_in, login, mailed_code, read, registered, set_status, verify, waiting};
use crate::support::people::PASSWORD;
use crate::support::{Call, TestApp};

fn sign_up(body: &Value) -> Call {
    Call::post("/sign-up", body)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_names_all_invalid_sign_up_fields() {
    let test = TestApp::start().await;
    let body = json!({
        "email": "nobody", "username": "a b", "name": "", "role": "cook", "phone": "12ab",
        "roll_no": "ü", "room_no": 5, "mess_id": "demo", "invite_code": 7,
        "confirm_password": "", "price": 1, "colour": "red",
    });
    let answer = test.send(sign_up(&body)).await;
    let expected = [
        "colour",
        "confirm_password",
        "email",
        "invite_code",
        "mess_id",
        "name",
        "password",
        "phone",
        "price",
        "role",
        "roll_no",
        "room_no",
        "username",
    ];
    assert_eq!(answer.wrong_fields(), expected);
    for error in answer.body["errors"].as_array().expect("a list") {
        assert!(!error["message"].as_str().expect("text").is_empty(), "{error}");
    }
    let lists = json!({ "email": ["a@b.in"], "name": { "first": "Asha" }, "price": [1] });
    assert_eq!(
        test.send(sign_up(&lists)).await.wrong_fields(),
        ["email", "name", "password", "price"]
    );
    let missing = test.send(sign_up(&json!({}))).await;
    assert_eq!(missing.wrong_fields(), ["email", "password"]);
    assert!(test.settle().await.is_empty(), "nobody is mailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_non_object_body_or_a_duplicate_field_is_refused() {
    let test = TestApp::start().await;
    for body in [
        "[]".to_owned(),
        "null".to_owned(),
        "5".to_owned(),
        r#"{"email": "a@example.com", "email": "b@example.com", "password": "x"}"#.to_owned(),
        r#"{"confirm_password": "x", "confirmPassword": "y"}"#.to_owned(),
        format!(r#"{{"deep": {}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000)),
    ] {
        let answer = test.send(Call::post_raw("/sign-up", "application/json", &body)).await;
        assert!(!answer.wrong_fields().is_empty(), "{body:.80}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_uses_the_named_or_default_mess_which_must_exist() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let mut body = json!({ "email": "asha@example.com", "password": PASSWORD });
    let by_default = registered(&test, &body).await;
    let account = test.send(verify(&by_default.id, &by_default.code)).await.expect(201);
    assert_eq!(account.body["account"]["mess_id"], "mess_demo");

    let several = test.another_process(&[("DEFAULT_MESS_ID", "")]);
    let answer = test.send_to(&several, sign_up(&body)).await;
    assert_eq!(answer.wrong_fields(), ["mess_id"]);

    body["mess_id"] = json!("mess_other");
    test.send_to(&several, sign_up(&body)).await.expect(202);
    body["mess_id"] = json!("mess_nowhere");
    assert_eq!(test.send(sign_up(&body)).await.problem(404), "mess_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_email_can_have_an_account_in_each_of_two_messes() {
    let test = TestApp::start().await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let first = test.student("asha@example.com").await;
    let body = json!({
        "email": "asha@example.com", "password": PASSWORD, "mess_id": "mess_other",
    });
    let there = registered(&test, &body).await;
    test.send(verify(&there.id, &there.code)).await.expect(201);
    let second = logged_in(test.send(Call::post("/login", &body)).await);
    assert_ne!(first.account_id, second.account_id);
    assert_eq!(logged_in(test.log_in("asha@example.com").await).account_id, first.account_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn weak_passwords_are_refused() {
    let test = TestApp::start().await;
    let email = "asha.kumari@example.com";
    for password in [
        "",
        "7 chars",
        &"four fat cats ".repeat(10)[..129],
        email,
        "Asha.Kumari@EXAMPLE.com",
        "asha.kumari",
        "password",
        "12345678",
        "qwertyuiop",
        "iloveyou",
        "Password1",
    ] {
        let answer = test.send(sign_up(&json!({ "email": email, "password": password }))).await;
        assert_eq!(answer.wrong_fields(), ["password"], "{password}");
    }
    let longest = &"four fat cats ".repeat(10)[..128];
    for password in ["8 chärs!", longest] {
        let body = json!({ "email": email, "password": password });
        test.send(sign_up(&body)).await.expect(202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mismatched_passwords_are_refused_in_both_spellings() {
    let test = TestApp::start().await;
    for field in ["confirm_password", "confirmPassword"] {
        let mut body = json!({ "email": "asha@example.com", "password": PASSWORD });
        body[field] = json!("rice and dal at night");
        assert_eq!(test.send(sign_up(&body)).await.wrong_fields(), ["confirm_password"]);
        body[field] = json!(PASSWORD);
        test.send(sign_up(&body)).await.expect(202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn emails_that_differ_only_in_case_or_spaces_are_one_account() {
    let test = TestApp::start().await;
    let body = json!({ "email": "  Asha@Example.COM ", "password": PASSWORD });
    let answer = test.send(sign_up(&body)).await.expect(202);
    assert_eq!(answer.text("email"), "asha@example.com");
    let code = mailed_code(&test, "asha@example.com").await;
    let account = test.send(verify(answer.text("registration_id"), &code)).await.expect(201);
    assert_eq!(account.body["account"]["email"], "asha@example.com");
    for spelling in ["asha@example.com", "ASHA@example.com", " Asha@Example.com "] {
        let login = logged_in(test.send(login(spelling, PASSWORD)).await);
        assert_eq!(login.account_id, account.body["account"]["account_id"]);
        test.sign_up(spelling).await.expect(202);
        let mails = test.settle().await;
        assert!(mails[0].subject.contains("already have an account"), "{mails:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_gets_the_same_answer_but_no_code_by_mail() {
    let test = TestApp::start().await;
    let unknown = test.sign_up("asha@example.com").await.expect(202);
    let code = mailed_code(&test, "asha@example.com").await;
    test.send(verify(unknown.text("registration_id"), &code)).await.expect(201);

    let known = test.sign_up("asha@example.com").await.expect(202);
    let members = |body: &Value| body.as_object().expect("an object").keys().cloned().collect();
    let (of_known, of_unknown): (Vec<_>, Vec<_>) = (members(&known.body), members(&unknown.body));
    assert_eq!(of_known, of_unknown);
    assert_eq!(known.body["expires_at"], unknown.body["expires_at"]);
    let headers = |answer: &crate::support::Answer| -> Vec<String> {
        answer.headers.keys().map(ToString::to_string).collect()
    };
    assert_eq!(headers(&known), headers(&unknown));

    let mails = test.settle().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].to.as_str(), "asha@example.com");
    for part in [&mails[0].text, &mails[0].html, &mails[0].subject] {
        let runs = part.split(|c: char| !c.is_ascii_digit());
        assert!(runs.into_iter().all(|run| run.len() != 6), "no code in: {part}");
    }

    // Even the code derived for such a registration does not verify it.
    let id = known.text("registration_id");
    let derived = one_time_code(b"test-otp-key", id, 0);
    let refused = test.send(verify(id, &derived)).await;
    assert_eq!(refused.problem(409), "otp_invalid");
    assert_eq!(refused.body["attempts_left"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_username_is_refused_in_any_spelling() {
    let test = TestApp::start().await;
    let body = json!({ "email": "a@example.com", "password": PASSWORD, "username": "Asha_K" });
    let first = registered(&test, &body).await;
    let account = test.send(verify(&first.id, &first.code)).await.expect(201);
    assert_eq!(account.body["account"]["username"], "asha_k");
    assert_eq!(account.body["account"]["name"], "asha_k");
    for username in ["asha_k", "ASHA_K", " Asha_K "] {
        let body = json!({ "email": "b@example.com", "password": PASSWORD, "username": username });
        assert_eq!(test.send(sign_up(&body)).await.problem(409), "username_taken");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_and_field_alias_of_sign_up_works() {
    let test = TestApp::start().await;
    for (index, path) in ["/sign-up", "/sign-up/", "/api/auth/register"].into_iter().enumerate() {
        let body = json!({
            "email": format!("student{index}@example.com"),
            "password": PASSWORD,
            "confirmPassword": PASSWORD,
            "rollNo": format!("b21-{index}"),
            "roomNo": "12 A",
            "phone": "+91 98765-43210",
        });
        let answer = test.send(Call::post(path, &body)).await.expect(202);
        let code = mailed_code(&test, answer.text("email")).await;
        let typed = json!({ "registrationId": answer.text("registration_id"), "otp": code });
        let account = test.send(Call::post("/sign-up/otp-verify/", &typed)).await.expect(201);
        let account = &account.body["account"];
        assert_eq!(account["roll_no"], format!("B21-{index}"));
        assert_eq!(account["room_no"], "12 A");
        assert_eq!(account["phone"], "+919876543210");
        assert_eq!(account["role"], "student");
        assert_eq!(account["status"], "active");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_student_can_log_in_and_read_only_the_mess() {
    let test = TestApp::start().await;
    let asha = waiting(&test, "asha@example.com", "mess_strict").await;
    assert_eq!(test.send(read(&asha.token)).await.problem(403), "not_approved");
    let mess = test.send(Call::get("/api/v1/mess").bearer(&asha.token)).await.expect(200);
    assert_eq!(mess.text("mess_id"), "mess_strict");
    assert_eq!(mess.text("approval"), "required");

    // An approval takes effect at the next refresh.
    set_status(&test, &asha.account_id, "active").await;
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&asha.cookie);
    let approved = logged_in(test.send(refresh).await);
    test.send(read(&approved.token)).await.expect(200);
}
