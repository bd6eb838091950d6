//! Announcing a closure to all students: each gets one mail, even if messages repeat or a worker
//! dies half-way.

use std::collections::BTreeSet;
use std::slice::from_ref;

use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::ids::MessId;
use thali_domain::mess::Approval;
use thali_functions::workers::announcer::{CONSUMER as ANNOUNCER, PAGE_STUDENTS};
use thali_functions::workers::mailer::CONSUMER as MAILER;
use thali_platform::app::App;
use thali_platform::mail::Mail;
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::{close, reopen};
use crate::api::workers::{consume_at, failed};
use crate::support::people::Student;
use crate::support::{Death, TestApp, unreachable_queues};

/// The closure of these tests.
fn two_days() -> Value {
    json!({
        "from": "2026-01-31", "to": "2026-02-01", "meals": ["LUNCH", "DINNER"],
        "reason": "The cook <marries>",
    })
}

fn to(mails: &[Mail]) -> Vec<String> {
    let mut to: Vec<String> = mails.iter().map(|mail| mail.to.to_string()).collect();
    to.sort_unstable();
    to
}

impl TestApp {
    /// Closes the mess; returns the closure's id and the announcer's message.
    async fn closed(&self, owner: &Student) -> (String, String) {
        self.settle().await;
        let made = self.send(close(owner, &two_days())).await.expect(201);
        let changes = self.dynamo.new_changes().await;
        assert_eq!(self.relay(&changes).await, BatchResponse::default());
        let mut messages = self.app.queues().take(QueueName::Announcements);
        assert_eq!(messages.len(), 1);
        (made.text("closure_id").to_owned(), messages.remove(0))
    }

    /// Lets the announcer handle a message and then its own follow-up messages, to the end; returns
    /// the mailer's messages of each page.
    async fn announce(&self, message: &str) -> Vec<Vec<String>> {
        let (mut pages, mut messages) = (Vec::new(), vec![message.to_owned()]);
        while !messages.is_empty() {
            assert_eq!(self.consume(&ANNOUNCER, &messages).await, BatchResponse::default());
            pages.push(self.app.queues().take(QueueName::Mail));
            messages = self.app.queues().take(QueueName::Announcements);
            assert!(messages.len() <= 1, "at most one next page");
        }
        pages
    }

    /// Lets the mailer handle messages; returns the mails that it sent.
    async fn mailed(&self, messages: &[String]) -> Vec<Mail> {
        assert_eq!(self.consume(&MAILER, messages).await, BatchResponse::default());
        self.app.mailer().take()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_active_student_with_an_email_gets_days_meals_and_reason() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let (mess, other) = (test.mess_id.clone(), MessId::parse("mess_other").expect("an id"));
    test.create_mess("mess_other", Approval::Automatic).await;
    for (mess, role, status, email) in [
        (&mess, Role::Student, AccountStatus::Active, "asha@example.com"),
        (&mess, Role::Student, AccountStatus::Active, "ravi@example.com"),
        (&mess, Role::Student, AccountStatus::PendingApproval, "waits@example.com"),
        (&mess, Role::Student, AccountStatus::Blocked, "blocked@example.com"),
        (&mess, Role::Student, AccountStatus::Rejected, "rejected@example.com"),
        (&mess, Role::Staff, AccountStatus::Active, "staff@example.com"),
        (&other, Role::Student, AccountStatus::Active, "asha@example.org"),
    ] {
        test.account(mess, role, status, email).await;
    }
    let silent = test.account(&mess, Role::Student, AccountStatus::Active, "x@example.com").await;
    let key = thali_platform::store::keys::account(silent.account_id);
    let mut without_address = test.dynamo.take("accounts", &key).await;
    without_address.remove("email");
    test.dynamo.put("accounts", without_address).await;
    test.settle().await;

    test.send(close(&owner, &two_days())).await.expect(201);
    let mails = test.settle().await;
    assert_eq!(to(&mails), ["asha@example.com", "ravi@example.com"]);
    let mail = mails.iter().find(|mail| mail.to.as_str() == "asha@example.com").expect("hers");
    let when = "from Saturday, 31 January 2026 to Sunday, 1 February 2026";
    assert_eq!(mail.subject, format!("Demo Mess is closed {when}"));
    let said_in_all = format!(
        "Hello asha,\n\nDemo Mess is closed {when}. There will be no lunch and no dinner.\n\nThe \
         reason given: The cook <marries>\n\n    https://thali.test"
    );
    assert_eq!(mail.text.trim_end(), said_in_all);
    for said in ["Demo Mess", when, "no lunch and no dinner", "The cook &#60;marries&#62;"] {
        assert!(mail.html.contains(said), "{said} in {}", mail.html);
    }
    assert_eq!(test.settle().await, [], "no more mails");
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_students_are_notified_in_pages_of_bounded_size() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let crowd = test.crowd(250, 0).await;
    let (_, message) = test.closed(&owner).await;
    let meter = test.meter();
    let pages = test.announce(&message).await;
    let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
    assert_eq!(sizes, [PAGE_STUDENTS, PAGE_STUDENTS, 50, 0]);
    assert_eq!(meter.take().requests, 4 * 3, "three requests for each page");
    let mails = test.mailed(&pages.concat()).await;
    let mut everybody: Vec<String> = crowd.into_iter().map(|student| student.email).collect();
    everybody.sort_unstable();
    assert_eq!(to(&mails), everybody);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_changes_and_messages_notify_each_student_once() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.crowd(130, 0).await;
    test.settle().await;
    test.send(close(&owner, &two_days())).await.expect(201);
    let changes = test.dynamo.new_changes().await;
    for _ in 0..2 {
        assert_eq!(test.relay(&changes).await, BatchResponse::default());
    }
    let messages = test.app.queues().take(QueueName::Announcements);
    assert_eq!((messages.len(), &messages[0]), (2, &messages[1]));
    let mut told = Vec::new();
    for message in [&messages[0], &messages[1], &messages[0]] {
        for page in test.announce(message).await {
            for _ in 0..2 {
                told.extend(test.mailed(&page).await);
            }
        }
    }
    let addresses: BTreeSet<String> = to(&told).into_iter().collect();
    assert_eq!((told.len(), addresses.len()), (130, 130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_at_any_step_skips_no_student() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.crowd(PAGE_STUDENTS + 20, 0).await;
    let (_, message) = test.closed(&owner).await;
    let deaths = (0..3).flat_map(|request| [Death::Before(request), Death::After(request)]);
    for death in deaths {
        let dying_process = test.dying_process(death);
        let response = consume_at(&dying_process.app, &ANNOUNCER, from_ref(&message)).await;
        assert_eq!(failed(&response), ["0"], "{death:?}: the message is retried");
        assert!(dying_process.is_dead(), "{death:?}");
        assert_eq!(queued(&dying_process.app), (0, 0), "{death:?}");
    }
    // The announcer dies when a third of the page is on the queue, and no message for the next
    // page.
    assert_eq!(test.consume(&ANNOUNCER, from_ref(&message)).await, BatchResponse::default());
    let first = test.app.queues().take(QueueName::Mail);
    test.app.queues().take(QueueName::Announcements);
    let mut told = test.mailed(&first[..PAGE_STUDENTS / 3]).await;
    for page in test.announce(&message).await {
        told.extend(test.mailed(&page).await);
    }
    let addresses: BTreeSet<String> = to(&told).into_iter().collect();
    assert_eq!((told.len(), addresses.len()), (PAGE_STUDENTS + 20, PAGE_STUDENTS + 20));
}

/// Empties the mailer's and the announcer's queue; returns how many messages each had.
fn queued(app: &App) -> (usize, usize) {
    let [mails, pages] =
        [QueueName::Mail, QueueName::Announcements].map(|it| app.queues().take(it));
    (mails.len(), pages.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_queue_makes_the_message_be_retried() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.crowd(5, 0).await;
    let (_, message) = test.closed(&owner).await;
    let app = test.process_with(|backends| backends.queues = Some(unreachable_queues()));
    let response = consume_at(&app, &ANNOUNCER, from_ref(&message)).await;
    assert_eq!(failed(&response), ["0"]);
    let pages = test.announce(&message).await;
    assert_eq!(test.mailed(&pages.concat()).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_closure_is_no_longer_announced() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.crowd(PAGE_STUDENTS + 1, 0).await;
    // Before the announcer runs.
    let (closure_id, message) = test.closed(&owner).await;
    test.send(reopen(&owner, &closure_id)).await.expect(204);
    assert_eq!(test.announce(&message).await, [vec![""; 0]]);
    // Between two pages, and between the announcer and the mailer.
    let (closure_id, message) = test.closed(&owner).await;
    assert_eq!(test.consume(&ANNOUNCER, &[message]).await, BatchResponse::default());
    let first = test.app.queues().take(QueueName::Mail);
    let next = test.app.queues().take(QueueName::Announcements).remove(0);
    assert_eq!(test.mailed(&first[..10]).await.len(), 10);
    test.send(reopen(&owner, &closure_id)).await.expect(204);
    assert_eq!(test.mailed(&first).await, []);
    assert_eq!(test.announce(&next).await, [vec![""; 0]]);
    // The deletion itself announces nothing.
    let changes = test.dynamo.new_changes().await;
    assert_eq!(test.relay(&changes).await, BatchResponse::default());
    assert_eq!(queued(&test.app), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_closure_is_no_longer_announced() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.crowd(2, 0).await;
    let (_, message) = test.closed(&owner).await;
    assert_eq!(test.consume(&ANNOUNCER, from_ref(&message)).await, BatchResponse::default());
    let mails = test.app.queues().take(QueueName::Mail);
    test.app.queues().take(QueueName::Announcements);
    // The last second of the last day, and midnight after it.
    test.go_to("2026-02-01T18:29:59Z");
    assert_eq!(test.mailed(&mails[..1]).await.len(), 1);
    test.go_to("2026-02-01T18:30:00Z");
    assert_eq!(test.mailed(&mails).await, []);
    assert_eq!(test.announce(&message).await, [vec![""; 0]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closure_messages_contain_neither_reason_nor_email_addresses() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    test.crowd(1, 0).await;
    let (_, message) = test.closed(&owner).await;
    let pages = test.announce(&message).await.concat();
    for text in pages.iter().chain([&message]) {
        assert!(!text.contains('@') && !text.contains("cook"), "{text}");
    }
}
