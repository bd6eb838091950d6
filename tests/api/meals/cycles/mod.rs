//! Cycles: uploading a payment, deciding on it, and the statement of its meals. This file has the
//! helpers that several of these tests share.

mod decide;
mod list;
mod mails;
mod races;
mod screenshots;
mod statement;
mod upload;

use serde_json::{Value, json};
use thali_domain::ids::{AccountId, CycleId};
use thali_domain::meals::cycles::Cycle;
use thali_domain::meals::entitlement::{CycleState, OpenCycle};

use crate::support::people::Student;
use crate::support::{Call, TestApp};

pub(in crate::api) const PAYMENTS: &str = "/api/v1/payments";

/// The body of an upload for these days.
pub(in crate::api) fn claim(from: &str, to: &str) -> Value {
    json!({
        "cycle_start": from,
        "cycle_end": to,
        "amount_paise": 300_000,
        "screenshot_url": "https://example.com/paid.png",
    })
}

/// The same body with some members changed; `null` removes a member.
#[expect(clippy::needless_pass_by_value, reason = "callers write the members where they pass them")]
fn with(mut claim: Value, changed: Value) -> Value {
    for (name, value) in changed.as_object().expect("members") {
        claim[name] = value.clone();
    }
    claim.as_object_mut().expect("members").retain(|_, value| !value.is_null());
    claim
}

pub(in crate::api) fn upload(student: &Student, body: &Value) -> Call {
    Call::post(&format!("{PAYMENTS}/upload"), body).bearer(&student.token)
}

fn decide(owner: &Student, id: CycleId, decision: &str, body: &Value) -> Call {
    Call::post(&format!("{PAYMENTS}/{id}/{decision}"), body).bearer(&owner.token)
}

pub(in crate::api) fn verify(owner: &Student, id: CycleId) -> Call {
    decide(owner, id, "verify", &json!({}))
}

fn reject(owner: &Student, id: CycleId) -> Call {
    decide(owner, id, "reject", &json!({}))
}

fn account_of(student: &Student) -> AccountId {
    student.account_id.parse().expect("an id")
}

impl TestApp {
    /// A cycle, read from its record.
    async fn cycle(&self, id: CycleId) -> Cycle {
        let found = self.app.store.cycle_get(&self.mess_id, id).await.expect("read");
        found.expect("it is there")
    }

    /// A student's cycles as the counter knows them.
    async fn open_cycles(&self, student: &Student) -> Vec<(CycleId, OpenCycle)> {
        self.member(account_of(student)).await.cycles.into_iter().collect()
    }

    /// The states of a student's cycles at the counter, in the order of their ids.
    async fn states(&self, student: &Student) -> Vec<CycleState> {
        self.open_cycles(student).await.into_iter().map(|(_, cycle)| cycle.state).collect()
    }
}
