//! The counter: devices that scan, and helpers that change students and the mess directly in the
//! database, for tests of something else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Name};
use thali_domain::ids::{AccountId, ClosureId, MessId, StaffTokenId};
use thali_domain::mess::Meal;
use thali_domain::staff::gate::{GraceHours, PreviousKey, QrKeys};
use thali_domain::students::qr::{Code, Kid, Nonce};
use thali_platform::auth::staff_token::StaffTokenText;
use thali_platform::store::{StaffTokenRecord, keys};

use super::app::TestApp;
use super::call::Call;
use super::dynamo::STACK;
use super::mess::sign;

/// A device with a staff token.
#[derive(Debug, Clone)]
pub struct Device {
    pub id: StaffTokenId,
    /// The bearer token that the device sends.
    pub token: String,
}

impl Device {
    /// The call that scans a code for lunch.
    pub fn scan(&self, qr_data: &str) -> Call {
        self.send(&json!({ "qr_data": qr_data, "meal": "LUNCH" }))
    }

    /// The same with a nonce, so that the scan can be repeated.
    pub fn scan_once(&self, qr_data: &str, nonce: &str) -> Call {
        self.send(&json!({ "qr_data": qr_data, "meal": "LUNCH", "nonce": nonce }))
    }

    /// The call of a scan with this body.
    pub fn send(&self, body: &Value) -> Call {
        Call::post("/api/v1/scanner/scan", body).bearer(&self.token)
    }

    /// The call that uploads scans.
    pub fn upload(&self, scans: &[Value]) -> Call {
        Call::post("/api/v1/scanner/scans", &json!({ "scans": scans })).bearer(&self.token)
    }

    /// The call that undoes a scan.
    pub fn undo(&self, scan_id: &str) -> Call {
        let path = format!("/api/v1/scanner/scans/{scan_id}/undo");
        Call::post(&path, &json!({})).bearer(&self.token)
    }

    /// The call that gets the first page of the roster.
    pub fn roster(&self) -> Call {
        Call::get("/api/v1/scanner/roster").bearer(&self.token)
    }

    /// The call that gets the counts of a meal.
    pub fn counts(&self, query: &str) -> Call {
        Call::get(&format!("/api/v1/scanner/counts{query}")).bearer(&self.token)
    }
}

/// `admitted`, or the reason of a refusal.
#[track_caller]
pub fn verdict(scan: &Value) -> &str {
    match (scan["result"].as_str(), scan["reason"].as_str()) {
        (Some("admitted"), None) => "admitted",
        (Some("refused"), Some(reason)) => reason,
        _ => panic!("no scan: {scan}"),
    }
}

impl TestApp {
    /// A device of the demo mess.
    pub async fn device(&self, name: &str) -> Device {
        self.device_until(&self.mess_id, name, self.now() + SignedDuration::from_hours(24 * 30))
            .await
    }

    /// A device of a mess, whose token expires at `until`.
    pub async fn device_until(&self, mess: &MessId, name: &str, until: Timestamp) -> Device {
        let id = StaffTokenId::from_ulid(self.app.clock.ulid());
        let text = StaffTokenText::draw(mess.clone(), id);
        let record = StaffTokenRecord {
            staff_token_id: id,
            mess_id: mess.clone(),
            name: Name::parse(name).expect("a name"),
            token_hash: text.hash(),
            created_at: self.now(),
            expires_at: until,
            last_used_at: None,
            revoked_at: None,
        };
        self.app.store.staff_token_create(&record, &self.stamp()).await.expect("stored");
        Device { id, token: text.expose() }
    }

    /// Moves the clock to the middle of lunch.
    pub fn lunch(&self) {
        self.advance(
            "2026-01-15T07:30:00Z".parse::<Timestamp>().expect("a time").duration_since(self.now()),
        );
    }

    /// A student who may eat in January, and their code.
    pub async fn eater(&self, email: &str) -> (AccountId, String) {
        let account = self.student(email).await.account_id.parse().expect("an id");
        self.give_cycle(account, "2026-01-01", "2026-01-31").await;
        (account, self.code_of(account).await)
    }

    /// Sends a scan and returns its outcome. The request must succeed, but the scan may be refused.
    pub async fn scanned(&self, call: Call) -> Value {
        self.send(call).await.expect(200).body
    }

    /// Sets a student's status on the member item only.
    pub async fn set_member_status(&self, account: AccountId, status: AccountStatus) {
        self.set_member(account, "status", status.as_str()).await;
    }

    /// Gives a student a new code.
    pub async fn reset_code(&self, account: AccountId) {
        let nonce = Nonce::from_random(thali_platform::clock::random_bytes());
        let stamp = self.stamp();
        let reset = self.app.store.code_reset(&self.mess_id, account, &nonce, &stamp);
        reset.await.expect("written").expect("a student");
    }

    async fn set_member(&self, account: AccountId, attribute: &str, value: &str) {
        let key = keys::member(&self.mess_id, account);
        self.dynamo.set("meals", &key, attribute, AttributeValue::S(value.to_owned())).await;
    }

    /// Rotates the key of codes; the previous key stays valid until `valid_until`.
    pub async fn rotate_key(&self, valid_until: Timestamp) {
        let gate =
            self.app.store.gate_get(&self.mess_id, thali_platform::store::Consistency::Strong);
        let read = gate.await.expect("read").expect("there").qr_keys;
        let kid = read.current;
        let no_grace = GraceHours::try_from(0).expect("in range");
        let previous = Some(PreviousKey { kid, valid_until });
        let rotated = QrKeys { previous, ..read.rotate(no_grace, self.now()) };
        let stamp = self.stamp();
        let written = self.app.store.codes_rotate(&self.mess_id, &read, &rotated, None, &stamp);
        assert!(written.await.expect("written"), "nobody else rotates");
    }

    /// Closes the mess for some meals of a day.
    pub async fn close(&self, day: &str, meals: &[Meal]) {
        let id = ClosureId::from_ulid(self.app.clock.ulid()).to_string();
        let closure = json!({ "from": day, "to": day, "meals": meals });
        let closures = HashMap::from([(id, closure)]);
        let value = serde_dynamo::to_attribute_value(closures).expect("plain data");
        self.dynamo.set("meals", &keys::mess(&self.mess_id), "closures", value).await;
    }

    /// Sets the times at which a meal is served.
    pub async fn serve(&self, meal: Meal, opens: &str, closes: &str) {
        let request = self
            .dynamo
            .client()
            .update_item()
            .table_name(format!("{STACK}-meals"))
            .set_key(Some(keys::mess(&self.mess_id).attributes()))
            .update_expression("SET meal_windows.#meal = :window")
            .expression_attribute_names("#meal", meal.as_str());
        let window = serde_dynamo::to_attribute_value(json!({ "opens": opens, "closes": closes }));
        let request = request.expression_attribute_values(":window", window.expect("plain data"));
        request.send().await.expect("written");
    }

    /// A code of an account with this key and nonce, signed with the deployment's secret.
    pub fn code_with(&self, account: AccountId, kid: Kid, nonce: Nonce) -> String {
        sign(&self.mess_id, &Code { account_id: account, kid, nonce })
    }
}
