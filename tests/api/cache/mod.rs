//! What is answered from Redis: an order, and how many tokens a student has. Whatever happens to
//! Redis or to a writer, no answer is older than one given before.

mod entries;
mod evictor;
mod interleaved;
mod orders;
mod together;
mod token_counts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};

use serde_json::Value;
use thali_domain::ids::RazorpayOrderId;
use thali_domain::orders::order::Order;
use thali_domain::tokens::redeeming::Redemption;
use thali_functions::orders::cached;
use thali_platform::app::App;
use thali_platform::store::Attempt;

use crate::support::people::Student;
use crate::support::{Call, TestApp};

/// A student's new order, which is not in the cache.
pub async fn placed(test: &TestApp, student: &Student) -> Order {
    test.seed_item("rice", 1, &[100]).await;
    test.place(student, &[("rice", 2)]).await
}

pub fn read_order(reader: &Student, order: &Order) -> Call {
    Call::get(&format!("/api/orders/{}", order.order_id)).bearer(&reader.token)
}

/// A pending order as it is once processed. It redeems no tokens, because these tests are not about
/// them.
fn processed(test: &TestApp, order: &Order) -> Order {
    let none = BTreeMap::<RazorpayOrderId, BTreeSet<u16>>::new();
    let redemption = Redemption { numbers: none, refund_ids: BTreeMap::new(), balance: 0 };
    order.processed(&redemption, test.now())
}

/// Writes `next` in the database alone, like a process that dies before anything else.
async fn write(test: &TestApp, order: &Order, next: &Order) {
    let store = &test.app.store;
    let written = store.order_process(order, next, &[], &test.stamp()).await;
    assert_eq!(written.expect("written or overtaken"), Attempt::Done(()));
}

/// Evicts an order from the cache and writes it as processed, as the processor does.
async fn process(test: &TestApp, app: &App, order: &Order) -> Order {
    let next = processed(test, order);
    cached::forget(app, &next).await;
    write(test, order, &next).await;
    next
}

/// The value of an answer, and whether it was a cache hit.
type Seen<T> = (T, bool);

/// An order's status, as `reader` reads it.
async fn seen(test: &TestApp, app: &App, reader: &Student, order: &Order) -> Seen<String> {
    let answer = test.send_to(app, read_order(reader, order)).await.expect(200);
    (answer.text("status").to_owned(), answer.header("x-cache") == "hit")
}

/// A student's token count, as the student reads it.
async fn counted(test: &TestApp, app: &App, student: &Student) -> Seen<u64> {
    let answer = test.send_to(app, Call::get("/student/tokens").bearer(&student.token)).await;
    let answer = answer.expect(200);
    (answer.body["count"].as_u64().expect("a number"), answer.header("x-cache") == "hit")
}

/// Reads until there is a hit; each answer must be `expected`. On a busy machine Redis may be late,
/// and the cache then ignores it for a moment.
async fn assert_hit<T: PartialEq + Debug>(expected: T, ask: impl AsyncFn() -> Seen<T>) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (told, hit) = ask().await;
        assert_eq!(told, expected);
        if hit {
            return;
        }
        assert!(Instant::now() < deadline, "there is never a hit");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The sequence numbers of the changes to be retried.
fn failed_sequence_numbers(response: &thali_platform::worker::BatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

fn sequence_number(change: &Value) -> &str {
    change["dynamodb"]["SequenceNumber"].as_str().expect("a change has one")
}
