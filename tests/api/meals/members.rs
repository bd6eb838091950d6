//! The member item, which is what the counter knows of a student, follows the account.

use serde_json::json;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::days::MealDate;
use thali_domain::ids::AccountId;
use thali_domain::mess::Meal;
use thali_domain::students::qr::ReadCode;

use crate::support::{Call, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_student_has_a_member_item_that_follows_the_account() {
    let test = TestApp::start().await;
    let student = test.student("asha@example.com").await;
    let id: AccountId = student.account_id.parse().expect("an id");
    let new = test.member(id).await;
    assert_eq!((new.status, new.cycles.len(), new.cuts.len()), (AccountStatus::Active, 0, 0));
    assert_eq!(ReadCode::parse(&test.code_of(id).await).expect("a code").code.account_id, id);

    test.give_cycle(id, "2026-01-01", "2026-01-31").await;
    test.give_cut(id, "2026-01-16", "2026-01-17", &[Meal::Lunch]).await;
    let owner = test.owner("owner@example.com").await;
    let block = Call::post(&format!("/api/v1/students/{id}/block"), &json!({}));
    test.send(block.bearer(&owner.token)).await.expect(200);

    let blocked = test.member(id).await;
    assert_eq!((blocked.status, &blocked.qr_nonce), (AccountStatus::Blocked, &new.qr_nonce));
    let entitlement = blocked.entitlement();
    let date = MealDate::parse("2026-01-17").expect("a date");
    assert!(entitlement.has_paid(date) && entitlement.has_cut(date, Meal::Lunch));
    assert!(!entitlement.has_cut(date, Meal::Dinner) && !entitlement.is_entitled(date));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_no_member_item() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id: AccountId = owner.account_id.parse().expect("an id");
    let found = test.app.store.member_get(&test.mess_id, id).await.expect("read");
    assert_eq!(found, None);
}
