//! Processing an order: exactly once, whatever happens to the processor.

use std::sync::Arc;

use serde_json::json;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::orders::order::{FailureReason, OrderStatus};
use thali_functions::workers::order_processor::CONSUMER;
use thali_platform::app::App;
use thali_platform::queue::QueueName;
use thali_platform::worker::{BatchResponse, consume};

use super::ordering;
use crate::support::people::Student;
use crate::support::{Answer, Death, TestApp};

impl TestApp {
    /// The processor's messages for the changes so far.
    pub(super) async fn order_messages(&self) -> Vec<String> {
        let changes = self.dynamo.new_changes().await;
        assert_eq!(self.relay(&changes).await, BatchResponse::default());
        self.app.queues().take(QueueName::Orders)
    }

    /// Invokes the processor with the app `app` and one message; returns whether it succeeded.
    pub(super) async fn process_message(&self, app: &App, message: &str) -> bool {
        let event = json!({ "Records": [{ "messageId": "1", "body": message }] });
        let event = serde_json::from_value(event).expect("SQS's format");
        consume(app, &CONSUMER, event).await == BatchResponse::default()
    }

    /// Places an order of `thali`; returns the answer and the processor's message.
    async fn waiting(&self, student: &Student, quantity: u32) -> (Answer, String) {
        self.settle().await;
        let answer = self.send(ordering(student, &[("thali", quantity)])).await.expect(202);
        let mut messages = self.order_messages().await;
        assert_eq!(messages.len(), 1);
        (answer, messages.remove(0))
    }
}

/// How many tokens a student has, and how an order of four tokens ends.
const ENDS: [(u16, OrderStatus); 2] = [(9, OrderStatus::Processed), (1, OrderStatus::Failed)];

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_dies_at_any_request_leaves_nothing_half_done() {
    for (tokens, end) in ENDS {
        let test = TestApp::start().await;
        test.seed_item("thali", 2, &[1_000]).await;
        let mut deaths = 0;
        for request in 0.. {
            let dead = kill_at_request(&test, tokens, end, request).await;
            if dead == 0 {
                break;
            }
            deaths += dead;
        }
        println!("{end:?}: the processor died {deaths} times, before and after each request");
        assert!(deaths >= 10, "{deaths}: five reads and a write at least");
    }
}

/// Lets the processor die before and after its request number `request`, each time with a new
/// order, and delivers the message again. Returns how often the processor made that request.
async fn kill_at_request(test: &TestApp, tokens: u16, end: OrderStatus, request: u32) -> usize {
    let mut dead = 0;
    for death in [Death::Before(request), Death::After(request)] {
        let student = test.newcomer(tokens).await;
        let stock = test.stock("thali").await;
        let (answer, message) = test.waiting(&student, 2).await;
        let dying_process = test.dying_process(death);
        test.process_message(&dying_process.app, &message).await;
        dead += usize::from(dying_process.is_dead());
        for _ in 0..3 {
            assert!(test.process_message(&test.app, &message).await, "{death:?}");
        }
        let order = test.order_of(&answer).await;
        assert_eq!((order.status, order.version), (end, 2), "{death:?}");
        let (charged, sold) = if end == OrderStatus::Processed { (4, 2) } else { (0, 0) };
        assert_eq!(test.token_count(&student).await, u64::from(tokens) - charged, "{death:?}");
        assert_eq!(test.stock("thali").await, stock - sold, "{death:?}");
        let mails = test.settle().await;
        let told = mails.iter().filter(|mail| mail.to.as_str() == student.email).count();
        assert_eq!(told, 1, "{death:?}: {mails:?}");
    }
    dead
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_concurrent_processors_of_one_message_charge_once() {
    for (tokens, end) in ENDS {
        let test = Arc::new(TestApp::start().await);
        let asha = test.crowd(1, tokens).await.remove(0);
        test.seed_item("thali", 2, &[3, 3]).await;
        let (answer, message) = test.waiting(&asha, 2).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (test, message) = (Arc::clone(&test), message.clone());
            tasks.spawn(async move { test.process_message(&test.app, &message).await });
        }
        assert!(tasks.join_all().await.into_iter().all(|succeeded| succeeded));
        let order = test.order_of(&answer).await;
        assert_eq!((order.status, order.version), (end, 2));
        let (charged, sold) = if end == OrderStatus::Processed { (4, 2) } else { (0, 0) };
        assert_eq!(test.token_count(&asha).await, u64::from(tokens) - charged);
        assert_eq!(test.stock("thali").await, 6 - sold);
        assert_eq!(test.settle().await.len(), 1, "one mail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_blocked_student_fails() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 9).await[0];
    test.seed_item("thali", 2, &[5]).await;
    let (answer, message) = test.waiting(asha, 2).await;
    test.set_status(&asha.account_id, AccountStatus::Blocked).await;
    assert!(test.process_message(&test.app, &message).await);
    let order = test.order_of(&answer).await;
    assert_eq!(order.failure, Some(FailureReason::AccountClosed));
    assert_eq!(test.stock("thali").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_beyond_a_students_tokens_fail_and_the_others_succeed() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 5).await[0];
    test.seed_item("thali", 2, &[9]).await;
    for _ in 0..3 {
        test.send(ordering(asha, &[("thali", 1)])).await.expect(202);
    }
    test.settle().await;
    let owed = test.ledger().await;
    assert_eq!((owed.tokens_of_orders, owed.portions_sold), (4, 2));
    assert_eq!((test.token_count(asha).await, test.stock("thali").await), (1, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_message_is_retried_without_blocking_the_others() {
    let test = TestApp::start().await;
    let asha = &test.crowd(1, 9).await[0];
    test.seed_item("thali", 1, &[9]).await;
    let (answer, message) = test.waiting(asha, 1).await;
    let unknown = message.replace(answer.text("order_id"), "ord_01J9Z6V3KQ4N6B7XTA0S2E5GHQ");
    let response = test.consume(&CONSUMER, &["{".to_owned(), unknown, message]).await;
    let failed: Vec<_> =
        response.batch_item_failures.iter().map(|it| &it.item_identifier).collect();
    assert_eq!(failed, ["0", "1"]);
    assert_eq!(test.order_of(&answer).await.status, OrderStatus::Processed);
}
