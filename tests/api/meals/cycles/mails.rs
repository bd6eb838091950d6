//! The mails to students about decisions on their payments.

use serde_json::json;
use thali_domain::ids::CycleId;
use thali_functions::workers::mailer;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::{account_of, decide, reject, verify};
use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn a_student_is_mailed_each_decision_once_with_its_reason() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    test.settle().await;
    for (decision, subject, said, from, to, days) in [
        (
            "verify",
            "Your payment to Demo Mess is verified",
            "has verified your payment of",
            "2026-02-01",
            "2026-02-28",
            ["1 February 2026", "28 February 2026"],
        ),
        (
            "reject",
            "Your payment to Demo Mess is not accepted",
            "has not accepted your payment of",
            "2028-02-29",
            "2028-02-29",
            ["29 February 2028", "29 February 2028"],
        ),
    ] {
        if decision == "reject" {
            test.advance(jiff::SignedDuration::from_hours(24 * 700));
        }
        let (asha, owner) = (test.log_in_again(&asha).await, test.log_in_again(&owner).await);
        let id = test.upload_cycle(&asha, from, to).await;
        assert!(test.settle().await.is_empty(), "an upload sends no mail");
        let reason = json!({ "reason": "because <of it>" });
        test.send(decide(&owner, id, decision, &reason)).await.expect(200);
        let mails = test.settle().await;
        assert_eq!(mails.len(), 1, "{decision}");
        let mail = &mails[0];
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("asha@example.com", subject));
        for part in [&mail.text, &mail.html] {
            for words in ["Demo Mess", said, "₹3000.00", days[0], days[1]] {
                assert!(part.contains(words), "{words} in {part}");
            }
        }
        assert!(mail.text.contains("because <of it>"), "{}", mail.text);
        assert!(mail.html.contains("because &#60;of it&#62;"), "{}", mail.html);
        assert_eq!(test.send(verify(&owner, id)).await.problem(409), "already_decided");
        assert!(test.settle().await.is_empty(), "a refused decision sends no mail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_changes_send_one_mail_which_omits_a_missing_reason() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id: CycleId = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    test.settle().await;
    test.send(reject(&owner, id)).await.expect(200);
    let changes = test.dynamo.new_changes().await;
    let mut mails = Vec::new();
    for _ in 0..2 {
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
        let messages = test.app.queues().take(QueueName::Mail);
        assert_eq!(messages.len(), 1);
        let consumed = test.consume(&mailer::CONSUMER, &messages).await;
        assert_eq!(consumed, BatchResponse::default());
        mails.extend(test.app.mailer().take());
    }
    assert_eq!(mails.len(), 1);
    for part in [&mails[0].text, &mails[0].html] {
        assert!(!part.contains("reason"), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_student_without_an_email_is_not_mailed_and_no_message_fails() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    test.settle().await;
    test.send(verify(&owner, id)).await.expect(200);
    let key = thali_platform::store::keys::account(account_of(&asha));
    let mut account = test.dynamo.take("accounts", &key).await;
    account.remove("email");
    test.dynamo.put("accounts", account).await;
    assert!(test.settle().await.is_empty());
}
