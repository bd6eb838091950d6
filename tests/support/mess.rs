//! Students as the counter knows them: their codes, and cycles and cuts that are simply
//! there, written behind the app's back by tests whose subject is something else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use thali_domain::ids::{AccountId, CutId, CycleId, MessId};
use thali_domain::mess::Meal;
use thali_domain::qr::{Code, Kid, MessKey};
use thali_platform::store::{Member, keys};

use super::dynamo::STACK;
use super::people::Student;
use super::{Call, QR_KEY, TestApp};

impl TestApp {
    /// A student as the counter knows them.
    pub async fn member(&self, account: AccountId) -> Member {
        let found = self.app.store.member_get(&self.mess_id, account).await.expect("read");
        found.expect("a student of the mess")
    }

    /// Gives a student a verified cycle.
    pub async fn give_cycle(&self, account: AccountId, from: &str, to: &str) -> CycleId {
        let id = CycleId::from_ulid(self.app.clock.ulid());
        let state = ("state", AttributeValue::S("verified".to_owned()));
        self.give(account, "cycles", &id.to_string(), period(from, to, state)).await;
        id
    }

    /// Gives a student a cut of some meals.
    pub async fn give_cut(
        &self,
        account: AccountId,
        from: &str,
        to: &str,
        meals: &[Meal],
    ) -> CutId {
        let id = CutId::from_ulid(self.app.clock.ulid());
        let meals = meals.iter().map(|meal| AttributeValue::S(meal.as_str().to_owned()));
        let meals = ("meals", AttributeValue::L(meals.collect()));
        self.give(account, "cuts", &id.to_string(), period(from, to, meals)).await;
        id
    }

    async fn give(&self, account: AccountId, what: &str, id: &str, value: AttributeValue) {
        let key = keys::member(&self.mess_id, account);
        self.dynamo
            .client()
            .update_item()
            .table_name(format!("{STACK}-meals"))
            .set_key(Some(key.attributes()))
            .update_expression("SET #what.#id = :value ADD version :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#what", what)
            .expression_attribute_names("#id", id)
            .expression_attribute_values(":value", value)
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .send()
            .await
            .expect("written");
    }

    /// Uploads the payment of a cycle, shown at an address elsewhere.
    pub async fn upload_cycle(&self, student: &Student, from: &str, to: &str) -> CycleId {
        let body = json!({
            "cycle_start": from,
            "cycle_end": to,
            "amount_paise": 300_000,
            "screenshot_url": "https://example.com/paid.png",
        });
        let call = Call::post("/api/v1/payments/upload", &body).bearer(&student.token);
        let answer = self.send(call).await.expect(201);
        answer.text("payment_id").parse().expect("an id")
    }

    /// The code that a student shows, signed with the mess's first key.
    pub async fn code_of(&self, account: AccountId) -> String {
        let code = Code {
            account_id: account,
            kid: Kid::FIRST,
            nonce: self.member(account).await.qr_nonce,
        };
        sign(&self.mess_id, &code)
    }
}

/// Signs a code as the deployment under test does.
pub fn sign(mess: &MessId, code: &Code) -> String {
    MessKey::derive(QR_KEY.as_bytes(), mess, code.kid).sign(mess, code)
}

fn period(from: &str, to: &str, more: (&str, AttributeValue)) -> AttributeValue {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let members = [("from", text(from)), ("to", text(to)), more];
    AttributeValue::M(HashMap::from(members.map(|(name, value)| (name.to_owned(), value))))
}
