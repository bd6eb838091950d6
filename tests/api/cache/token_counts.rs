//! A student's token count: correct while time passes, and after everything that issues, redeems,
//! reserves or releases tokens.

use jiff::SignedDuration;
use serde_json::json;
use thali_domain::ids::AccountId;
use thali_domain::money::Paise;
use thali_domain::payments::settlement::{Payment, PaymentStatus};
use thali_domain::tokens::purchases::Purchase;
use thali_domain::tokens::tokens_left::TokensLeft;
use thali_functions::jobs::reconcile_payments;
use thali_functions::workers::refunder;
use thali_platform::app::App;
use thali_platform::cache::Entry;
use thali_platform::store::Consistency;

use super::{assert_hit, counted};
use crate::api::payments::{REFUSAL_FINAL_AFTER, refund, told};
use crate::support::people::{PASSWORD, Student};
use crate::support::{Call, TestApp};

/// Asserts that the count is read from the database, and is in the cache from then on.
async fn assert_read(test: &TestApp, student: &Student, count: u64) {
    assert_eq!(counted(test, &test.app, student).await, (count, false));
    assert_cached(test, student, count).await;
}

/// Asserts that the count is in the cache.
async fn assert_cached(test: &TestApp, student: &Student, count: u64) {
    assert_hit(count, async || counted(test, &test.app, student).await).await;
}

fn account(student: &Student) -> AccountId {
    AccountId::parse(&student.account_id).expect("an id")
}

async fn purchases(test: &TestApp, student: &Student) -> Vec<Purchase> {
    let purchases = test.app.store.purchases_of(account(student), Consistency::Strong).await;
    purchases.expect("they can be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_cached_when_read_and_only_for_its_student() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let binod = test.student("binod@example.com").await;
    test.buy_tokens(&asha, 4).await;
    assert_read(&test, &asha, 4).await;
    assert_read(&test, &binod, 0).await;
    let bodies = async |app: &App| {
        let call = Call::get("/student/tokens").bearer(&asha.token);
        test.send_to(app, call).await.expect(200).body
    };
    let without = test.another_process(&[("REDIS_URL", "")]);
    assert_eq!(bodies(&test.app).await, bodies(&without).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cached_count_stays_correct_while_tokens_expire() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 3).await;
    test.advance(SignedDuration::from_mins(5));
    test.buy_tokens(&asha, 4).await;
    assert_read(&test, &asha, 7).await;
    test.advance(SignedDuration::from_hours(90 * 24) - SignedDuration::from_mins(5));
    let asha = test.log_in_again(&asha).await;
    assert_cached(&test, &asha, 4).await;
    let answer = test.send(Call::get("/student/tokens").bearer(&asha.token)).await.expect(200);
    let next = json!({ "count": 4, "expires_at": "2026-04-15T06:35:00Z" });
    assert_eq!(answer.body, json!({ "count": 4, "expiring_next": next }));
    test.advance(SignedDuration::from_mins(5));
    assert_cached(&test, &asha, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_and_its_replay_update_the_count_at_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    assert_read(&test, &asha, 5).await;
    let submit = TestApp::submit(&asha, 2).header("idempotency-key", "k-1");
    test.send(submit.clone()).await.expect(201);
    assert_read(&test, &asha, 3).await;

    // As if the process that recorded the submission had died before it evicted the count.
    let mut purchases = purchases(&test, &asha).await;
    purchases[0].redeemed.clear();
    let (entry, stale) =
        (Entry::TokenCount(account(&asha)), TokensLeft::of(&purchases, test.now()));
    let now = test.app.cache.look::<TokensLeft>(entry).await.version;
    test.app.cache.keep(entry, now, &stale).await;
    assert_cached(&test, &asha, 5).await;
    let again = test.send(submit).await.expect(201);
    assert_eq!(again.header("idempotent-replay"), "true");
    assert_read(&test, &asha, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_payment_updates_the_count_at_once_from_every_source() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    assert_read(&test, &asha, 0).await;
    let captured = json!({ "outcome": "captured" });

    let order_id = test.order_tokens(&asha, 1).await;
    let checkout = test.pay(&order_id, captured.clone()).await;
    test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_read(&test, &asha, 1).await;

    let order_id = test.order_tokens(&asha, 2).await;
    let checkout = test.pay(&order_id, captured.clone()).await;
    let payment = test.payment(&checkout.payment_id).await;
    test.send(told("payment.captured", &payment)).await.expect(200);
    assert_read(&test, &asha, 3).await;

    let order_id = test.order_tokens(&asha, 3).await;
    test.pay(&order_id, captured).await;
    test.advance(SignedDuration::from_mins(6));
    let did = (reconcile_payments::JOB.run)(&test.app, &json!({ "older_than_s": 0 })).await;
    assert_eq!(did.expect("it runs")["credited"], 1);
    assert_read(&test, &asha, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_an_already_captured_payment_refreshes_the_cached_count() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let order_id = test.order_tokens(&asha, 2).await;
    let checkout = test.pay(&order_id, json!({ "outcome": "captured" })).await;
    assert_read(&test, &asha, 0).await;
    // A process captures the payment and dies before it evicts the count.
    let purchase = purchases(&test, &asha).await.remove(0);
    let payment = Payment {
        payment_id: checkout.payment_id.parse().expect("an id"),
        order_id: Some(purchase.order_id.clone()),
        amount: purchase.amount,
        refunded: Paise::new(0),
        customer_fee: None,
        currency: "INR".to_owned(),
        status: PaymentStatus::Captured,
        method: None,
    };
    let store = &test.app.store;
    store.purchase_capture(&purchase, &payment, &test.stamp()).await.expect("captured");
    assert_cached(&test, &asha, 0).await;
    let verified = test.send(checkout.verify(&asha.token)).await.expect(200);
    assert_eq!(verified.body["balance"], 2);
    assert_read(&test, &asha, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_and_released_tokens_update_the_count_at_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let checkout = test.buy_tokens(&asha, 10).await;
    test.settle().await;
    assert_read(&test, &asha, 10).await;
    let body = json!({ "token_count": 4 });
    test.send(refund(&owner, &checkout.order_id, &body)).await.expect(202);
    assert_read(&test, &asha, 6).await;

    // Razorpay refuses the refund for so long that the refusal is believed.
    test.partner_fails(json!({ "status": 400 })).await;
    test.advance(REFUSAL_FINAL_AFTER);
    let messages = test.refund_messages().await;
    let worked = test.consume(&refunder::CONSUMER, &messages).await;
    assert!(worked.batch_item_failures.is_empty(), "{worked:?}");
    let asha = test.log_in_again(&asha).await;
    assert_read(&test, &asha, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_begun_before_a_change_is_not_cached() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    let entry = Entry::TokenCount(account(&asha));
    let looked = test.app.cache.look::<TokensLeft>(entry).await;
    let left = TokensLeft::of(&purchases(&test, &asha).await, test.now());
    test.send(TestApp::submit(&asha, 2)).await.expect(201);
    test.app.cache.keep(entry, looked.version, &left).await;
    assert_read(&test, &asha, 3).await;
    // Nor does it replace a newer count.
    test.app.cache.keep(entry, looked.version, &left).await;
    assert_cached(&test, &asha, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_cannot_read_a_cached_count() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, 5).await;
    assert_read(&test, &asha, 5).await;
    let logout = Call::post("/student/logout", &json!({})).bearer(&asha.token);
    test.send(logout).await.expect(204);
    let answer = test.send(Call::get("/student/tokens").bearer(&asha.token)).await;
    assert_eq!(answer.problem(401), "unauthenticated");
}

/// Redis stops before the first read, before the tokens are redeemed, or before the second read.
/// Then it restarts empty.
#[tokio::test(flavor = "multi_thread")]
async fn the_count_is_correct_whenever_redis_stops() {
    for gone_before in 0..3 {
        let mut test = TestApp::start().await;
        let asha = test.student("asha@example.com").await;
        test.buy_tokens(&asha, 5).await;
        for step in 0..3 {
            if step == gone_before {
                test.redis.stop();
            }
            if step == 1 {
                let answer = test.send(TestApp::submit(&asha, 2)).await.expect(201);
                assert_eq!(answer.body["balance"], 3, "{gone_before}");
            } else {
                let expected = (if step == 0 { 5 } else { 3 }, false);
                assert_eq!(counted(&test, &test.app, &asha).await, expected, "{gone_before}");
            }
        }
        test.redis.restart();
        assert_cached(&test, &asha, 3).await;
        let body = json!({ "count": 1, "security_code": PASSWORD });
        let submit = Call::post("/student/token-submission", &body).bearer(&asha.token);
        test.send(submit).await.expect(201);
        assert_read(&test, &asha, 2).await;
    }
}
