//! Members (students as the counter knows them), their codes, and cycles, cuts, closures and
//! scans. Most helpers write to the database directly, for tests of something else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use jiff::Timestamp;
use serde_json::{Value, json};
use thali_domain::accounts::identity::{AccountStatus, Role};
use thali_domain::days::MealDate;
use thali_domain::ids::{AccountId, ClosureId, CutId, CycleId, MessId};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::staff::plates::{Diner, Plate, Scan};
use thali_domain::staff::scan_ids::{ScanId, ScanKey};
use thali_domain::students::qr::{Code, Kid, MessKey};
use thali_platform::store::{Member, keys};

use super::dynamo::STACK;
use super::people::Student;
use super::{Call, QR_KEY, TestApp};

impl TestApp {
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

    /// A new active student of the demo mess, without a session, as they appear on a plate.
    pub async fn diner(&self, name: &str) -> Diner {
        let email = format!("{name}@example.com");
        let active = AccountStatus::Active;
        let account = self.account(&self.mess_id, Role::Student, active, &email).await;
        self.member(account.account_id).await.diner()
    }

    /// Writes the record of a cycle whose payment waits for an owner's decision.
    pub async fn give_pending_payment(&self, diner: &Diner) -> CycleId {
        let id = CycleId::of(diner.account_id, self.now());
        let record = json!({
            "kind": "cycle", "cycle_id": id, "account_id": diner.account_id,
            "mess_id": self.mess_id, "name": diner.name, "from": "2026-02-01", "to": "2026-02-28",
            "amount_paise": 300_000, "status": "pending", "actor": diner.account_id,
            "screenshot_url": "https://example.com/paid.png",
            "cycle_status": keys::cycles_partition(&self.mess_id, "pending"),
            "created_at": self.now().as_millisecond(),
            "request_id": "test", "changed_at": self.now().as_millisecond(),
        });
        let mut item: HashMap<String, AttributeValue> =
            serde_dynamo::to_item(record).expect("plain data");
        item.extend(keys::cycle(&self.mess_id, id).attributes());
        let client = self.dynamo.client();
        let put = client.put_item().table_name(format!("{STACK}-meals")).set_item(Some(item));
        put.send().await.expect("written");
        id
    }

    /// Closes the mess for a meal.
    pub async fn give_closure(&self, date: &str, meal: Meal) -> ClosureId {
        let id = ClosureId::from_ulid(self.app.clock.ulid());
        let meals = ("meals", AttributeValue::L(vec![AttributeValue::S(meal.as_str().to_owned())]));
        let closures = HashMap::from([(id.to_string(), period(date, date, meals))]);
        self.dynamo
            .client()
            .update_item()
            .table_name(format!("{STACK}-meals"))
            .set_key(Some(keys::mess(&self.mess_id).attributes()))
            .update_expression("SET closures = :closures")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":closures", AttributeValue::M(closures))
            .send()
            .await
            .expect("written");
        id
    }

    /// A plate of the demo mess with these scans. The first scan that was neither refused nor
    /// undone is the admission.
    pub fn plate(&self, sitting: Sitting, diner: Option<&Diner>, scans: &[Scan]) -> Plate {
        let holds = |scan: &&Scan| scan.refused.is_none() && scan.undone_at.is_none();
        let keyed = |scan: &Scan| (ScanKey::stored(key_of(scan)), scan.clone());
        Plate {
            mess_id: self.mess_id.clone(),
            sitting,
            diner: diner.cloned(),
            admitted: scans.iter().find(holds).map(|scan| scan.scan_id.clone()),
            scans: scans.iter().map(keyed).collect(),
        }
    }

    /// A scan at the gate that admitted somebody at this time.
    pub fn scan(&self, sitting: Sitting, diner: Option<&Diner>, at: &str) -> Scan {
        let at: Timestamp = at.parse().expect("a time");
        let account = diner.map(|diner| diner.account_id);
        Scan {
            scan_id: ScanId::new(sitting, self.app.clock.ulid(), account),
            device_id: "stk_gate".to_owned(),
            device: "Gate".to_owned(),
            scanned_at: at,
            arrived_at: at,
            offline: false,
            manual: false,
            refused: None,
            past_unknown: false,
            undone_at: None,
            overridden: None,
        }
    }

    /// Writes plates, replacing existing ones.
    pub async fn give_plates(&self, plates: &[Plate]) {
        for some in plates.chunks(25) {
            let put = |plate: &Plate| {
                let item = plate_item(plate, self.now());
                let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
                WriteRequest::builder().put_request(put).build()
            };
            let writes = some.iter().map(put).collect();
            let client = self.dynamo.client();
            let request = client.batch_write_item();
            let request = request.request_items(format!("{STACK}-meals"), writes);
            let left = request.send().await.expect("written").unprocessed_items;
            assert!(left.is_none_or(|left| left.is_empty()), "all plates are written");
        }
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

    /// Uploads the payment of a cycle by a request, with a screenshot at an external address.
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

/// A meal on a day.
pub fn sitting(date: &str, meal: Meal) -> Sitting {
    Sitting { date: MealDate::parse(date).expect("a date"), meal }
}

/// The key of a scan in its plate.
fn key_of(scan: &Scan) -> String {
    scan.scan_id.to_string()[14..40].to_owned()
}

/// A scan as it is stored.
fn scan_attribute(scan: &Scan) -> Value {
    let mut stored = json!({
        "scan_id": scan.scan_id, "device_id": scan.device_id, "device": scan.device,
        "scanned_at": scan.scanned_at.as_millisecond(),
        "arrived_at": scan.arrived_at.as_millisecond(),
    });
    if scan.offline {
        stored["offline"] = json!(true);
    }
    if scan.manual {
        stored["manual"] = json!(true);
    }
    if scan.past_unknown {
        stored["past_unknown"] = json!(true);
    }
    if let Some(refusal) = scan.refused {
        stored["refused"] = json!(refusal);
    }
    if let Some(undone_at) = scan.undone_at {
        stored["undone_at"] = json!(undone_at.as_millisecond());
    }
    stored
}

/// A plate as it is stored.
fn plate_item(plate: &Plate, now: Timestamp) -> HashMap<String, AttributeValue> {
    let Plate { mess_id, sitting, diner, admitted, scans } = plate;
    let mut record = json!({
        "kind": "plate", "mess_id": mess_id, "date": sitting.date, "meal": sitting.meal,
        "tries": scans.len(), "actor": "test", "request_id": "test",
        "changed_at": now.as_millisecond(),
    });
    if let Some(diner) = diner {
        record["diner"] = json!(diner);
    }
    if let Some(admitted) = admitted {
        record["admitted"] = json!(admitted);
    }
    for (key, scan) in scans {
        record[format!("scan#{}", key.as_str())] = scan_attribute(scan);
    }
    let first = scans.keys().next().expect("a plate has a scan");
    let key = match diner {
        Some(diner) => keys::plate(mess_id, *sitting, &diner.account_id.account_part()),
        None => keys::stray(mess_id, *sitting, first),
    };
    let mut item: HashMap<String, AttributeValue> =
        serde_dynamo::to_item(record).expect("plain data");
    item.extend(key.attributes());
    item
}

/// Signs a code with the deployment's secret.
pub fn sign(mess: &MessId, code: &Code) -> String {
    MessKey::derive(QR_KEY.as_bytes(), mess, code.kid).sign(mess, code)
}

fn period(from: &str, to: &str, more: (&str, AttributeValue)) -> AttributeValue {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let members = [("from", text(from)), ("to", text(to)), more];
    AttributeValue::M(HashMap::from(members.map(|(name, value)| (name.to_owned(), value))))
}
