//! Mails to students about decisions.

use AccountStatus::{Active, PendingApproval};
use jiff::SignedDuration;
use serde_json::json;
use thali_domain::accounts::identity::AccountStatus;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::{approve, block, decide};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_is_mailed_to_the_student_with_its_reason() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    assert!(test.settle().await.is_empty(), "a new account causes no mail");
    for (decision, subject, said) in [
        ("reject", "Your account at Demo Mess is not approved", "has not approved your account"),
        ("approve", "Your account at Demo Mess is approved", "has approved your account"),
        ("block", "Your account at Demo Mess is blocked", "has blocked your account"),
    ] {
        test.advance(SignedDuration::from_secs(1));
        let reason = json!({ "reason": format!("{decision} <because>") });
        test.send(decide(&owner, &id, decision, &reason)).await.expect(200);
        let mails = test.settle().await;
        assert_eq!(mails.len(), 1, "{decision}");
        let mail = &mails[0];
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("asha@example.com", subject));
        for part in [&mail.text, &mail.html] {
            assert!(part.contains("Demo Mess") && part.contains(said), "{part}");
            assert_eq!(part.contains("https://thali.test"), decision == "approve", "{part}");
        }
        assert!(mail.text.contains(&format!("{decision} <because>")), "{}", mail.text);
        assert!(mail.html.contains(&format!("{decision} &#60;because&#62;")), "{}", mail.html);

        test.send(decide(&owner, &id, decision, &json!({}))).await.expect(200);
        assert!(test.settle().await.is_empty(), "a repeated decision causes no mail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_about_a_decision_without_reason_mentions_none() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    test.send(approve(&owner, &id)).await.expect(200);
    let mails = test.settle().await;
    assert_eq!(mails.len(), 1);
    for part in [&mails[0].text, &mails[0].html] {
        assert!(!part.contains("reason"), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_delivered_twice_cause_one_mail() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", PendingApproval).await;
    test.settle().await;
    test.send(approve(&owner, &id)).await.expect(200);
    let changes = test.dynamo.new_changes().await;
    let mut mails = 0;
    for _ in 0..2 {
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
        let messages = test.app.queues().take(QueueName::Mail);
        assert_eq!(messages.len(), 1);
        let consumed = test.consume(&thali_functions::workers::mailer::CONSUMER, &messages).await;
        assert_eq!(consumed, BatchResponse::default());
        mails += test.app.mailer().take().len();
    }
    assert_eq!(mails, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_decision_causes_no_mail() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = test.student_with("asha@example.com", Active).await;
    test.settle().await;
    // The clock stands still, so both decisions have the same time.
    test.send(block(&owner, &id)).await.expect(200);
    test.send(approve(&owner, &id)).await.expect(200);
    let mails = test.settle().await;
    let subjects: Vec<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["Your account at Demo Mess is approved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_account_changes_cause_no_mail() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 1).await;
    test.settle().await;
    let wrong = json!({ "count": 1, "security_code": "not the code" });
    let call = crate::support::Call::post("/student/token-submission", &wrong);
    assert_eq!(test.send(call.bearer(&asha.token)).await.problem(403), "security_code_wrong");
    assert!(test.settle().await.is_empty());
}
