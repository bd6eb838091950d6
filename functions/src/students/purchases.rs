//! `GET /api/v1/students/{account_id}/purchases`: what a student has bought, newest first, with
//! the refunds of each purchase. So an owner finds a purchase without its order's id.

use std::collections::HashMap;

use futures_util::try_join;
use serde::Serialize;
use thali_domain::accounts::identity::{AccountStatus, Name, Role};
use thali_domain::ids::{AccountId, RazorpayOrderId};
use thali_domain::payments::refunds::Refund;
use thali_domain::tokens::purchases::Purchase;
use thali_platform::app::App;
use thali_platform::handler;
use thali_platform::http::{Access, Caller, Endpoint, Page, Problem, Request, Response, schema};
use thali_platform::problems;
use thali_platform::store::{Account, Consistency};
use utoipa::ToSchema;

use crate::payments::view::{PaymentView, RefundView};

pub static ENDPOINT: Endpoint = Endpoint::get(
    "student-purchases",
    &["/api/v1/students/{account_id}/purchases"],
    Access::Owner,
    handler!(list),
)
.summary("What a student has bought, newest first, with the refunds")
.answers_page(schema::<StudentPurchase>)
.refuses(&["student_not_found"]);

/// A purchase, and what became of its tokens.
#[derive(Serialize, ToSchema)]
struct StudentPurchase {
    /// The student's name, unless the account was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Name>,
    #[serde(flatten)]
    payment: PaymentView,
    /// How many tokens were redeemed.
    redeemed: usize,
    /// How many tokens are neither redeemed nor refunded, expired ones too.
    unused: usize,
    /// Its refunds, newest first.
    refunds: Vec<RefundView>,
}

impl StudentPurchase {
    fn of(student: &Account, purchase: Purchase, refunds: Vec<Refund>) -> Self {
        let is_there = student.status != AccountStatus::Deleted;
        Self {
            name: is_there.then(|| student.name.clone()),
            redeemed: purchase.redeemed.len(),
            unused: purchase.unused_numbers().count(),
            payment: purchase.into(),
            refunds: refunds.into_iter().map(Into::into).collect(),
        }
    }
}

async fn list(app: &App, caller: &Caller, request: &Request) -> Result<Response, Problem> {
    let page = request.page()?;
    let mess = &caller.session()?.mess_id;
    let id: AccountId = request.param("account_id").ok_or_else(problems::student_not_found)?;
    let (account, purchases, refunds) = try_join!(
        app.store.account_get(id, Consistency::Eventual),
        app.store.purchases_of(id, Consistency::Strong),
        app.store.refunds_of(id),
    )?;
    // One who has deleted the account may still get money back.
    let student = account
        .filter(|account| account.mess_id == *mess && account.role == Role::Student)
        .ok_or_else(problems::student_not_found)?;
    let mut refunds = by_purchase(refunds);
    let (purchases, next) =
        page.cut(purchases, |purchase| Page::newest_first(purchase.created_at, &purchase.order_id));
    let views: Vec<StudentPurchase> = purchases
        .into_iter()
        .map(|purchase| {
            let refunds = refunds.remove(&purchase.order_id).unwrap_or_default();
            StudentPurchase::of(&student, purchase, refunds)
        })
        .collect();
    Ok(Response::page(&views, next))
}

/// The refunds of each purchase, newest first.
fn by_purchase(mut refunds: Vec<Refund>) -> HashMap<RazorpayOrderId, Vec<Refund>> {
    refunds.sort_by_key(|refund| std::cmp::Reverse((refund.requested_at, refund.refund_id)));
    let mut by_purchase: HashMap<_, Vec<Refund>> = HashMap::new();
    for refund in refunds {
        by_purchase.entry(refund.order_id.clone()).or_default().push(refund);
    }
    by_purchase
}
