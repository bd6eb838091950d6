//! The mails about an order: one when it is processed, or one when it fails.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;
use thali_domain::orders::order::{FailureReason, Order};
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_platform::mail::Mail;
use thali_platform::queue::QueueName;
use thali_platform::store::keys;
use thali_platform::worker::BatchResponse;

use super::{cancel, collect};
use crate::support::TestApp;
use crate::support::people::Student;

impl TestApp {
    /// The mailer's messages for the changes so far, if the relay is invoked with them `times`
    /// times.
    async fn mail_messages(&self, times: usize) -> Vec<String> {
        let changes = self.dynamo.new_changes().await;
        for _ in 0..times {
            assert_eq!(self.relay(&changes).await, BatchResponse::default());
        }
        self.app.queues().take(QueueName::Orders);
        self.app.queues().take(QueueName::Mail)
    }

    /// The mails for the changes so far.
    async fn order_mails(&self) -> Vec<Mail> {
        let messages = self.mail_messages(1).await;
        assert_eq!(self.consume(&MAILER, &messages).await, BatchResponse::default());
        self.app.mailer().take()
    }

    /// A student with tokens, and two items on the menu, with no mail pending.
    async fn student_and_menu(&self) -> Student {
        let student = self.newcomer(20).await;
        self.seed_item("dosa", 3, &[50]).await;
        self.name_item("dosa", "Masala dosa").await;
        self.seed_item("tea", 1, &[50]).await;
        self.name_item("tea", "Tea").await;
        assert_eq!(self.mail_messages(1).await.len(), 1, "the receipt");
        student
    }

    /// Gives an item a name.
    async fn name_item(&self, sku: &str, name: &str) {
        let key = keys::item(&self.mess_id, &sku.parse().expect("a SKU"));
        self.dynamo.set("orders", &key, "name", AttributeValue::S(name.to_owned())).await;
    }

    async fn ordered(&self, student: &Student) -> Order {
        self.place(student, &[("dosa", 2), ("tea", 1)]).await
    }
}

/// The expected text of the mail about an order of `TestApp::ordered`, with this message and
/// status.
fn text(student: &Student, said: &str, status: &str, order: &Order) -> String {
    let name = student.email.split('@').next().expect("a name");
    format!(
        "Hello {name},\n\n{said}\n\n    2 × Masala dosa, 3 meal tokens each\n    1 × Tea, \
         1 meal token each\n\nTotal: 7 meal tokens\nStatus: {status}\nOrder: {}\n",
        order.order_id
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_about_a_processed_order_has_all_its_details() {
    let test = TestApp::start().await;
    let student = test.student_and_menu().await;
    let order = test.ordered(&student).await;
    assert_eq!(test.order_mails().await.len(), 0, "it is only pending");
    test.process(&order).await.expect("nobody else processes it");
    let mails = test.order_mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to.as_str(), student.email);
    assert_eq!(mails[0].subject, "Your order at Demo Mess is processed");
    let said = "Demo Mess has redeemed your tokens for this order. You can collect it now.";
    assert_eq!(mails[0].text.trim_end(), text(&student, said, "Processed", &order).trim_end());
    let html = &mails[0].html;
    for said in ["Demo Mess", "2 × Masala dosa, 3 meal tokens each", "7 meal tokens", "Processed"]
    {
        assert!(html.contains(said), "{said} in {html}");
    }
    assert!(html.contains(&order.order_id.to_string()), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_about_a_failed_order_says_why_and_nothing_was_charged() {
    let test = TestApp::start().await;
    let student = test.student_and_menu().await;
    for (reason, what_happened, what_to_do) in [
        (
            FailureReason::InsufficientTokens,
            "you have fewer tokens than it costs",
            "Buy tokens, then order again.",
        ),
        (
            FailureReason::AccountClosed,
            "your account there is not active",
            "If you think that it should be, ask the mess.",
        ),
        (
            FailureReason::ItemUnavailable,
            "something in it was taken off the menu",
            "See what else is on the menu, then order again.",
        ),
        (
            FailureReason::MessUnknown,
            "the mess no longer takes part",
            "There is nothing that you need to do.",
        ),
    ] {
        let order = test.ordered(&student).await;
        test.fail(&order, reason).await;
        let mails = test.order_mails().await;
        assert_eq!(mails.len(), 1, "{reason:?}");
        assert_eq!(mails[0].to.as_str(), student.email);
        assert_eq!(mails[0].subject, "Your order at Demo Mess has failed");
        let said = format!(
            "your order at Demo Mess has failed: {what_happened}. Nothing was charged.\n{what_to_do}"
        );
        assert_eq!(mails[0].text.trim_end(), text(&student, &said, "Failed", &order).trim_end());
        for said in [what_happened, what_to_do, "Nothing was charged", "Failed", "7 meal tokens"] {
            assert!(mails[0].html.contains(said), "{said} in {}", mails[0].html);
        }
    }
    assert_eq!(test.tokens_left(&student).await, 20, "nothing was charged");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outcome_is_mailed_once_despite_repeated_messages() {
    let test = TestApp::start().await;
    let student = test.student_and_menu().await;
    let processed = test.ordered(&student).await;
    let failed = test.ordered(&student).await;
    // A sweep, which sends no mail.
    assert!(test.app.store.order_sweep(&processed, &test.stamp()).await.expect("swept"));
    test.process(&processed).await.expect("nobody else processes it");
    test.fail(&failed, FailureReason::ItemUnavailable).await;
    let messages = test.mail_messages(3).await;
    assert_eq!(messages.len(), 6, "the relay does not deduplicate");
    for round in 0..3 {
        assert_eq!(test.consume(&MAILER, &messages).await, BatchResponse::default());
        test.advance(SignedDuration::from_hours(1));
        let mut subjects: Vec<String> =
            test.app.mailer().take().into_iter().map(|mail| mail.subject).collect();
        subjects.sort();
        let expected: &[&str] = match round {
            0 => &["Your order at Demo Mess has failed", "Your order at Demo Mess is processed"],
            _ => &[],
        };
        assert_eq!(subjects, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_or_collected_order_sends_no_mail() {
    let test = TestApp::start().await;
    let (student, staff) = (test.student_and_menu().await, test.staff("s@example.com").await);
    let order = test.ordered(&student).await;
    test.send(cancel(&student, &order)).await.expect(200);
    assert_eq!(test.mail_messages(1).await, [""; 0], "cancelled");
    let order = test.processed(&student, "tea").await;
    assert_eq!(test.mail_messages(1).await.len(), 1, "processed");
    test.send(collect(&staff, &order)).await.expect(200);
    assert_eq!(test.mail_messages(1).await, [""; 0], "collected");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_goes_to_the_students_current_address_if_any() {
    let test = TestApp::start().await;
    let students =
        [test.student_and_menu().await, test.newcomer(20).await, test.newcomer(20).await];
    test.mail_messages(1).await;
    for student in &students {
        let processed = test.ordered(student).await;
        test.process(&processed).await.expect("nobody else processes it");
        let failed = test.ordered(student).await;
        test.fail(&failed, FailureReason::AccountClosed).await;
    }
    let messages = test.mail_messages(1).await;
    assert_eq!(messages.len(), 6);
    let key =
        |student: &Student| keys::account(AccountId::parse(&student.account_id).expect("an id"));
    let moved = AttributeValue::S("moved@example.com".to_owned());
    test.dynamo.set("accounts", &key(&students[0]), "email", moved).await;
    let mut account = test.dynamo.take("accounts", &key(&students[1])).await;
    account.remove("email");
    test.dynamo.put("accounts", account).await;
    test.dynamo.take("accounts", &key(&students[2])).await;
    assert_eq!(
        test.consume(&MAILER, &messages).await,
        BatchResponse::default(),
        "no message is retried"
    );
    let mails = test.app.mailer().take();
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["moved@example.com"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_order_is_mailed_even_if_the_mess_was_deleted() {
    let test = TestApp::start().await;
    let student = test.student_and_menu().await;
    let order = test.ordered(&student).await;
    test.dynamo.take("meals", &keys::mess(&test.mess_id)).await;
    test.fail(&order, FailureReason::MessUnknown).await;
    let mails = test.order_mails().await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("the mess no longer takes part. Nothing was charged."));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_name_is_verbatim_in_text_and_escaped_in_html() {
    let test = TestApp::start().await;
    let student = test.newcomer(5).await;
    test.seed_item("tea", 1, &[5]).await;
    let name = "Tea & <b>rusk</b> \"special\" {{ 1 }}";
    test.name_item("tea", name).await;
    test.mail_messages(1).await;
    test.processed(&student, "tea").await;
    let mails = test.order_mails().await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains(name), "{}", mails[0].text);
    assert!(!mails[0].html.contains("<b>"), "{}", mails[0].html);
    assert!(mails[0].html.contains("Tea &#38; &#60;b&#62;rusk"), "{}", mails[0].html);
}

/// SQS accepts 256 KiB, as one message or as a batch of ten.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_names_no_person_and_ten_largest_fit_in_a_batch() {
    let test = TestApp::start().await;
    let student = test.newcomer(99).await;
    let mut entries = Vec::new();
    for number in 10..30 {
        let sku = format!("{}{number}", "x".repeat(38));
        test.seed_item(&sku, 1, &[50]).await;
        test.name_item(&sku, &"😀".repeat(80)).await;
        entries.push((sku, 1));
    }
    test.mail_messages(1).await;
    let entries: Vec<(&str, i64)> = entries.iter().map(|(sku, count)| (&**sku, *count)).collect();
    let order = test.place(&student, &entries).await;
    test.process(&order).await.expect("nobody else processes it");
    let messages = test.mail_messages(1).await;
    assert_eq!(messages.len(), 1);
    assert!(messages[0].len() < 256 * 1024 / 10, "{} bytes", messages[0].len());
    println!("{} bytes", messages[0].len());
    let message: Value = serde_json::from_str(&messages[0]).expect("JSON");
    let members: Vec<&String> = message.as_object().expect("an object").keys().collect();
    let expected = ["account_id", "lines", "mail", "mess_id", "order_id", "total_tokens"];
    assert_eq!(members, expected);
    assert_eq!(message["account_id"], json!(student.account_id));
}
