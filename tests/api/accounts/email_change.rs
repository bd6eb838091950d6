//! A changed e-mail address: the new one is proven by a mailed code, and everything that hangs on
//! the old one moves or ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Name, Role, Username};
use thali_domain::accounts::one_time_code::one_time_code;
use thali_domain::ids::AccountId;
use thali_platform::auth::access::Claims;
use thali_platform::store::{Account, SessionRecord};

use super::{another_code, in_script, login, mailed_code, registered, verify};
use crate::support::Death;
use crate::support::people::{PASSWORD, PASSWORD_HASH, Student};
use crate::support::{Call, TestApp};

const OLD: &str = "asha@example.com";
const NEW: &str = "asha.rao@example.org";

fn ask(student: &Student, email: &str) -> Call {
    let body = json!({ "email": email, "current_password": PASSWORD });
    Call::post("/account/email", &body).bearer(&student.token)
}

fn confirm(student: &Student, code: &str) -> Call {
    Call::post("/account/email/confirm", &json!({ "otp": code })).bearer(&student.token)
}

/// Asks for a change; returns the code from the mail.
async fn code(test: &TestApp, student: &Student, email: &str) -> String {
    test.settle().await;
    assert_eq!(test.send(ask(student, email)).await.expect(202).body, json!({}));
    mailed_code(test, email.trim().to_lowercase().as_str()).await
}

/// The code of an account's change, derived as the mailer does.
async fn derived(test: &TestApp, student: &Student) -> String {
    let id = AccountId::parse(&student.account_id).expect("an id");
    let change = test.app.store.email_change_get(id).await.expect("read").expect("it is stored");
    one_time_code(b"test-otp-key", &change.change_id.to_string(), 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailed_code_gives_the_account_its_new_address() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let code = code(&test, &asha, " Asha.Rao@Example.ORG ").await;
    test.send(login(OLD, PASSWORD)).await.expect(200);
    let changed = test.send(confirm(&asha, &format!(" {code} "))).await.expect(200);
    assert_eq!(changed.body["account"]["email"], NEW);
    assert_eq!(changed.body["account"]["account_id"], asha.account_id);

    test.send(login(NEW, PASSWORD)).await.expect(200);
    assert_eq!(test.send(login(OLD, PASSWORD)).await.problem(401), "invalid_credentials");
    let refresh = Call::post("/api/auth/refresh", &json!({})).cookie(&asha.cookie);
    let refreshed = test.send(refresh).await.expect(200);
    assert_eq!(refreshed.body["account"]["email"], NEW);
    let owner = test.owner("owner@example.com").await;
    let list = Call::get("/api/v1/students").bearer(&owner.token);
    assert_eq!(test.send(list).await.expect(200).body["items"][0]["email"], NEW);

    // The old address is free, and the new one is not.
    test.settle().await;
    let someone = test.signed_up_student(OLD).await;
    assert_ne!(someone.account_id, asha.account_id);
    test.settle().await;
    test.sign_up(NEW).await.expect(202);
    let mails = test.settle().await;
    assert_eq!(mails[0].subject, "You already have an account at Demo Mess");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_address_is_told_and_the_new_one_gets_the_code() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    test.send(ask(&asha, NEW)).await.expect(202);
    let mails = test.settle().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, NEW));
    assert_eq!(mails[0].subject, "Your new e-mail address at Demo Mess");
    for part in [&mails[0].text, &mails[0].html] {
        assert!(part.contains("15 minutes") && part.contains("by mistake"), "{part}");
    }
    let code = crate::support::people::code_in(&mails[0]);
    assert!(mails[0].html.contains(&format!(">{code}<")), "{}", mails[0].html);
    test.send(confirm(&asha, &code)).await.expect(200);
    let mails = test.settle().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, OLD));
    assert_eq!(mails[0].subject, "Your e-mail address at Demo Mess was changed");
    for part in [&mails[0].text, &mails[0].html] {
        assert!(part.contains("If it was not you") && part.contains("block"), "{part}");
        assert!(!part.contains(NEW), "the old mailbox may be somebody else's by now");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_causes_the_same_answer_and_writes_and_tells_its_holder() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    test.student("ravi@example.com").await;
    let mut seen = Vec::new();
    for email in ["ravi@example.com", NEW] {
        test.settle().await;
        test.dynamo.new_changes().await;
        let answer = test.send(ask(&asha, email)).await.expect(202);
        let names: BTreeSet<String> = answer.headers.keys().map(ToString::to_string).collect();
        let changes = test.dynamo.new_changes().await;
        let mut kinds: Vec<String> =
            changes.iter().map(|it| it["dynamodb"]["NewImage"]["kind"]["S"].to_string()).collect();
        kinds.sort();
        seen.push((answer.body, names, kinds));
        let wrong = test.send(confirm(&asha, "000000")).await;
        assert_eq!(wrong.problem(409), "otp_invalid");
        assert_eq!(wrong.body["attempts_left"], 4);
    }
    assert_eq!(seen[0], seen[1]);

    test.settle().await;
    test.send(ask(&asha, "ravi@example.com")).await.expect(202);
    let mails = test.settle().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ravi@example.com"));
    assert_eq!(mails[0].subject, "An account at Demo Mess has this address already");
    assert_eq!(mails[0].text.chars().filter(char::is_ascii_digit).count(), 0, "no code");
    let derived = derived(&test, &asha).await;
    assert_eq!(test.send(confirm(&asha, &derived)).await.problem(409), "otp_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_end_a_change_and_a_new_one_replaces_it() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let never_asked = test.send(confirm(&asha, "123456")).await;
    assert_eq!(never_asked.problem(409), "otp_expired");
    let first = code(&test, &asha, NEW).await;
    for left in (0..5).rev() {
        let refused = test.send(confirm(&asha, another_code(&first))).await;
        assert_eq!(refused.problem(409), "otp_invalid");
        assert_eq!(refused.body["attempts_left"], left);
    }
    assert_eq!(test.send(confirm(&asha, &first)).await.problem(409), "otp_expired");
    let second = code(&test, &asha, "third@example.org").await;
    if first != second {
        assert_eq!(test.send(confirm(&asha, &first)).await.problem(409), "otp_invalid");
    }
    assert_eq!(test.send(confirm(&asha, "12345")).await.wrong_fields(), ["otp"]);
    let typed = format!("{} {}", in_script(&second[..3], '\u{966}'), &second[3..]);
    let changed = test.send(confirm(&asha, &typed)).await.expect(200);
    assert_eq!(changed.body["account"]["email"], "third@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_new_address_is_valid_for_fifteen_minutes() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let late = code(&test, &asha, NEW).await;
    test.advance(SignedDuration::from_mins(15));
    let asha = test.log_in_again(&asha).await;
    assert_eq!(test.send(confirm(&asha, &late)).await.problem(409), "otp_expired");
    test.send(ask(&asha, NEW)).await.expect(202);
    test.advance(SignedDuration::from_mins(15));
    assert!(test.settle().await.is_empty(), "an expired code is not mailed");
    let asha = test.log_in_again(&asha).await;
    let code = code(&test, &asha, NEW).await;
    test.advance(SignedDuration::from_mins(15) - SignedDuration::from_millis(1));
    test.send(confirm(&asha, &code)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_confirmation_gets_the_account_for_ten_minutes() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let code = code(&test, &asha, NEW).await;
    for _ in 0..4 {
        test.send(confirm(&asha, another_code(&code))).await.expect(409);
    }
    let first = test.send(confirm(&asha, &code)).await.expect(200);
    for _ in 0..3 {
        assert_eq!(test.send(confirm(&asha, &code)).await.expect(200).body, first.body);
        let wrong = test.send(confirm(&asha, another_code(&code))).await;
        assert_eq!(wrong.problem(409), "otp_invalid");
    }
    test.advance(SignedDuration::from_mins(10) - SignedDuration::from_millis(1));
    test.send(confirm(&asha, &code)).await.expect(200);
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.send(confirm(&asha, &code)).await.problem(409), "otp_expired");
    assert_eq!(test.settle().await.len(), 1, "one change, one mail to the old address");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_password_and_another_address_are_needed() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let own = test.send(ask(&asha, " ASHA@example.com")).await;
    assert_eq!(own.wrong_fields(), ["email"]);
    let bad = json!({ "email": "asha", "currentPassword": PASSWORD });
    let bad = test.send(Call::post("/account/email", &bad).bearer(&asha.token)).await;
    assert_eq!(bad.wrong_fields(), ["email"]);
    for _ in 0..5 {
        let body = json!({ "email": NEW, "current_password": "not the password" });
        let refused = test.send(Call::post("/account/email", &body).bearer(&asha.token)).await;
        assert_eq!(refused.problem(403), "current_password_wrong");
    }
    assert_eq!(test.send(ask(&asha, NEW)).await.problem(429), "locked");
    assert!(test.settle().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ups_and_changes_share_ten_mails_an_hour_to_one_address() {
    let test = TestApp::start_with("RATE_LIMIT_FACTOR", "1").await;
    for number in 0..4 {
        let student = test.student(&format!("student{number}@example.com")).await;
        let call = ask(&student, NEW).sent_from(&format!("203.0.113.{number}"));
        test.send(call).await.expect(202);
    }
    assert_eq!(test.settle().await.len(), 4);
    let sign_up = |number: u32| {
        let body = json!({ "email": NEW, "password": PASSWORD });
        Call::post("/sign-up", &body).sent_from(&format!("198.51.100.{number}"))
    };
    for number in 0..8 {
        test.send(sign_up(number)).await.expect(202);
    }
    assert_eq!(test.settle().await.len(), 6);
    let asha = test.student(OLD).await;
    test.send(ask(&asha, NEW)).await.expect(202);
    assert!(test.settle().await.is_empty(), "the address got its ten mails");
    test.advance(SignedDuration::from_hours(1));
    let asha = test.log_in_again(&asha).await;
    test.send(ask(&asha, NEW)).await.expect(202);
    mailed_code(&test, NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_causes_three_mails_an_hour_to_one_address() {
    let test = TestApp::start_with("RATE_LIMIT_FACTOR", "1").await;
    for number in 0..5 {
        let student = test.student(&format!("student{number}@example.com")).await;
        test.settle().await;
        test.send(ask(&student, NEW)).await.expect(202);
        assert_eq!(test.settle().await.len(), usize::from(number < 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_a_change_that_was_asked_for_before() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let early = code(&test, &asha, NEW).await;
    test.advance(SignedDuration::from_secs(1));
    let body = json!({ "current_password": PASSWORD, "new_password": "curd rice with pickle" });
    test.send(Call::post("/account/password", &body).bearer(&asha.token)).await.expect(204);
    assert_eq!(test.send(confirm(&asha, &early)).await.problem(409), "otp_expired");
    let body = json!({ "email": NEW, "current_password": "curd rice with pickle" });
    test.send(Call::post("/account/email", &body).bearer(&asha.token)).await.expect(202);
    let late = mailed_code(&test, NEW).await;
    test.send(confirm(&asha, &late)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_causes_ten_mails_an_hour_and_its_last_code_stays() {
    let test = TestApp::start_with("RATE_LIMIT_FACTOR", "1").await;
    let asha = test.student(OLD).await;
    let mut code = String::new();
    for number in 0..10 {
        code = self::code(&test, &asha, &format!("asha{number}@example.org")).await;
    }
    test.dynamo.new_changes().await;
    assert_eq!(test.send(ask(&asha, NEW)).await.expect(202).body, json!({}));
    assert!(test.dynamo.new_changes().await.is_empty(), "nothing is written");
    let changed = test.send(confirm(&asha, &code)).await.expect(200);
    assert_eq!(changed.body["account"]["email"], "asha9@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_reset_of_the_old_address_ends_with_the_change() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let forgotten = Call::post("/password-reset", &json!({ "email": OLD }));
    test.send(forgotten).await.expect(202);
    let reset = mailed_code(&test, OLD).await;
    let code = code(&test, &asha, NEW).await;
    test.send(confirm(&asha, &code)).await.expect(200);
    let body = json!({ "email": OLD, "otp": reset, "new_password": "curd rice with pickle" });
    let refused = test.send(Call::post("/password-reset/confirm", &body)).await;
    assert_eq!(refused.problem(409), "otp_expired");
    test.send(login(NEW, PASSWORD)).await.expect(200);
}

/// A reset that looked up the account before the change, and was stored after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_reset_of_the_old_address_never_sets_a_password() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    test.send(Call::post("/password-reset", &json!({ "email": OLD }))).await.expect(202);
    let reset_code = mailed_code(&test, OLD).await;
    let email = thali_domain::accounts::identity::Email::parse(OLD).expect("an address");
    let key = thali_platform::store::keys::password_reset(&test.mess_id, &email);
    let code = code(&test, &asha, NEW).await;
    let stored = test.dynamo.take("accounts", &key).await;
    test.send(confirm(&asha, &code)).await.expect(200);
    test.dynamo.put("accounts", stored).await;
    let body = json!({ "email": OLD, "otp": reset_code, "new_password": "curd rice with pickle" });
    let refused = test.send(Call::post("/password-reset/confirm", &body)).await;
    assert_eq!(refused.problem(409), "otp_expired");
    test.send(login(NEW, PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_accounts_that_want_one_address_the_first_gets_it() {
    let test = Arc::new(TestApp::start().await);
    let people = [test.student(OLD).await, test.student("ravi@example.com").await];
    let mut calls = Vec::new();
    for person in &people {
        let code = code(&test, person, NEW).await;
        calls.extend(vec![confirm(person, &code); 3]);
    }
    let answers = test.send_together(calls).await;
    let won: Vec<bool> = answers.iter().map(|answer| answer.status == 200).collect();
    assert!(
        won == [true, true, true, false, false, false]
            || won == [false, false, false, true, true, true],
        "{won:?}"
    );
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.problem(409), "email_taken");
    }
    test.send(login(NEW, PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_for_the_new_address_are_forgotten() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    for _ in 0..5 {
        test.send(login(NEW, "not the password")).await.expect(401);
    }
    assert_eq!(test.send(login(NEW, PASSWORD)).await.problem(429), "locked");
    let code = code(&test, &asha, NEW).await;
    test.send(confirm(&asha, &code)).await.expect(200);
    test.send(login(NEW, PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_an_address_sets_one() {
    let test = TestApp::start().await;
    let id = AccountId::from_ulid(test.app.clock.ulid());
    let name = Name::parse("Asha").expect("a name");
    let (mess, hash) = (test.mess_id.clone(), PASSWORD_HASH.to_owned());
    let account = Account::new(id, mess, Role::Student, name, hash, test.now());
    let username = Some(Username::parse("asha").expect("a username"));
    let account = Account { username, ..account };
    test.app.store.account_create(&account, &test.stamp()).await.expect("made");
    let asha = logged_in(&test, &account).await;
    let code = code(&test, &asha, NEW).await;
    let changed = test.send(confirm(&asha, &code)).await.expect(200);
    assert_eq!(changed.body["account"]["email"], NEW);
    assert!(test.settle().await.is_empty(), "there is no old address to tell");
    test.send(login(NEW, PASSWORD)).await.expect(200);
}

/// A session of an account that has no address.
async fn logged_in(test: &TestApp, account: &Account) -> Student {
    let session_id = thali_domain::ids::SessionId::from_ulid(test.app.clock.ulid());
    let session = SessionRecord::begin(account, session_id, "hash".to_owned(), test.now());
    test.app.store.session_put(&session, &test.stamp()).await.expect("stored");
    let holder = (account.account_id, account.mess_id.clone(), account.role, AccountStatus::Active);
    let claims = Claims::new(&test.app.jwt_issuer, holder, session_id, test.now());
    Student {
        email: String::new(),
        account_id: account.account_id.to_string(),
        token: test.app.signer().sign(&claims),
        cookie: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_died_anywhere_is_completed_by_its_repetition() {
    for number in 0..6 {
        for death in [Death::Before(number), Death::After(number)] {
            let test = TestApp::start().await;
            let asha = test.student(OLD).await;
            let code = code(&test, &asha, NEW).await;
            let process = test.dying_process(death);
            let answer = test.send_to(&process.app, confirm(&asha, &code)).await;
            if !process.is_dead() {
                assert_eq!(answer.status, 200, "{death:?}");
            }
            test.send(confirm(&asha, &code)).await.expect(200);
            test.send(login(NEW, PASSWORD)).await.expect(200);
            assert_eq!(test.send(login(OLD, PASSWORD)).await.status, 401, "{death:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_without_redis_too() {
    let mut test = TestApp::start().await;
    let asha = test.student(OLD).await;
    test.redis.stop();
    let code = code(&test, &asha, NEW).await;
    test.send(confirm(&asha, &code)).await.expect(200);
    test.send(login(NEW, PASSWORD)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_address_is_in_no_audit_record_before_it_is_proven() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    code(&test, &asha, NEW).await;
    let records = test.dynamo.items("audit").await;
    let told = |records: &[std::collections::HashMap<_, _>]| format!("{records:?}").contains(NEW);
    assert!(records.len() > 2 && !told(&records));
    let owner = test.owner("owner@example.com").await;
    let path = format!("/api/v1/audit?entity={}/email_change", asha.account_id);
    let trail = test.send(Call::get(&path).bearer(&owner.token)).await.expect(200);
    assert_eq!(trail.body["items"][0]["after"]["email"], Value::Null);
    assert_eq!(trail.body["items"][0]["kind"], "email_change");
}

/// A registration that waits for its code cannot take the address that was changed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_with_the_new_address_is_refused_after_the_change() {
    let test = TestApp::start().await;
    let asha = test.student(OLD).await;
    let body = json!({ "email": NEW, "password": PASSWORD });
    let waiting = registered(&test, &body).await;
    let code = code(&test, &asha, NEW).await;
    test.send(confirm(&asha, &code)).await.expect(200);
    let refused = test.send(verify(&waiting.id, &waiting.code)).await;
    assert_eq!(refused.problem(409), "email_taken");
}
