//! Strangers who know an address: they cannot silence the mails to it for good, burn the tries of
//! its owner, or invalidate the owner's code.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::Email;
use thali_domain::ids::RegistrationId;
use thali_platform::auth::device::COOKIE;
use thali_platform::store::keys::{self, Key};

use super::{another_code, login, mailed_code, verify};
use crate::support::people::{PASSWORD, code_in};
use crate::support::{Answer, Call, STACK, TestApp};

const ASHA: &str = "asha@example.com";
const NEW_PASSWORD: &str = "curd rice with pickle";

/// Where the address's owner is, and where strangers are.
const HOME: &str = "192.0.2.7";
const AWAY: &str = "203.0.113.50";

async fn strict() -> TestApp {
    TestApp::start_with("RATE_LIMIT_FACTOR", "1").await
}

fn stranger(number: usize) -> String {
    format!("198.51.100.{number}")
}

fn sign_up() -> Call {
    Call::post("/sign-up", &json!({ "email": ASHA, "password": PASSWORD }))
}

fn forgotten(email: &str) -> Call {
    Call::post("/password-reset", &json!({ "email": email }))
}

fn confirm(email: &str, code: &str) -> Call {
    let body = json!({ "email": email, "otp": code, "new_password": NEW_PASSWORD });
    Call::post("/password-reset/confirm", &body)
}

/// The call that verifies the newest sign-up with the address.
fn verify_by_address(code: &str) -> Call {
    Call::post("/sign-up/otp-verify", &json!({ "email": ASHA, "otp": code }))
}

fn resend_by_address() -> Call {
    Call::post("/sign-up/otp-resend", &json!({ "email": ASHA }))
}

#[track_caller]
fn assert_wrong(answer: &Answer, attempts_left: u64) {
    assert_eq!(answer.problem(409), "otp_invalid");
    assert_eq!(answer.body["attempts_left"], attempts_left);
}

/// How many mails are sent now.
async fn mails(test: &TestApp) -> usize {
    test.settle().await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_gets_three_mails_an_hour_to_one_address() {
    let test = strict().await;
    test.student("ravi@example.com").await;
    mails(&test).await;
    for call in [sign_up(), forgotten("ravi@example.com")] {
        let mut answers = Vec::new();
        for number in 0..5 {
            // The addresses of one IPv6 network are one source.
            let from = format!("2001:db8:1:2::{number}");
            answers.push(test.send(call.clone().sent_from(&from)).await.expect(202));
        }
        let members = |answer: &Answer| -> BTreeSet<String> {
            answer.body.as_object().expect("an object").keys().cloned().collect()
        };
        assert!(answers.iter().all(|it| members(it) == members(&answers[0])), "the same answer");
        let sent = test.settle().await.len();
        // A new code replaces the source's earlier one before it is mailed.
        assert!(sent == 3 || (sent == 1 && call.path() == "/password-reset"), "{sent}");
        test.send(call.clone().sent_from("2001:db8:1:3::1")).await.expect(202);
        assert_eq!(mails(&test).await, 1, "another network is another source");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_strangers_leave_the_owner_a_sign_up() {
    let test = strict().await;
    for number in (1..=3).cycle().take(12) {
        test.send(sign_up().sent_from(&stranger(number))).await.expect(202);
    }
    assert_eq!(mails(&test).await, 7);
    let own = test.send(sign_up().sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.send(sign_up().sent_from(&stranger(9))).await.expect(202);
    let verified = test.send(verify(own.text("registration_id"), &code).sent_from(HOME)).await;
    verified.expect(201);
    // Six strangers take all ten: as many mails as ever, and no more.
    test.advance(SignedDuration::from_hours(1));
    for number in [1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8] {
        test.send(sign_up().sent_from(&stranger(number))).await.expect(202);
    }
    assert_eq!(mails(&test).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_strangers_keeps_a_known_browser_from_a_reset() {
    let test = strict().await;
    test.student(ASHA).await;
    let cookie = test.send(login(ASHA, PASSWORD)).await.cookie_named(COOKIE);
    for number in 1..=40 {
        test.send(forgotten(ASHA).sent_from(&stranger(number))).await.expect(202);
    }
    assert_eq!(mails(&test).await, 9);
    test.send(forgotten(ASHA).sent_from(HOME)).await.expect(202);
    assert_eq!(mails(&test).await, 0, "an unknown browser is one more stranger");
    let foreign = test.student("ravi@example.com").await;
    let foreign = test.send(login(&foreign.email, PASSWORD)).await.cookie_named(COOKIE);
    test.send(forgotten(ASHA).sent_from(HOME).cookie(&foreign)).await.expect(202);
    assert_eq!(mails(&test).await, 0, "so is the browser of another account");
    test.send(forgotten(ASHA).sent_from(HOME).cookie(&cookie)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    // At home all tries are the owner's, also from another network.
    for number in 1..=40 {
        let guess = confirm(ASHA, another_code(&code)).sent_from(&stranger(number));
        test.send(guess).await.expect(409);
    }
    let confirmed = test.send(confirm(ASHA, &code).sent_from(AWAY).cookie(&cookie)).await;
    confirmed.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_behind_the_same_address_leaves_resets_to_a_known_browser() {
    let test = strict().await;
    test.student(ASHA).await;
    let cookie = test.send(login(ASHA, PASSWORD)).await.cookie_named(COOKIE);
    for _ in 0..5 {
        test.send(forgotten(ASHA).sent_from(HOME)).await.expect(202);
    }
    mails(&test).await;
    test.send(forgotten(ASHA).sent_from(HOME)).await.expect(202);
    assert_eq!(mails(&test).await, 0);
    test.send(forgotten(ASHA).sent_from(HOME).cookie(&cookie)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.send(confirm(ASHA, &code).sent_from(HOME).cookie(&cookie)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_can_burn_two_of_five_tries_of_a_sign_up() {
    let test = TestApp::start().await;
    let own = test.send(sign_up().sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let wrong = another_code(&code);
    for (number, left) in [(1, 1), (2, 0)] {
        let guess = verify_by_address(wrong).sent_from(&stranger(number));
        assert_wrong(&test.send(guess).await, left);
    }
    for number in 1..=5 {
        // Neither a wrong nor the right code is compared.
        let guess = verify_by_address(&code).sent_from(&stranger(number));
        assert_eq!(test.send(guess).await.problem(409), "otp_expired");
    }
    assert_wrong(&test.send(verify_by_address(wrong).sent_from(HOME)).await, 2);
    let id = own.text("registration_id");
    // Whoever knows the id is no stranger.
    assert_wrong(&test.send(verify(id, wrong).sent_from(AWAY)).await, 1);
    test.send(verify_by_address(&code).sent_from(HOME)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_strangers_burn_two_tries_and_all_together_five() {
    let test = Arc::new(TestApp::start().await);
    test.student("ravi@example.com").await;
    test.send(sign_up().sent_from(HOME)).await.expect(202);
    test.send(forgotten("ravi@example.com").sent_from(HOME)).await.expect(202);
    let code = test.settle().await.iter().map(code_in).collect::<Vec<_>>();
    let wrong = ["000000", "000001", "000002"];
    let wrong = wrong.into_iter().find(|wrong| code.iter().all(|code| code != wrong));
    let wrong = wrong.expect("two codes");
    for call in [verify_by_address(wrong), confirm("ravi@example.com", wrong)] {
        let from = |number: usize| call.clone().sent_from(&stranger(number));
        let answers = test.send_together((0..20).map(from).collect()).await;
        let compared = answers.iter().filter(|it| it.problem(409) == "otp_invalid");
        let left: Vec<_> = compared.filter_map(|it| it.body["attempts_left"].as_u64()).collect();
        assert_eq!((left.len(), left.iter().sum::<u64>()), (2, 1), "{left:?}");
        let answers = test.send_together(vec![call.clone().sent_from(HOME); 20]).await;
        let compared = answers.iter().filter(|it| it.problem(409) == "otp_invalid");
        let left: BTreeSet<_> = compared.map(|it| it.body["attempts_left"].as_u64()).collect();
        assert_eq!(left, [Some(0), Some(1), Some(2)].into());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_later_sign_up_does_not_hide_the_owners() {
    let test = TestApp::start().await;
    test.send(sign_up().sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.send(sign_up().sent_from(AWAY)).await.expect(202);
    let strangers = mailed_code(&test, ASHA).await;
    assert_ne!(code, strangers);
    assert_wrong(&test.send(verify_by_address(another_code(&code)).sent_from(HOME)).await, 4);
    test.send(verify_by_address(&code).sent_from(HOME)).await.expect(201);
    test.log_in(ASHA).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_sign_up_gives_way_to_the_newest_from_elsewhere() {
    let test = TestApp::start().await;
    test.send(sign_up().sent_from(HOME)).await.expect(202);
    mailed_code(&test, ASHA).await;
    test.advance(SignedDuration::from_mins(16));
    test.send(sign_up().sent_from(AWAY)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.send(verify_by_address(&code).sent_from(HOME)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_can_have_a_code_resent_once() {
    let test = TestApp::start().await;
    let own = test.send(sign_up().sent_from(HOME)).await.expect(202);
    mailed_code(&test, ASHA).await;
    for number in 0..5 {
        test.send(resend_by_address().sent_from(&stranger(number))).await.expect(202);
        assert_eq!(mails(&test).await, usize::from(number == 0));
    }
    let mut code = String::new();
    for call in [
        resend_by_address().sent_from(HOME),
        Call::post(
            "/sign-up/otp-resend",
            &json!({ "registration_id": own.text("registration_id") }),
        )
        .sent_from(AWAY),
    ] {
        test.send(call).await.expect(202);
        code = mailed_code(&test, ASHA).await;
    }
    test.send(verify_by_address(&code).sent_from(HOME)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_reset_neither_invalidates_the_owners_code_nor_its_tries() {
    let test = TestApp::start().await;
    test.student(ASHA).await;
    test.settle().await;
    test.send(forgotten(ASHA).sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let wrong = another_code(&code);
    assert_wrong(&test.send(confirm(ASHA, wrong).sent_from(&stranger(1))).await, 1);
    for number in 2..=4 {
        test.send(forgotten(ASHA).sent_from(&stranger(number))).await.expect(202);
        assert_ne!(mailed_code(&test, ASHA).await, code);
        // Who asked for a code has five tries of that one.
        for left in (0..5).rev() {
            let guess = confirm(ASHA, wrong).sent_from(&stranger(number));
            assert_wrong(&test.send(guess).await, left);
        }
        let guess = confirm(ASHA, &code).sent_from(&stranger(number));
        assert_eq!(test.send(guess).await.problem(409), "otp_expired");
    }
    assert_wrong(&test.send(confirm(ASHA, wrong).sent_from(HOME)).await, 3);
    test.send(confirm(ASHA, &code).sent_from(HOME)).await.expect(204);
    // Every other code has ended with it. What strangers try now is compared with the used one.
    assert_wrong(&test.send(confirm(ASHA, wrong).sent_from(&stranger(4))).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_code_of_another_source_expires_after_fifteen_minutes() {
    let test = TestApp::start().await;
    test.student(ASHA).await;
    test.settle().await;
    test.send(forgotten(ASHA).sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.advance(SignedDuration::from_mins(10));
    test.send(forgotten(ASHA).sent_from(AWAY)).await.expect(202);
    let newest = mailed_code(&test, ASHA).await;
    test.advance(SignedDuration::from_mins(5));
    // At home, the newest code is a stranger's by now.
    assert_wrong(&test.send(confirm(ASHA, &code).sent_from(HOME)).await, 1);
    test.send(confirm(ASHA, &newest).sent_from(HOME)).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_learn_nothing_about_who_has_an_account() {
    let test = TestApp::start().await;
    test.student(ASHA).await;
    let mut seen = Vec::new();
    for email in [ASHA, "nobody@example.com"] {
        let mut answers = Vec::new();
        for call in [forgotten(email).sent_from(HOME), forgotten(email).sent_from(AWAY)] {
            answers.push(test.send(call).await);
        }
        for from in [HOME, &stranger(1), &stranger(2), &stranger(3), HOME, AWAY] {
            answers.push(
                test.send(confirm(email, "12a456".replace('a', "3").as_str()).sent_from(from))
                    .await,
            );
        }
        let told = answers.into_iter().map(|mut answer| {
            if let Some(members) = answer.body.as_object_mut() {
                members.remove("request_id");
            }
            (answer.status, answer.body)
        });
        seen.push(told.collect::<Vec<(u16, Value)>>());
    }
    assert_eq!(seen[0], seen[1]);
    let left: Vec<_> =
        seen[0][2..].iter().map(|(_, body)| body["attempts_left"].as_u64()).collect();
    assert_eq!(left, [Some(4), Some(1), Some(0), None, Some(3), Some(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_with_one_address_are_all_counted() {
    let test = Arc::new(strict().await);
    test.student("ravi@example.com").await;
    mails(&test).await;
    let strangers = || (1..=14).map(stranger);
    let calls = strangers().map(|from| sign_up().sent_from(&from)).collect();
    assert!(test.send_together(calls).await.iter().all(|answer| answer.status == 202));
    assert_eq!(mails(&test).await, 10);
    let calls = strangers().map(|from| forgotten("ravi@example.com").sent_from(&from)).collect();
    assert!(test.send_together(calls).await.iter().all(|answer| answer.status == 202));
    assert_eq!(mails(&test).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_strangers_are_bounded_too() {
    let test = strict().await;
    let app = test.another_process(&[("REDIS_URL", "")]);
    for number in (1..=3).cycle().take(12) {
        test.send_to(&app, sign_up().sent_from(&stranger(number))).await.expect(202);
    }
    assert_eq!(mails(&test).await, 7);
    test.send_to(&app, sign_up().sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    for number in 1..=4 {
        let guess = verify_by_address(another_code(&code)).sent_from(&stranger(10 + number));
        test.send_to(&app, guess).await.expect(409);
    }
    test.send_to(&app, verify_by_address(&code).sent_from(HOME)).await.expect(201);
}

/// Removes attributes of a stored item, as earlier versions did not store them.
async fn without(test: &TestApp, key: &Key, attributes: &[&str]) {
    let request = test.dynamo.client().update_item().table_name(format!("{STACK}-accounts"));
    let request = request
        .set_key(Some(key.attributes()))
        .update_expression(format!("REMOVE {} SET request_id = :id", attributes.join(", ")))
        .expression_attribute_values(":id", AttributeValue::S("earlier".to_owned()));
    request.send().await.expect("updated");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_earlier_versions_are_counted_and_finished() {
    let test = strict().await;
    let email = Email::parse(ASHA).expect("an address");
    let own = test.send(sign_up().sent_from(HOME)).await.expect(202);
    let id: RegistrationId = own.text("registration_id").parse().expect("an id");
    let code = mailed_code(&test, ASHA).await;
    without(&test, &keys::registration(id), &["asked_from"]).await;
    let newest = keys::newest_registration(&test.mess_id, &email);
    without(&test, &newest, &["by_source", "sources"]).await;
    assert_wrong(&test.send(verify_by_address(another_code(&code)).sent_from(AWAY)).await, 4);
    test.send(resend_by_address().sent_from(AWAY)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    test.send(sign_up().sent_from(HOME)).await.expect(202);
    test.send(verify(own.text("registration_id"), &code)).await.expect(201);
    test.settle().await;

    test.send(forgotten(ASHA).sent_from(HOME)).await.expect(202);
    let code = mailed_code(&test, ASHA).await;
    let reset = keys::password_reset(&test.mess_id, &email);
    without(&test, &reset, &["asked_from", "sources", "other_resets"]).await;
    assert_wrong(&test.send(confirm(ASHA, another_code(&code)).sent_from(AWAY)).await, 4);
    test.send(confirm(ASHA, &code).sent_from(AWAY)).await.expect(204);
}
