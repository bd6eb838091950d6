//! The counter on the deployed stack: a device with a staff token, a student with a picture,
//! and every right that its functions have. What is decided, and why, is proven in
//! [`crate::api`].

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::qr::{Code, Kid, MessKey, Nonce};
use thali_platform::store::keys;

use super::{Stack, Student, eventually};
use crate::support::{Call, verdict};

/// The smallest PNG that there is: one pixel.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

impl Stack {
    /// A new staff token of an owner's mess: its id and its text.
    pub(super) async fn staff_token(&self, owner: &Student) -> (String, String) {
        let body = json!({ "name": "Gate 1", "expires_in_days": 1 });
        let call = Call::post("/api/v1/staff-tokens", &body).bearer(&owner.token);
        let made = self.send(call).await.expect(201);
        (made.text("staff_token_id").to_owned(), made.text("token").to_owned())
    }

    /// The secret from which the keys of codes follow.
    async fn qr_key(&self) -> String {
        let client = aws_sdk_secretsmanager::Client::new(&self.aws().await);
        let name = format!("thali/{}/keys", self.variable("STAGE"));
        let answer = client.get_secret_value().secret_id(name).send().await.expect("it is there");
        let text = answer.secret_string.expect("it is text");
        let keys: Value = serde_json::from_str(&text).expect("it is JSON");
        keys["qr_key"].as_str().expect("it has the key").to_owned()
    }

    /// Changes an attribute of a student as the counter knows them; answers their nonce.
    async fn set_member(&self, student: &Student, attribute: &str, value: Value) -> Nonce {
        let (mess, account) = (mess(student), account(student));
        let value: AttributeValue = serde_dynamo::to_attribute_value(value).expect("plain data");
        let request = aws_sdk_dynamodb::Client::new(&self.aws().await)
            .update_item()
            .table_name(self.name("meals"))
            .set_key(Some(keys::member(&mess, account).attributes()))
            .update_expression("SET #attribute = :value")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", value)
            .return_values("ALL_NEW".into());
        let item = request.send().await.expect("the student is there").attributes;
        let nonce = item.expect("all of it")["qr_nonce"].as_s().expect("a text").clone();
        Nonce::parse(&nonce).expect("a nonce")
    }

    /// Uploads a picture; answers its key.
    async fn picture(&self, student: &Student) -> String {
        let body = json!({ "content_type": "image/png", "content_length": PNG.len() });
        let call = Call::post("/student/profile/picture", &body).bearer(&student.token);
        let asked = self.send(call).await.expect(201);
        let upload = &asked.body["upload"];
        let mut request = self.http.put(upload["url"].as_str().expect("an address"));
        for (name, value) in upload["headers"].as_object().expect("headers") {
            if name != "content-length" {
                request = request.header(name, value.as_str().expect("text"));
            }
        }
        let uploaded = request.body(PNG.to_vec()).send().await.expect("the bucket answers");
        assert!(uploaded.status().is_success());
        asked.text("picture_key").to_owned()
    }

    async fn scan(&self, token: &str, body: &Value) -> Value {
        let call = Call::post("/api/v1/scanner/scan", body).bearer(token);
        self.send(call).await.expect(200).body
    }

    async fn picture_of(&self, scan: &Value) -> Vec<u8> {
        let url = scan["student"]["picture_url"].as_str().expect("an address");
        let answer = self.http.get(url).send().await.expect("the bucket answers");
        answer.error_for_status().expect("it is there").bytes().await.expect("bytes").to_vec()
    }
}

fn mess(student: &Student) -> MessId {
    MessId::parse(&student.mess_id).expect("an id")
}

fn account(student: &Student) -> AccountId {
    AccountId::parse(&student.account_id).expect("an id")
}

#[tokio::test]
async fn a_device_admits_a_student_sees_their_picture_takes_it_back_and_uploads() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let student = stack.student_of(&owner, "eater").await;
    let (_, device) = stack.staff_token(&owner).await;
    // One meal is served all day.
    let windows = json!({ "meal_windows": {
        "BREAKFAST": { "opens": "00:00", "closes": "00:01" },
        "DINNER": { "opens": "00:01", "closes": "00:02" },
        "LUNCH": { "opens": "00:02", "closes": "00:00" },
    } });
    let change = Call::patch("/api/v1/mess", &windows).bearer(&owner.token);
    stack.send(change).await.expect(200);
    let picture = stack.picture(&student).await;
    stack.set_member(&student, "picture_key", json!(picture)).await;
    let cycle = json!({ "from": "2020-01-01", "to": "2199-12-31", "state": "verified" });
    let cycles = json!({ "cyc_01J9ZB1Q8W4N6B7XTA0S2E5GHQ": cycle });
    let nonce = stack.set_member(&student, "cycles", cycles).await;
    let code = Code { account_id: account(&student), kid: Kid::FIRST, nonce };
    let key = MessKey::derive(stack.qr_key().await.as_bytes(), &mess(&student), Kid::FIRST);
    let code = key.sign(&mess(&student), &code);

    let lunch = json!({ "qr_data": code, "meal": "LUNCH", "nonce": "n1" });
    // The mess is read as it was a moment ago.
    let admitted = eventually("the student is admitted", async || {
        let nonce = format!("n{}", super::ulid_now());
        let scan = json!({ "qr_data": code, "meal": "LUNCH", "nonce": nonce });
        let scan = stack.scan(&device, &scan).await;
        (verdict(&scan) == "admitted").then_some(scan)
    })
    .await;
    assert_eq!(stack.picture_of(&admitted).await, PNG);
    let id = admitted["scan_id"].as_str().expect("an id");
    let undo = format!("/api/v1/scanner/scans/{id}/undo");
    let undo = stack.send(Call::post(&undo, &json!({})).bearer(&device)).await.expect(200);
    assert!(undo.body["undone_at"].is_string());
    assert_eq!(verdict(&stack.scan(&device, &lunch).await), "admitted");

    let (_, other) = stack.staff_token(&owner).await;
    let no_code = json!({ "qr_data": "hello", "meal": "LUNCH", "nonce": "n2" });
    assert_eq!(verdict(&stack.scan(&other, &no_code).await), "malformed_qr");
    let body = json!({ "scans": [lunch, no_code] });
    let upload = Call::post("/api/v1/scanner/scans", &body).bearer(&other);
    let uploaded = stack.send(upload.clone()).await.expect(200).body;
    let results = uploaded["results"].as_array().expect("a list");
    let verdicts: Vec<&str> = results.iter().map(verdict).collect();
    assert_eq!(verdicts, ["already_scanned", "malformed_qr"]);
    assert_eq!(uploaded["conflicts"].as_array().expect("a list").len(), 1);
    assert_eq!(stack.picture_of(&results[0]).await, PNG);
    let counts = Call::get("/api/v1/scanner/counts?meal=LUNCH").bearer(&device);
    assert_eq!(stack.send(counts).await.expect(200).body["admitted"], 1);
}
