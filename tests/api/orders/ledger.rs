//! The ledger: orders, stock and payments must agree, whatever went wrong on the way. They are read
//! from the tables themselves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::orders::order::{Order, OrderStatus};
use thali_platform::queue::QueueName;
use thali_platform::worker::BatchResponse;

use super::ordering;
use crate::support::menu::change_stock;
use crate::support::people::Student;
use crate::support::{Call, Death, Dice, TestApp};

/// Totals from the tables.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Portions in stock, by item.
    pub stock: BTreeMap<String, u64>,
    /// Portions of processed and collected orders, by item.
    pub sold: BTreeMap<String, u64>,
    /// Portions of pending orders, by item.
    pub reserved: BTreeMap<String, u64>,
    /// All portions that were sold.
    pub portions_sold: u64,
    /// The cost of all processed and collected orders, in tokens.
    pub tokens_owed: u64,
    /// The tokens that those orders record as redeemed.
    pub tokens_of_orders: u64,
    /// The tokens that purchases record as redeemed.
    pub tokens_redeemed: u64,
    /// The tokens of submissions.
    pub tokens_submitted: u64,
    /// The number of orders of each status.
    pub orders: BTreeMap<&'static str, u64>,
}

impl TestApp {
    /// Reads the ledger and checks what must always hold: an order has redeemed exactly its cost or
    /// nothing, no token has paid for two things, and every redeemed token has paid for something.
    pub(super) async fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let mut spent = BTreeSet::new();
        for item in self.dynamo.items("orders").await {
            let plain: Value = serde_dynamo::from_item(item).expect("plain data");
            match plain["kind"].as_str().expect("items have kinds") {
                "order" => ledger.count_order(&self.stored_order(&plain).await, &mut spent),
                "item" | "stock" => {
                    let sku = plain["sku"].as_str().expect("a sku").to_owned();
                    let stock = plain["stock"].as_u64().expect("never negative");
                    *ledger.stock.entry(sku).or_default() += stock;
                }
                other => panic!("{other} in the table of orders"),
            }
        }
        let mut redeemed = BTreeSet::new();
        for item in self.dynamo.items("tokens").await {
            let plain: Value = serde_dynamo::from_item(item).expect("plain data");
            let list = |name: &str| plain[name].as_array().cloned().unwrap_or_default();
            match plain["kind"].as_str().expect("items have kinds") {
                "purchase" => {
                    let order = plain["order_id"].as_str().expect("an id").to_owned();
                    redeemed.extend(
                        list("redeemed")
                            .iter()
                            .map(|number| (order.clone(), number.as_u64().expect("a number"))),
                    );
                }
                "submission" => {
                    for token in list("token_ids") {
                        let token = token.as_str().expect("an id").to_owned();
                        let (tail, number) =
                            token["tok_".len()..].rsplit_once('_').expect("a number");
                        let token = (format!("order_{tail}"), number.parse().expect("digits"));
                        assert!(spent.insert(token.clone()), "{token:?} paid twice");
                        ledger.tokens_submitted += 1;
                    }
                }
                _ => {}
            }
        }
        assert_eq!(redeemed, spent, "the redeemed tokens are those that paid for something");
        ledger.tokens_redeemed = redeemed.len() as u64;
        assert_eq!(ledger.tokens_of_orders, ledger.tokens_owed);
        ledger
    }

    async fn stored_order(&self, plain: &Value) -> Order {
        let id = plain["order_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let found = self.app.store.order_get(&self.mess_id, id).await;
        found.expect("it can be read").expect("it is where its id leads")
    }
}

impl Ledger {
    fn count_order(&mut self, order: &Order, spent: &mut BTreeSet<(String, u64)>) {
        *self.orders.entry(order.status.as_str()).or_default() += 1;
        let paid = matches!(order.status, OrderStatus::Processed | OrderStatus::Collected);
        for line in &order.lines {
            let sku = line.sku.to_string();
            if paid {
                *self.sold.entry(sku).or_default() += u64::from(line.quantity);
                self.portions_sold += u64::from(line.quantity);
            } else if order.status == OrderStatus::Pending {
                *self.reserved.entry(sku).or_default() += u64::from(line.quantity);
            }
        }
        let tokens: usize = order.tokens.values().map(BTreeSet::len).sum();
        let owed = if paid { usize::from(order.total) } else { 0 };
        assert_eq!(tokens, owed, "{order:?}");
        self.tokens_owed += owed as u64;
        self.tokens_of_orders += tokens as u64;
        for (purchase, numbers) in &order.tokens {
            for number in numbers {
                let token = (purchase.to_string(), u64::from(*number));
                assert!(spent.insert(token.clone()), "{token:?} paid twice");
            }
        }
    }
}

/// The random choices of a story, besides numbers.
impl Dice {
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.roll(from.len() as u64)).expect("small")]
    }

    /// Sometimes a death at one of the first requests of a process.
    fn death(&mut self) -> Option<Death> {
        let request = u32::try_from(self.roll(8)).expect("small");
        match self.roll(6) {
            0 => Some(Death::Before(request)),
            1 => Some(Death::After(request)),
            _ => None,
        }
    }
}

/// What is on the menu: name, price, and portions in each shard.
const MENU: [(&str, u16, &[u32]); 3] =
    [("thali", 2, &[40]), ("lassi", 1, &[9, 9, 9, 9]), ("feast", 7, &[3, 3])];

const STEPS: u32 = 120;

/// How many minutes a story lasts at most: access tokens are valid for fifteen.
const SWEEPS_MAX: u32 = 12;

/// A random story, and its state.
struct Story {
    test: TestApp,
    dice: Dice,
    students: Vec<Student>,
    owner: Student,
    staff: Student,
    /// The portions of each item that were delivered, less those that were withdrawn.
    brought: BTreeMap<&'static str, i64>,
    /// Orders that a client knows of, each with its student.
    orders: Vec<(Student, String)>,
    /// Messages that SQS holds.
    messages: Vec<String>,
    lost: u32,
    deaths: u32,
    sweeps: u32,
}

impl Story {
    async fn begin(number: u64) -> Self {
        let test = TestApp::start().await;
        let students = test.crowd(4, 12).await;
        for (name, price, shards) in MENU {
            test.seed_item(name, price, shards).await;
        }
        let owner = test.owner("owner@example.com").await;
        let staff = test.staff("staff@example.com").await;
        test.settle().await;
        Self {
            test,
            dice: Dice(number),
            students,
            owner,
            staff,
            brought: BTreeMap::new(),
            orders: Vec::new(),
            messages: Vec::new(),
            lost: 0,
            deaths: 0,
            sweeps: 0,
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(14) {
            12 => self.collect().await,
            13 => self.change_stock().await,
            0..=3 => self.order().await,
            4 => self.cancel().await,
            5 => self.submit().await,
            6 => self.relay().await,
            7..=9 => self.deliver().await,
            10 => self.sweep().await,
            _ => {
                let student = self.dice.pick(&self.students).clone();
                self.test.grant_tokens(&student, 3).await;
            }
        }
        self.test.advance(SignedDuration::from_millis(300));
        self.check().await;
    }

    /// Sends a call to a process that may die while it handles the call; `None` if it died.
    async fn send(&mut self, call: Call) -> Option<crate::support::Answer> {
        let Some(death) = self.dice.death() else { return Some(self.test.send(call).await) };
        let dying_process = self.test.dying_process(death);
        let answer = self.test.send_to(&dying_process.app, call).await;
        if dying_process.is_dead() {
            self.deaths += 1;
            return None;
        }
        Some(answer)
    }

    async fn order(&mut self) {
        let student = self.dice.pick(&self.students).clone();
        let mut entries = Vec::new();
        for (name, _, _) in MENU {
            let quantity = u32::try_from(self.dice.roll(4)).expect("small");
            if quantity > 0 {
                entries.push((name, quantity));
            }
        }
        if entries.is_empty() {
            return;
        }
        let key = format!("k{}", self.dice.roll(1_000_000));
        let call = ordering(&student, &entries).header("idempotency-key", &key);
        // A client that gets no answer retries.
        for _ in 0..5 {
            let Some(answer) = self.send(call.clone()).await else { continue };
            match answer.status {
                202 => self.orders.push((student, answer.text("order_id").to_owned())),
                409 => assert_eq!(answer.problem(409), "out_of_stock"),
                other => panic!("{other}: {}", answer.body),
            }
            return;
        }
    }

    async fn cancel(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let (student, order) = self.dice.pick(&self.orders).clone();
        let path = format!("/api/orders/{order}/cancel");
        let call = Call::post(&path, &json!({})).bearer(&student.token);
        if let Some(answer) = self.send(call).await {
            assert!([200, 409].contains(&answer.status), "{}", answer.body);
        }
    }

    async fn submit(&mut self) {
        let student = self.dice.pick(&self.students).clone();
        // Without the handler: the students of a crowd have no passwords.
        self.test.submit_directly(&student, 1).await;
    }

    /// Hands the changes to the relay. Some are lost, and some come twice.
    async fn relay(&mut self) {
        let changes = self.test.dynamo.new_changes().await;
        let mut told = Vec::new();
        for change in changes {
            match self.dice.roll(8) {
                0 => self.lost += 1,
                1 => told.extend([change.clone(), change]),
                _ => told.push(change),
            }
        }
        assert_eq!(self.test.relay(&told).await, BatchResponse::default());
        self.messages.extend(self.test.app.queues().take(QueueName::Orders));
    }

    /// Delivers a message to a processor that may die while it handles the message. Some messages
    /// come again even so, and some are lost.
    async fn deliver(&mut self) {
        if self.messages.is_empty() {
            return self.relay().await;
        }
        let index = usize::try_from(self.dice.roll(self.messages.len() as u64)).expect("small");
        let message = self.messages.swap_remove(index);
        let done = match self.dice.death() {
            None => self.test.process_message(&self.test.app, &message).await,
            Some(death) => {
                let dying_process = self.test.dying_process(death);
                let done = self.test.process_message(&dying_process.app, &message).await;
                self.deaths += u32::from(dying_process.is_dead());
                done
            }
        };
        match self.dice.roll(6) {
            0 => self.lost += 1,
            1 => self.messages.push(message),
            _ if !done => self.messages.push(message),
            _ => {}
        }
    }

    /// Collects an order, if there is one.
    async fn collect(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let (_, order) = self.dice.pick(&self.orders).clone();
        let path = format!("/api/orders/{order}/collect");
        let call = Call::post(&path, &json!({})).bearer(&self.staff.token);
        if let Some(answer) = self.send(call).await {
            assert!([200, 409].contains(&answer.status), "{}", answer.body);
        }
    }

    /// Delivers or withdraws some portions of an item; retries if there is no answer.
    async fn change_stock(&mut self) {
        let (name, _, _) = *self.dice.pick(&MENU);
        let delta = [-3, -2, -1, 1, 2, 3, 4, 5][usize::try_from(self.dice.roll(8)).expect("small")];
        let key = format!("d{}", self.dice.roll(1_000_000_000));
        let call = change_stock(&self.owner, name, delta).header("idempotency-key", &key);
        let answer = match self.send(call.clone()).await {
            Some(answer) => answer,
            None => self.test.send(call).await,
        };
        match answer.status {
            200 => *self.brought.entry(name).or_default() += delta,
            _ => assert_eq!(answer.problem(409), "stock_negative"),
        }
    }

    /// Lets a minute pass and sweeps, at most `SWEEPS_MAX` times in a story.
    async fn sweep(&mut self) {
        self.sweeps += 1;
        if self.sweeps > SWEEPS_MAX {
            return;
        }
        self.test.advance(SignedDuration::from_secs(61));
        self.test.sweep().await;
    }

    /// Checks what must hold at every moment.
    async fn check(&self) -> Ledger {
        let ledger = self.test.ledger().await;
        for (name, _, shards) in MENU {
            let of = |book: &BTreeMap<String, u64>| book.get(name).copied().unwrap_or(0);
            let there = of(&ledger.stock) + of(&ledger.sold) + of(&ledger.reserved);
            let brought = self.brought.get(name).copied().unwrap_or(0);
            let were = i64::from(shards.iter().sum::<u32>()) + brought;
            assert_eq!(i64::try_from(there), Ok(were), "{name}: {ledger:?}");
        }
        ledger
    }

    /// Finishes everything that is pending, without any more failures.
    async fn end(&mut self) -> Ledger {
        self.messages.clear();
        for _ in 0..3 {
            self.test.advance(SignedDuration::from_secs(3_601));
            self.test.sweep().await;
            self.test.settle().await;
        }
        let ledger = self.check().await;
        assert!(!ledger.orders.contains_key("Pending"), "{ledger:?}");
        assert_eq!(self.test.entries_of("pending#").await, 0);
        let ready = ledger.orders.get("Processed").copied().unwrap_or(0);
        assert_eq!(self.test.entries_of("ready#").await, ready, "{ledger:?}");
        ledger
    }
}

async fn run_story(number: u64) {
    let mut story = Story::begin(number).await;
    for _ in 0..STEPS {
        story.step().await;
    }
    let ledger = story.end().await;
    println!(
        "story {number}: orders {:?}, {} portions sold, {} tokens for them, {} submitted; \
         {} deaths, {} changes or messages lost",
        ledger.orders,
        ledger.portions_sold,
        ledger.tokens_of_orders,
        ledger.tokens_submitted,
        story.deaths,
        story.lost,
    );
    assert!(story.deaths > 5 && story.lost > 5, "there were failures");
    assert!(ledger.portions_sold > 0, "there were sales");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_balances_in_a_random_story_with_failures() {
    run_story(20_261_120).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_balances_in_a_second_random_story() {
    run_story(918_273_645).await;
}

/// A new story in each run; the output names its number.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_balances_in_a_new_random_story_each_run() {
    let number = jiff::Timestamp::now().as_microsecond().unsigned_abs();
    println!("story {number}");
    run_story(number).await;
}
