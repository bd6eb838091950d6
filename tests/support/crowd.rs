//! Many students at once, and tokens for them.

use std::collections::{BTreeMap, BTreeSet};

use thali_domain::ids::{AccountId, RazorpayOrderId, RazorpayPaymentId, SubmissionId};
use thali_domain::money::Paise;
use thali_domain::payments::settlement::{CURRENCY, Payment, PaymentStatus};
use thali_domain::tokens::purchases::{Purchase, PurchaseState, Waiting, balance};
use thali_domain::tokens::redeeming::{Submission, redeem_count};
use thali_platform::store::Consistency;

use super::app::TestApp;
use super::people::Student;

/// The price of a token.
const PRICE: Paise = Paise::new(5_000);

impl TestApp {
    /// `count` students who are logged in, each with `tokens` tokens of one purchase.
    pub async fn crowd(&self, count: usize, tokens: u16) -> Vec<Student> {
        let mut crowd = Vec::with_capacity(count);
        for number in 0..count {
            let student = self.student(&format!("student{number}@example.com")).await;
            if tokens > 0 {
                self.grant_tokens(&student, tokens).await;
            }
            crowd.push(student);
        }
        crowd
    }

    /// One more logged-in student with tokens.
    pub async fn newcomer(&self, tokens: u16) -> Student {
        let number = self.app.clock.ulid().to_string().to_lowercase();
        let student = self.student(&format!("{number}@example.com")).await;
        self.grant_tokens(&student, tokens).await;
        student
    }

    /// How many tokens a student has; works even if their session has ended.
    pub async fn tokens_left(&self, student: &Student) -> usize {
        let account = AccountId::parse(&student.account_id).expect("an id");
        let purchases = self.app.store.purchases_of(account, Consistency::Strong).await;
        balance(&purchases.expect("read"), self.now())
    }

    /// Redeems tokens of a student, if they have enough, as a submission does after the check of
    /// the security code.
    pub async fn submit_directly(&self, student: &Student, count: usize) {
        let account = AccountId::parse(&student.account_id).expect("an id");
        let store = &self.app.store;
        let purchases = store.purchases_of(account, Consistency::Strong).await.expect("read");
        let Ok(redemption) = redeem_count(&purchases, count, self.now()) else { return };
        let submission = Submission {
            submission_id: SubmissionId::from_ulid(self.app.clock.ulid()),
            account_id: account,
            mess_id: self.mess_id.clone(),
            token_ids: redemption.token_ids(),
            submitted_at: self.now(),
            balance: redemption.balance,
        };
        let done = store.submission_record(&submission, &redemption, None, &self.stamp()).await;
        done.expect("no concurrent change");
    }

    /// The same student, with a new session.
    pub async fn with_new_session(&self, student: &Student) -> Student {
        let id = AccountId::parse(&student.account_id).expect("an id");
        let account = self.app.store.account_get(id, Consistency::Strong).await.expect("read");
        self.session(account.expect("it is there")).await
    }

    /// Gives a student tokens, as if a payment for them had just been captured.
    pub async fn grant_tokens(&self, student: &Student, count: u16) {
        let unique = self.app.clock.ulid();
        let purchase = Purchase {
            order_id: RazorpayOrderId::parse(&format!("order_{unique}")).expect("an id"),
            account_id: AccountId::parse(&student.account_id).expect("an id"),
            mess_id: self.mess_id.clone(),
            token_count: count,
            price: PRICE,
            amount: PRICE.checked_times(count).expect("small"),
            validity_days: 90,
            created_at: self.now(),
            state: PurchaseState::Created(Waiting::default()),
            redeemed: BTreeSet::new(),
            refunded: BTreeSet::new(),
            refund_id: None,
            refunding: None,
            mismatches: BTreeMap::new(),
        };
        let (store, stamp) = (&self.app.store, self.stamp());
        assert!(store.purchase_create(&purchase, None, &stamp).await.expect("stored"));
        let payment = Payment {
            payment_id: RazorpayPaymentId::parse(&format!("pay_{unique}")).expect("an id"),
            order_id: Some(purchase.order_id.clone()),
            amount: purchase.amount,
            refunded: Paise::new(0),
            customer_fee: None,
            currency: CURRENCY.to_owned(),
            status: PaymentStatus::Captured,
            method: None,
        };
        store.purchase_capture(&purchase, &payment, &stamp).await.expect("captured");
    }
}
