//! A random story, the same in every run: however buying, redeeming, retrying and time
//! follow each other, every token that was issued is available, redeemed or expired.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{FATES, PIN, SUBMISSIONS, redeem};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Answer, Call, TestApp};

const STEPS: u32 = 250;

/// A xorshift generator: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// What the story must come to.
#[derive(Default)]
struct Expected {
    /// Each purchase: when it expires, and how many of its tokens are left.
    lots: Vec<(Timestamp, u64)>,
    issued: u64,
    redeemed: u64,
    submissions: usize,
}

impl Expected {
    fn available(&self, now: Timestamp) -> u64 {
        self.lots.iter().filter(|(expires_at, _)| now < *expires_at).map(|(_, left)| left).sum()
    }

    fn redeem(&mut self, now: Timestamp, count: u64) {
        self.redeemed += count;
        self.submissions += 1;
        let mut wanted = count;
        // Purchases are made in the order in which they expire.
        for (_, left) in self.lots.iter_mut().filter(|(expires_at, _)| now < *expires_at) {
            let taken = wanted.min(*left);
            *left -= taken;
            wanted -= taken;
        }
        assert_eq!(wanted, 0, "the story redeems what there is");
    }
}

/// The story so far.
struct Story {
    test: TestApp,
    student: Student,
    dice: Dice,
    expected: Expected,
    last: Option<(Call, Value)>,
}

impl Story {
    async fn step(&mut self, number: u32) {
        match self.dice.roll(10) {
            0..=2 => self.buy().await,
            3..=5 => self.submit(number).await,
            6 | 7 => self.retry().await,
            _ => self.wait().await,
        }
    }

    async fn buy(&mut self) {
        let count = 1 + self.dice.roll(6);
        self.test.buy_tokens(&self.student, u16::try_from(count).expect("small")).await;
        let expires_at = self.test.now() + SignedDuration::from_hours(90 * 24);
        self.expected.lots.push((expires_at, count));
        self.expected.issued += count;
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
            self.last = Some((call, answer.body));
        } else {
            assert_eq!(answer.problem(409), "insufficient_tokens", "step {number}");
            assert_eq!(answer.body["available"], available, "step {number}");
        }
    }

    async fn retry(&mut self) {
        let Some((call, first)) = &self.last else { return };
        let again: Answer = self.test.send(call.clone().bearer(&self.student.token)).await;
        assert_eq!(again.header("idempotent-replay"), "true");
        assert_eq!(again.expect(201).body, *first);
    }

    async fn wait(&mut self) {
        let hours = 1 + self.dice.roll(60 * 24);
        self.test.advance(SignedDuration::from_hours(i64::try_from(hours).expect("small")));
        let login = self.test.log_in(&self.student.email).await.expect(200);
        login.text("access_token").clone_into(&mut self.student.token);
    }

    async fn check(&self, number: u32) {
        let fates = self.test.list(&self.student, FATES, 100).await;
        let count =
            |status: &str| fates.iter().filter(|token| token["status"] == status).count() as u64;
        let (available, redeemed, expired) =
            (count("available"), count("redeemed"), count("expired"));
        let expected = &self.expected;
        assert_eq!(fates.len() as u64, expected.issued, "step {number}");
        assert_eq!(available + redeemed + expired, expected.issued, "step {number}");
        assert_eq!(available, expected.available(self.test.now()), "step {number}");
        assert_eq!(redeemed, expected.redeemed, "step {number}");
        assert_eq!(self.test.token_count(&self.student).await, available, "step {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_issued_token_is_available_redeemed_or_expired_after_every_step() {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await;
    test.set_pin(&student).await;
    let dice = Dice(20_260_115);
    let mut story = Story { test, student, dice, expected: Expected::default(), last: None };
    for number in 0..STEPS {
        story.step(number).await;
        story.check(number).await;
    }
    let submissions = story.test.list(&story.student, SUBMISSIONS, 100).await;
    let expected = &story.expected;
    assert_eq!(submissions.len(), expected.submissions);
    let counts = submissions.iter().filter_map(|submission| submission["count"].as_u64());
    assert_eq!(counts.sum::<u64>(), expected.redeemed);
    let expired = expected.issued - expected.redeemed - expected.available(story.test.now());
    assert!(expired > 0 && expected.redeemed > 0, "the story has all that can happen");
    let wrong = story.test.send(redeem(&story.student, &json!({ "count": 1 }), PASSWORD)).await;
    assert_eq!(wrong.problem(403), "security_code_wrong");
}
