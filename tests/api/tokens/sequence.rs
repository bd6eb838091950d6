//! Random sequences of purchases, submissions, refunds, retries and waiting, with the same
//! seeds in every run. After every step, each issued token is available, redeemed, refunded or
//! expired. At the end, the refunded money matches the refunded tokens.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_functions::workers::refunder::CONSUMER as REFUNDER;
use thali_platform::worker::BatchResponse;

use super::{FATES, PIN, SUBMISSIONS, redeem};
use crate::support::people::{Checkout, PASSWORD, Student};
use crate::support::{Answer, Call, Dice, TestApp};

const STEPS: u32 = 100;

const KEYS_ARE_REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The seeds. Each seed makes another sequence of steps.
const STORIES: [u64; 2] = [20_260_115, 918_273_645];

/// The expected state of a purchase.
struct ExpectedLot {
    order_id: String,
    payment_id: String,
    expires_at: Timestamp,
    /// Tokens that are neither redeemed nor refunded.
    left: u64,
    given_back: u64,
    /// The tokens of the pending refund.
    in_hand: u64,
    /// The tokens of the latest refund, unless it failed.
    latest: u64,
}

/// The expected state after the steps so far.
#[derive(Default)]
struct Expected {
    /// The purchases, in the order in which their tokens are redeemed.
    lots: Vec<ExpectedLot>,
    issued: u64,
    redeemed: u64,
    submissions: usize,
    refunds_failed: u64,
}

impl Expected {
    fn available(&self, now: Timestamp) -> u64 {
        self.lots.iter().filter(|lot| now < lot.expires_at).map(|lot| lot.left).sum()
    }

    fn given_back(&self) -> u64 {
        self.lots.iter().map(|lot| lot.given_back).sum()
    }

    fn redeem(&mut self, now: Timestamp, count: u64) {
        self.redeemed += count;
        self.submissions += 1;
        let mut wanted = count;
        for lot in self.lots.iter_mut().filter(|lot| now < lot.expires_at) {
            let taken = wanted.min(lot.left);
            lot.left -= taken;
            wanted -= taken;
        }
        assert_eq!(wanted, 0, "the expected tokens were there");
    }
}

/// A running sequence of steps.
struct Story {
    test: TestApp,
    student: Student,
    owner: Student,
    dice: Dice,
    expected: Expected,
    last: Option<(Call, Value, Timestamp)>,
}

impl Story {
    async fn step(&mut self, number: u32) {
        match self.dice.roll(16) {
            0..=2 => self.buy().await,
            3..=5 => self.submit(number).await,
            6 | 7 => self.retry().await,
            8..=10 => self.give_back(number).await,
            11 | 12 => self.process_refunds(true).await,
            13 => self.process_refunds(false).await,
            _ => self.wait().await,
        }
    }

    async fn buy(&mut self) {
        let count = 1 + self.dice.roll(6);
        let size = u16::try_from(count).expect("small");
        let Checkout { order_id, payment_id, .. } = self.test.buy_tokens(&self.student, size).await;
        let expires_at = self.test.now() + SignedDuration::from_hours(90 * 24);
        let lot = ExpectedLot {
            order_id,
            payment_id,
            expires_at,
            left: count,
            given_back: 0,
            in_hand: 0,
            latest: 0,
        };
        self.expected.lots.push(lot);
        self.expected.lots.sort_by_key(|lot| (lot.expires_at, lot.order_id.clone()));
        self.expected.issued += count;
    }

    async fn give_back(&mut self, number: u32) {
        if self.expected.lots.is_empty() {
            return;
        }
        let index = self.dice.roll(self.expected.lots.len() as u64);
        let count = 1 + self.dice.roll(4);
        let lot = &mut self.expected.lots[usize::try_from(index).expect("small")];
        let call = Call::post(
            &format!("/payments/{}/refund", lot.order_id),
            &json!({ "token_count": count }),
        )
        .bearer(&self.owner.token)
        .header("idempotency-key", &format!("refund-{number}"));
        let answer = self.test.send(call.clone()).await;
        if lot.left == 0 && lot.latest == count {
            assert_eq!(answer.header("idempotent-replay"), "true", "step {number}");
        } else if lot.in_hand > 0 {
            assert_eq!(answer.problem(409), "refund_in_progress", "step {number}");
        } else if lot.left < count {
            assert_eq!(answer.problem(409), "insufficient_tokens", "step {number}");
            assert_eq!(answer.body["available"], lot.left, "step {number}");
        } else {
            let answer = answer.expect(202);
            assert_eq!(answer.body["refund"]["amount_paise"], count * 5_000);
            lot.left -= count;
            lot.given_back += count;
            lot.in_hand = count;
            lot.latest = count;
            let again = self.test.send(call).await.expect(202);
            assert_eq!(again.header("idempotent-replay"), "true");
            assert_eq!(again.body, answer.body);
        }
    }

    /// Hands the worker its messages. The partner makes the refunds, or refuses them so late
    /// that the refusal is final.
    async fn process_refunds(&mut self, is_willing: bool) {
        if !is_willing {
            self.pass(SignedDuration::from_mins(11)).await;
            self.test.partner_fails(json!({ "status": 400 })).await;
        }
        let messages = self.test.refund_messages().await;
        assert_eq!(self.test.consume(&REFUNDER, &messages).await, BatchResponse::default());
        self.test.partner_recovers().await;
        for lot in &mut self.expected.lots {
            if !is_willing && lot.in_hand > 0 {
                lot.left += lot.in_hand;
                lot.given_back -= lot.in_hand;
                lot.latest = 0;
                self.expected.refunds_failed += 1;
            }
            lot.in_hand = 0;
        }
    }

    async fn submit(&mut self, number: u32) {
        let count = 1 + self.dice.roll(6);
        let call = redeem(&self.student, &json!({ "count": count }), PIN)
            .header("idempotency-key", &format!("step-{number}"));
        let answer = self.test.send(call.clone()).await;
        let available = self.expected.available(self.test.now());
        if count <= available {
            let answer = answer.expect(201);
            assert_eq!(answer.body["balance"], available - count, "step {number}");
            self.expected.redeem(self.test.now(), count);
            self.last = Some((call, answer.body, self.test.now()));
        } else {
            assert_eq!(answer.problem(409), "insufficient_tokens", "step {number}");
            assert_eq!(answer.body["available"], available, "step {number}");
        }
    }

    async fn retry(&mut self) {
        let Some((call, first, at)) = &self.last else { return };
        if self.test.now().duration_since(*at) >= KEYS_ARE_REMEMBERED_FOR {
            return;
        }
        let again: Answer = self.test.send(call.clone().bearer(&self.student.token)).await;
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(again.expect(201).body, *first);
    }

    async fn wait(&mut self) {
        let hours = 1 + self.dice.roll(60 * 24);
        self.pass(SignedDuration::from_hours(i64::try_from(hours).expect("small"))).await;
    }

    /// Moves the clock forward. Student and owner log in again, because their access tokens may
    /// have expired.
    async fn pass(&mut self, time: SignedDuration) {
        self.test.advance(time);
        let login = self.test.log_in(&self.student.email).await.expect(200);
        login.text("access_token").clone_into(&mut self.student.token);
        self.owner = Student::of(&self.test.log_in(&self.owner.email).await);
    }

    async fn check(&self, number: u32) {
        let fates = self.test.list(&self.student, FATES, 100).await;
        let count =
            |status: &str| fates.iter().filter(|token| token["status"] == status).count() as u64;
        let (available, redeemed, expired) =
            (count("available"), count("redeemed"), count("expired"));
        let given_back = count("refunded");
        let expected = &self.expected;
        assert_eq!(fates.len() as u64, expected.issued, "step {number}");
        let sum = available + redeemed + expired + given_back;
        assert_eq!(sum, expected.issued, "step {number}");
        assert_eq!(given_back, expected.given_back(), "step {number}");
        assert_eq!(available, expected.available(self.test.now()), "step {number}");
        assert_eq!(redeemed, expected.redeemed, "step {number}");
        assert_eq!(self.test.token_count(&self.student).await, available, "step {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_issued_token_has_exactly_one_status_after_every_step() {
    futures_util::future::join_all(STORIES.map(tell)).await;
}

/// Runs one sequence to its end.
async fn tell(seed: u64) {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await;
    let owner = test.owner("o@example.com").await;
    test.set_pin(&student).await;
    let (dice, expected) = (Dice(seed), Expected::default());
    let mut story = Story { test, student, owner, dice, expected, last: None };
    for number in 0..STEPS {
        story.step(number).await;
        story.check(number).await;
    }
    story.process_refunds(true).await;
    let submissions = story.test.list(&story.student, SUBMISSIONS, 100).await;
    let expected = &story.expected;
    assert_eq!(submissions.len(), expected.submissions);
    let counts = submissions.iter().filter_map(|submission| submission["count"].as_u64());
    assert_eq!(counts.sum::<u64>(), expected.redeemed);
    for lot in &expected.lots {
        let payment = story.test.payment(&lot.payment_id).await;
        assert_eq!(payment["amount_refunded"], lot.given_back * 5_000, "{}", lot.order_id);
    }
    let gone = expected.redeemed + expected.given_back();
    let expired = expected.issued - gone - expected.available(story.test.now());
    let happened = [expired, expected.redeemed, expected.given_back(), expected.refunds_failed];
    assert!(happened.iter().all(|count| *count > 0), "each outcome has occurred");
    let wrong = story.test.send(redeem(&story.student, &json!({ "count": 1 }), PASSWORD)).await;
    assert_eq!(wrong.problem(403), "security_code_wrong");
}
