//! Cycles, cuts, closures, QR codes, and what the counter knows of students. This file has the
//! helpers that several of these tests share.

mod announcer;
mod closures;
mod codes;
mod cuts;
pub(super) mod cycles;
mod members;
mod sizes;

use jiff::Timestamp;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;

use crate::support::people::Student;
use crate::support::{Call, TestApp};

fn cut(student: &Student, body: &Value) -> Call {
    Call::post("/api/v1/mess-cuts", body).bearer(&student.token)
}

/// The call that cuts all meals of one day.
pub(super) fn cut_day(student: &Student, day: &str) -> Call {
    cut(student, &json!({ "from": day, "to": day }))
}

/// The call that cancels a cut.
pub(super) fn cancel_cut(student: &Student, cut_id: &str) -> Call {
    Call::new("DELETE", &format!("/api/v1/mess-cuts/{cut_id}")).bearer(&student.token)
}

pub(super) fn close(owner: &Student, body: &Value) -> Call {
    Call::post("/api/v1/closures", body).bearer(&owner.token)
}

/// The call that deletes a closure.
fn reopen(owner: &Student, closure_id: &str) -> Call {
    Call::new("DELETE", &format!("/api/v1/closures/{closure_id}")).bearer(&owner.token)
}

fn account_of(student: &Student) -> AccountId {
    student.account_id.parse().expect("an id")
}

impl TestApp {
    /// Sets the clock to this moment, also backwards.
    fn go_to(&self, moment: &str) {
        let moment: Timestamp = moment.parse().expect("a time");
        self.advance(moment.duration_since(self.now()));
    }
}
