//! A student's tokens: count, lists, history, submissions, and the security code.

mod fates;
mod keys;
mod limits;
mod lists;
mod redeem;
mod security_code;
mod sequence;
mod together;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;
use thali_platform::auth::hmac_hex;
use thali_platform::store::keys as store_keys;

use crate::support::people::Student;
use crate::support::{Call, TestApp};

const DATA: &str = "/student/token-data";
const FATES: &str = "/student/token-history";
const SUBMISSION: &str = "/student/token-submission";
const SUBMISSIONS: &str = "/student/submitted-tokens";

/// The security code that [`TestApp::set_pin`] sets.
const PIN: &str = "2468";

/// The call that redeems the tokens of `selection` with a security code.
fn redeem(student: &Student, selection: &Value, code: &str) -> Call {
    let mut body = selection.clone();
    body["security_code"] = json!(code);
    Call::post(SUBMISSION, &body).bearer(&student.token)
}

/// The ids of listed tokens, in their order.
fn ids(tokens: &[Value]) -> Vec<String> {
    tokens.iter().map(|token| token["token_id"].as_str().expect("an id").to_owned()).collect()
}

/// The token ids of a submission.
fn redeemed(submission: &Value) -> Vec<String> {
    let ids = submission["token_ids"].as_array().expect("a submission names its tokens");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

impl TestApp {
    /// Sets an attribute of a student's account directly in the database.
    async fn set_in_account(&self, student: &Student, attribute: &str, value: &str) {
        let id = AccountId::parse(&student.account_id).expect("an account's id");
        let value = AttributeValue::S(value.to_owned());
        self.dynamo.set("accounts", &store_keys::account(id), attribute, value).await;
    }

    /// Gives a student the security code [`PIN`], which is checked much faster than a
    /// password.
    async fn set_pin(&self, student: &Student) {
        let message = format!("security-code|{}|{PIN}", student.account_id);
        let hash = hmac_hex(self.app.pin_key(), message.as_bytes());
        self.set_in_account(student, "security_code_hash", &hash).await;
    }

    /// The ids of the tokens that a student can redeem.
    async fn token_ids(&self, student: &Student) -> Vec<String> {
        ids(&self.list(student, DATA, 100).await)
    }
}
