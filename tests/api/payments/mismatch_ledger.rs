//! Random stories of several payments for one order: reported, captured, accepted and refunded, at
//! once and by processes that die. In the end each taken payment has paid for tokens, has gone back
//! in full, or waits visibly for a decision.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{REFUSAL_FINAL_AFTER, accept, refund, told};
use crate::support::people::{Checkout, Student};
use crate::support::{Call, Death, Dice, TestApp};

const STEPS: u32 = 25;

const AMOUNTS: [u64; 4] = [50_000, 49_999, 51_180, 51_180];

struct Story {
    test: Arc<TestApp>,
    dice: Dice,
    asha: Student,
    owner: Student,
    payments: Vec<Checkout>,
    /// Access tokens are valid for fifteen minutes, so there is one failure of ten minutes.
    refusals_left: u32,
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let test = Arc::new(TestApp::start().await);
        let owner = test.owner("o@example.com").await;
        let asha = test.student("asha@example.com").await;
        let order_id = test.order_tokens(&asha, 10).await;
        let mut dice = Dice(seed);
        let mut payments = Vec::new();
        for _ in 0..3 {
            let amount = AMOUNTS[usize::try_from(dice.roll(4)).expect("small")];
            let control = json!({ "outcome": "authorized", "amount_paise": amount });
            payments.push(test.pay(&order_id, control).await);
        }
        Self { test, dice, asha, owner, payments, refusals_left: 1 }
    }

    fn payment(&mut self) -> Checkout {
        self.payments[usize::try_from(self.dice.roll(3)).expect("small")].clone()
    }

    /// A random request of the student, the owner or the partner.
    async fn call(&mut self) -> Call {
        let checkout = self.payment();
        let (order_id, named) = (&checkout.order_id, json!({ "payment_id": checkout.payment_id }));
        match self.dice.roll(6) {
            0 => checkout.verify(&self.asha.token),
            1 => told("payment.captured", &self.test.payment(&checkout.payment_id).await),
            2 => accept(&self.owner, order_id, &json!({})),
            3 => accept(&self.owner, order_id, &named),
            4 => refund(&self.owner, order_id, &named),
            _ => refund(&self.owner, order_id, &json!({})),
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(10) {
            0 | 1 => {
                let payment_id = self.payment().payment_id;
                if self.test.payment(&payment_id).await["status"] == "authorized" {
                    self.test.capture_late(&payment_id).await;
                }
            }
            2 => {
                self.test.settle().await;
            }
            3 => {
                let (one, two) = tokio::join!(self.test.reconcile(), self.test.reconcile());
                assert_eq!((one.get("errors"), two.get("errors")), (None, None), "{one} {two}");
            }
            4 if self.refusals_left > 0 => {
                self.refusals_left -= 1;
                self.test.advance(REFUSAL_FINAL_AFTER);
                self.test.partner_fails(json!({ "status": 400, "path": "/refund" })).await;
                self.test.reconcile().await;
                self.test.partner_recovers().await;
            }
            5 | 6 => {
                let request = u32::try_from(self.dice.roll(6)).expect("small");
                let death = [Death::Before(request), Death::After(request)];
                let death = death[usize::try_from(self.dice.roll(2)).expect("small")];
                let call = self.call().await;
                let process = self.test.dying_process(death);
                let answer = self.test.send_to(&process.app, call).await;
                assert!(answer.status < 500 || process.is_dead(), "{}", answer.body);
            }
            _ => {
                let mut calls = Vec::new();
                for _ in 0..=self.dice.roll(3) {
                    calls.push(self.call().await);
                }
                for answer in self.test.send_together(calls).await {
                    assert!(answer.status < 500 || answer.status == 503, "{}", answer.body);
                }
            }
        }
    }

    /// Tells of everything, and lets all follow-up work end.
    async fn end(&self) {
        for checkout in &self.payments {
            let payment = self.test.payment(&checkout.payment_id).await;
            if payment["status"] == "captured" {
                self.test.send(told("payment.captured", &payment)).await.expect(200);
            }
        }
        self.test.settle().await;
        self.test.reconcile().await;
        self.test.settle().await;
    }

    /// Checks each payment at the partner, and the tokens. Returns what became of the payments.
    async fn check(&self, seed: u64) -> Vec<String> {
        let purchase = self.test.single_purchase(&self.asha).await;
        let mut fates = Vec::new();
        for checkout in &self.payments {
            let payment = self.test.payment(&checkout.payment_id).await;
            let back = payment["amount_refunded"].as_u64().expect("an amount");
            let known = self.test.mismatches(&self.asha).await;
            let known = known.into_iter().find(|it| it.0 == checkout.payment_id).map(|it| it.2);
            let fate = if purchase["payment_id"] == *checkout.payment_id {
                assert_eq!(payment["order_id"], purchase["order_id"]);
                assert!(payment["amount"].as_u64() >= Some(50_000), "{seed}: {payment}");
                assert_eq!(back, 5_000 * self.refunded_tokens().await, "{seed}: {purchase}");
                "paid".to_owned()
            } else if payment["status"] == "authorized" {
                assert_eq!(known, None, "{seed}: nothing was taken");
                "authorized".to_owned()
            } else {
                let known = known.unwrap_or_else(|| panic!("{seed}: {payment} is unseen"));
                let full = payment["amount"].as_u64().expect("an amount");
                let expected = if known == "refunded" { full } else { 0 };
                assert_eq!(back, expected, "{seed}: {known} {payment}");
                known
            };
            let path = format!("/payments/{}/refunds", checkout.payment_id);
            let refunds = self.test.at_partner(&path).await["count"].clone();
            assert!(fate == "paid" || refunds == json!(u8::from(back > 0)), "{seed}: {refunds}");
            fates.push(fate);
        }
        let count = self.test.token_count(&self.asha).await;
        let issued = if fates.iter().any(|fate| fate == "paid") { 10 } else { 0 };
        assert_eq!(count + self.refunded_tokens().await, issued, "{seed}: {purchase}");
        fates
    }

    async fn refunded_tokens(&self) -> u64 {
        let tokens = self.test.list(&self.asha, "/student/token-history", 100).await;
        let is_refunded = |token: &&Value| token["status"] == "refunded";
        tokens.iter().filter(is_refunded).count() as u64
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_stories_of_payments_leave_no_money_unseen() {
    let mut fates = std::collections::BTreeMap::<String, u32>::new();
    for seed in 1..=24 {
        let mut story = Story::begin(seed * 7_919).await;
        for _ in 0..STEPS {
            story.step().await;
        }
        story.end().await;
        for fate in story.check(seed).await {
            *fates.entry(fate).or_default() += 1;
        }
    }
    for fate in ["paid", "refunded", "open"] {
        assert!(fates.get(fate).is_some_and(|count| *count >= 3), "too few are {fate}: {fates:?}");
    }
}
