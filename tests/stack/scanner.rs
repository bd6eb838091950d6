//! The counter on the deployed stack: a device with a staff token, a student with a picture, and
//! the rights of the functions involved. The decisions themselves are tested in [`crate::api`].

use serde_json::{Value, json};

use super::accounts::PNG;
use super::{Stack, Student, eventually};
use crate::support::{Call, verdict};

impl Stack {
    /// Creates a staff token of an owner's mess. Returns its id and its text.
    pub(super) async fn staff_token(&self, owner: &Student, name: &str) -> (String, String) {
        let body = json!({ "name": name, "expires_in_days": 1 });
        let call = Call::post("/api/v1/staff-tokens", &body).bearer(&owner.token);
        let made = self.send(call).await.expect(201);
        (made.text("staff_token_id").to_owned(), made.text("token").to_owned())
    }

    /// Sends a scan. Returns its outcome.
    pub(super) async fn scan(&self, token: &str, body: &Value) -> Value {
        let call = Call::post("/api/v1/scanner/scan", body).bearer(token);
        self.send(call).await.expect(200).body
    }

    async fn picture_of(&self, scan: &Value) -> Vec<u8> {
        let url = scan["student"]["picture_url"].as_str().expect("an address");
        let answer = self.http.get(url).send().await.expect("the bucket answers");
        answer.error_for_status().expect("it is there").bytes().await.expect("bytes").to_vec()
    }
}

#[tokio::test]
async fn a_device_admits_a_student_sees_the_picture_undoes_and_uploads() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let student = stack.student_of(&owner, "eater").await;
    let (_, device) = stack.staff_token(&owner, "Gate 1").await;
    let date = stack.serve_lunch(&owner).await;
    stack.pay_verified_cycle(&owner, &student, &date).await;
    let address = stack.picture_address(&student, PNG.len()).await;
    assert!(stack.upload(&address, PNG).await.is_success());
    let code = stack.code(&student).await;
    eventually("the counter has the picture", async || {
        let scan = json!({ "qr_data": code, "meal": "DINNER" });
        let scan = stack.scan(&device, &scan).await;
        scan["student"]["picture_url"].is_string().then_some(())
    })
    .await;

    let lunch = json!({ "qr_data": code, "meal": "LUNCH", "nonce": "n1" });
    let first = json!({ "qr_data": code, "meal": "LUNCH", "nonce": "n0" });
    let admitted = stack.scan(&device, &first).await;
    assert_eq!(verdict(&admitted), "admitted");
    assert_eq!(stack.picture_of(&admitted).await, PNG);
    let name = admitted["student"]["name"].as_str().expect("a name");
    let search = Call::new("GET", &format!("/api/v1/students/search?q={}", &name[..2]));
    let found = eventually("the index has the student", async || {
        let found = stack.send(search.clone().bearer(&owner.token)).await.expect(200).body;
        let items = found["items"].as_array().expect("a list").clone();
        items.into_iter().find(|item| item["name"] == name)
    })
    .await;
    assert_eq!(stack.picture_of(&json!({ "student": found })).await, PNG);
    let id = admitted["scan_id"].as_str().expect("an id");
    let undo = format!("/api/v1/scanner/scans/{id}/undo");
    let undo = stack.send(Call::post(&undo, &json!({})).bearer(&device)).await.expect(200);
    assert!(undo.body["undone_at"].is_string());
    assert_eq!(verdict(&stack.scan(&device, &lunch).await), "admitted");

    let (_, other) = stack.staff_token(&owner, "Gate 2").await;
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

#[tokio::test]
async fn a_device_gets_the_roster_and_overrides_a_refusal_of_a_named_student() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let student = stack.student_of(&owner, "unpaid").await;
    stack.serve_lunch(&owner).await;
    let allowed = Call::patch("/api/v1/mess", &json!({ "overrides": "allowed" }));
    stack.send(allowed.bearer(&owner.token)).await.expect(200);
    let (_, searcher) = stack.staff_token(&owner, "Gate 6").await;
    let (_, fresh) = stack.staff_token(&owner, "Gate 3").await;
    let roster = Call::get("/api/v1/scanner/roster").bearer(&fresh);
    let roster = roster.header("accept-encoding", "gzip");
    let answer = stack.send(roster.clone()).await.expect(200);
    assert_eq!(answer.header("content-encoding"), "gzip");
    let ids: Vec<&Value> = answer.body["items"].as_array().expect("a list").iter().collect();
    assert!(ids.iter().any(|item| item["account_id"] == student.account_id), "{ids:?}");
    let search = Call::get("/api/v1/students/search?q=un").bearer(&searcher);
    stack.send(search).await.expect(200);
    let known = roster.header("if-none-match", answer.header("etag"));
    stack.send(known).await.expect(304);

    let (_, device) = stack.staff_token(&owner, "Gate 4").await;
    let named = json!({ "account_id": student.account_id, "meal": "LUNCH", "nonce": "n1" });
    let refused = stack.scan(&device, &named).await;
    assert_eq!(verdict(&refused), "no_active_cycle");
    let dry = json!({ "account_id": student.account_id, "meal": "LUNCH", "dry_run": true });
    assert_eq!(verdict(&stack.scan(&device, &dry).await), "no_active_cycle");
    let id = refused["scan_id"].as_str().expect("an id");
    let path = format!("/api/v1/scanner/scans/{id}/override");
    let body = json!({ "reason": "A guest of the warden" });
    let (_, other) = stack.staff_token(&owner, "Gate 5").await;
    let foreign = stack.send(Call::post(&path, &body).bearer(&other)).await;
    assert_eq!(foreign.problem(404), "scan_not_found");
    let admitted = stack.send(Call::post(&path, &body).bearer(&device)).await.expect(200);
    assert_eq!(verdict(&admitted.body), "admitted");
}
