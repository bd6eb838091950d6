//! The owner's endpoints: settings and invites of the mess, notifications, and reports.

mod audit_list;
mod dashboard;
mod headcount;
mod invites;
mod mess;
mod notifications;
mod sales;
mod scans_csv;

use jiff::Timestamp;
use serde_json::Value;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::mess::Approval;

use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

fn id_of(student: &Student) -> AccountId {
    AccountId::parse(&student.account_id).expect("an id")
}

impl TestApp {
    /// The response to a GET request of `reader`.
    pub(super) async fn read(&self, reader: &Student, path: &str) -> Answer {
        self.send(Call::get(path).bearer(&reader.token)).await
    }

    /// The body of a GET request that must succeed.
    pub(crate) async fn seen(&self, reader: &Student, path: &str) -> Value {
        self.read(reader, path).await.expect(200).body
    }

    /// The owner of another mess of the deployment.
    pub(super) async fn stranger(&self) -> Student {
        self.create_mess("mess_other", Approval::Automatic).await;
        let mess = MessId::parse("mess_other").expect("an id");
        self.owner_of(&mess, "stranger@example.com").await
    }

    /// Moves the clock forward to `time`.
    fn wait_until(&self, time: &str) {
        let time: Timestamp = time.parse().expect("a time");
        self.advance(time.duration_since(self.now()));
    }
}
