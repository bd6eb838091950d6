//! The content of mails.

use serde_json::json;
use thali_domain::accounts::identity::Name;
use thali_domain::ids::MessId;
use thali_domain::mess::{Approval, Mess, ZoneName};
use thali_platform::mail::Mail;

use crate::support::people::{PASSWORD, Student, code_in};
use crate::support::{Call, TestApp};

/// Creates a mess with a name and a time zone, and signs a student up there; returns the mail
/// with the code.
async fn sign_up_at(test: &TestApp, id: &str, name: &str, zone: &str) -> Mail {
    let mess_id = MessId::parse(id).expect("an id");
    let name = Name::parse(name).expect("a name");
    let mess = Mess::with_defaults(mess_id, name, ZoneName::parse(zone).expect("a zone"));
    let mess = Mess { approval: Approval::Automatic, ..mess };
    assert!(test.app.store.mess_create(&mess, &test.stamp()).await.expect("stored"));
    let body = json!({ "mess_id": id, "email": "asha@example.com", "password": PASSWORD });
    test.send(Call::post("/sign-up", &body)).await.expect(202);
    let mut mails = test.settle().await;
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

/// Verifies the code of the mail at a mess; returns the student, logged in.
async fn enter(test: &TestApp, mess_id: &str, mail: &Mail) -> Student {
    let body = json!({ "mess_id": mess_id, "email": "asha@example.com", "otp": code_in(mail) });
    test.send(Call::post("/sign-up/otp-verify", &body)).await.expect(201);
    let body = json!({ "mess_id": mess_id, "email": "asha@example.com", "password": PASSWORD });
    let login = test.send(Call::post("/login", &body)).await.expect(200);
    Student {
        email: "asha@example.com".to_owned(),
        account_id: login.body["account"]["account_id"].as_str().expect("an id").to_owned(),
        token: login.text("access_token").to_owned(),
        cookie: login.cookie(),
    }
}

/// The runs of exactly six digits in a text.
fn six_digits(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 6).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_mail_has_its_code_and_no_similar_digits() {
    let test = TestApp::start().await;
    test.sign_up("asha@example.com").await.expect(202);
    let mails = test.settle().await;
    let mail = &mails[0];
    let code = code_in(mail);
    assert_eq!(six_digits(&mail.text), [code.as_str()]);
    assert!(mail.html.contains(&format!(">{code}<")), "{}", mail.html);
    assert_eq!(mail.subject, "Your sign-up code for Demo Mess");
    assert!(!mail.subject.contains(&code), "a locked screen shows no code");
    assert!(mail.html.contains("Demo Mess"), "{}", mail.html);
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("15 minutes"), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_digits_in_a_mess_name_do_not_hide_the_code() {
    let test = TestApp::start().await;
    let mail = sign_up_at(&test, "mess_pin", "Mess 560001", "Asia/Kolkata").await;
    assert_ne!(code_in(&mail), "560001");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mess_name_with_markup_is_escaped_in_html_mails() {
    let test = TestApp::start().await;
    let name = "Dal & <b>Roti</b> \"Mess\"";
    let mail = sign_up_at(&test, "mess_markup", name, "Asia/Kolkata").await;
    assert_eq!(mail.subject, format!("Your sign-up code for {name}"));
    let asha = enter(&test, "mess_markup", &mail).await;
    test.buy_tokens(&asha, 1).await;
    let receipts = test.settle().await;
    assert_eq!(receipts.len(), 1);
    for html in [&mail.html, &receipts[0].html] {
        assert!(!html.contains("<b>"), "{html}");
        for escaped in ["&#60;b&#62;", "&#38;"] {
            assert!(html.contains(escaped), "{escaped} in {html}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_shows_the_purchase_and_its_expiry_in_local_time() {
    let test = TestApp::start().await;
    for (id, zone, good_until) in [
        ("mess_delhi", "Asia/Kolkata", "15 April 2026, 12:00"),
        ("mess_york", "America/New_York", "15 April 2026, 02:30"),
        ("mess_apia", "Pacific/Apia", "15 April 2026, 19:30"),
        ("mess_honolulu", "Pacific/Honolulu", "14 April 2026, 20:30"),
    ] {
        let mail = sign_up_at(&test, id, "North Mess", zone).await;
        let asha = enter(&test, id, &mail).await;
        let checkout = test.buy_tokens(&asha, 10).await;
        let receipts = test.settle().await;
        assert_eq!(receipts.len(), 1);
        let receipt = &receipts[0];
        assert_eq!(receipt.to.as_str(), "asha@example.com");
        assert_eq!(receipt.subject, "10 meal tokens for North Mess");
        for part in [&receipt.text, &receipt.html] {
            for said in ["North Mess", "₹500.00", "10 meal tokens", good_until, &checkout.order_id]
            {
                assert!(part.contains(said), "{said} in {part}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_gets_a_mail_without_a_code() {
    let test = TestApp::start().await;
    test.sign_up_and_verify("asha@example.com").await.expect(201);
    test.settle().await;
    test.sign_up("asha@example.com").await.expect(202);
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(mail.to.as_str(), "asha@example.com");
    assert_eq!(mail.subject, "You already have an account at Demo Mess");
    assert_eq!(six_digits(&mail.text), [""; 0]);
    assert!(!mail.html.contains("letter-spacing"), "nothing looks like a code: {}", mail.html);
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("https://thali.test"), "{part}");
    }
}
