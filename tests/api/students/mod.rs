//! Students: registration, import, the list, decisions, and their effects. This file has the
//! helpers that several of these tests share; helpers of all tests are in `tests/support`.

mod block;
mod decisions;
mod import;
mod import_check;
mod list;
mod mails;
mod members;
mod purchases;
mod races;
mod register;
mod search;

use std::sync::Arc;

use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::ids::{AccountId, MessId};
use thali_platform::store::{Consistency, keys};

use crate::support::people::{PASSWORD, Student};
use crate::support::{Answer, Call, TestApp};

/// The call that decides about a student.
fn decide(owner: &Student, account_id: &str, decision: &str, body: &Value) -> Call {
    let path = format!("/api/v1/students/{account_id}/{decision}");
    Call::post(&path, body).bearer(&owner.token)
}

fn approve(owner: &Student, account_id: &str) -> Call {
    decide(owner, account_id, "approve", &json!({}))
}

fn block(owner: &Student, account_id: &str) -> Call {
    decide(owner, account_id, "block", &json!({}))
}

/// A call that only an active student may make.
fn read(token: &str) -> Call {
    Call::get("/student/tokens").bearer(token)
}

fn refresh(cookie: &str) -> Call {
    Call::post("/api/auth/refresh", &json!({})).cookie(cookie)
}

fn login(email: &str) -> Call {
    Call::post("/login", &json!({ "email": email, "password": PASSWORD }))
}

fn id_of(account_id: &str) -> AccountId {
    AccountId::parse(account_id).expect("an id")
}

impl TestApp {
    /// Creates a student of the demo mess with this status, without a session; returns the id.
    async fn student_with(&self, email: &str, status: AccountStatus) -> String {
        let account = self.account(&self.mess_id, Role::Student, status, email).await;
        account.account_id.to_string()
    }

    /// The status of an account. Asserts that the account is in the index partition of this
    /// status.
    async fn status_of(&self, account_id: &str) -> AccountStatus {
        let id = id_of(account_id);
        let account = self.app.store.account_get(id, Consistency::Strong).await.expect("read");
        let status = account.expect("it is there").status;
        let item = self.dynamo.item("accounts", &keys::account(id)).await;
        let partition = keys::directory_partition(&self.mess_id, Role::Student, status);
        assert_eq!(item["directory"], json!(partition), "the index follows the status");
        status
    }

    /// How many sessions an account has.
    async fn sessions(&self, account_id: &str) -> usize {
        self.app.store.sessions_of(id_of(account_id)).await.expect("read").len()
    }
}

/// Asserts that no token or cookie from `answers` works any more, and that the account can
/// neither log in nor has a session.
async fn assert_no_access(test: &Arc<TestApp>, email: &str, account_id: &str, answers: &[Answer]) {
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        let refused = test.send(read(answer.text("access_token"))).await;
        assert_eq!(refused.problem(401), "unauthenticated");
        assert_eq!(test.send(refresh(&answer.cookie())).await.problem(401), "refresh_expired");
    }
    assert_eq!(test.send(login(email)).await.problem(403), "account_closed");
    assert_eq!(test.sessions(account_id).await, 0);
}

/// Another mess and its owner, logged in.
async fn other_mess(test: &TestApp) -> (MessId, Student) {
    test.create_mess("mess_other", thali_domain::mess::Approval::Automatic).await;
    let mess = MessId::parse("mess_other").expect("an id");
    let owner = test.owner_of(&mess, "owner@example.org").await;
    (mess, owner)
}
