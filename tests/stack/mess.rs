//! A day at a mess, on the deployed stack: a cycle is paid and verified, codes are scanned, scans
//! are undone and refused, meals are cut, the mess is closed, and the owner's reports show it all.

use serde_json::{Value, json};

use thali_platform::store::keys;

use super::{Stack, Student, eventually, ulid_now};
use crate::support::people::PASSWORD;
use crate::support::pictures::WITH_PLACE_PNG;
use crate::support::{Answer, Call, verdict};

/// The date `days` days after `date`, in the format of the API.
fn days_from(date: &str, days: i32) -> String {
    let date: jiff::civil::Date = date.parse().expect("a date");
    date.saturating_add(jiff::ToSpan::days(days)).to_string()
}

impl Stack {
    async fn get(&self, who: &Student, path: &str) -> Answer {
        self.send(Call::get(path).bearer(&who.token)).await.expect(200)
    }

    async fn post(&self, who: &Student, path: &str, body: &Value, status: u16) -> Answer {
        self.send(Call::post(path, body).bearer(&who.token)).await.expect(status)
    }

    /// Sets lunch to be served from six hours ago to six hours from now. Returns the day of the
    /// lunch that is being served now.
    pub(super) async fn serve_lunch(&self, owner: &Student) -> String {
        let now = jiff::Timestamp::now().in_tz("Asia/Kolkata").expect("a zone");
        let hours = |hours: i64| (&now + jiff::SignedDuration::from_hours(hours)).strftime("%H:%M");
        let lunch = json!({ "opens": hours(-6).to_string(), "closes": hours(6).to_string() });
        let body = json!({ "meal_windows": { "LUNCH": lunch } });
        self.send(Call::patch("/api/v1/mess", &body).bearer(&owner.token)).await.expect(200);
        (&now + jiff::SignedDuration::from_hours(-6)).date().to_string()
    }

    /// The code that a student shows.
    pub(super) async fn code(&self, student: &Student) -> String {
        self.get(student, "/api/v1/students/me/qr").await.text("qr_data").to_owned()
    }

    /// Sends a scan for lunch with a new nonce. Returns its outcome.
    async fn lunch(&self, token: &str, code: &str) -> Value {
        let body = json!({ "qr_data": code, "meal": "LUNCH", "nonce": ulid_now() });
        self.scan(token, &body).await
    }

    async fn refused(&self, token: &str, code: &str, reason: &str) {
        assert_eq!(verdict(&self.lunch(token, code).await), reason);
    }

    /// Uploads the payment of a cycle around `date`, with a screenshot. Returns the payment's id.
    pub(super) async fn pay_cycle(&self, student: &Student, date: &str) -> String {
        let address = self.screenshot_address(student).await;
        assert!(self.upload(&address, WITH_PLACE_PNG).await.is_success());
        self.claim_cycle(student, date, address.text("screenshot_key")).await
    }

    /// The address for the upload of a screenshot.
    pub(super) async fn screenshot_address(&self, student: &Student) -> Answer {
        let wanted = json!({ "content_type": "image/png", "content_length": WITH_PLACE_PNG.len() });
        self.post(student, "/api/v1/payments/upload-url", &wanted, 201).await
    }

    /// Claims that a cycle around `date` is paid, with an uploaded screenshot. Returns the
    /// payment's id.
    pub(super) async fn claim_cycle(&self, student: &Student, date: &str, key: &str) -> String {
        let body = json!({
            "cycle_start": days_from(date, -2),
            "cycle_end": days_from(date, 20),
            "amount_paise": 450_000,
            "screenshot_key": key,
        });
        let paid = self.post(student, "/api/v1/payments/upload", &body, 201).await;
        assert_eq!(paid.text("status"), "pending");
        paid.text("payment_id").to_owned()
    }

    /// Uploads and verifies the payment of a cycle around `date`. Returns the payment's id.
    pub(super) async fn pay_verified_cycle(
        &self,
        owner: &Student,
        student: &Student,
        date: &str,
    ) -> String {
        let payment = self.pay_cycle(student, date).await;
        let verify = format!("/api/v1/payments/{payment}/verify");
        self.post(owner, &verify, &json!({}), 200).await;
        payment
    }

    /// Waits until the owner's list has a notification of this kind.
    async fn notified(&self, owner: &Student, kind: &str) -> Value {
        eventually("the owner is notified", async || {
            let list = self.get(owner, "/owner/notifications").await;
            let items = list.body["items"].as_array().expect("a list").clone();
            items.into_iter().find(|item| item["kind"] == kind)
        })
        .await
    }

    async fn told(&self, email: &str, said: &str) {
        eventually("the student is notified", async || {
            let mails = self.mails_to(email).await;
            mails.iter().any(|mail| mail.contains(said)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_student_pays_eats_once_and_is_refused_with_the_right_reason() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let date = stack.serve_lunch(&owner).await;
    let asha = stack.student_of(&owner, "asha").await;
    let (counter_id, counter) = stack.staff_token(&owner, "Counter").await;
    let code = stack.code(&asha).await;
    stack.refused(&counter, &code, "no_active_cycle").await;

    let payment = stack.pay_cycle(&asha, &date).await;
    stack.refused(&counter, &code, "no_active_cycle").await;
    let uploaded = stack.notified(&owner, "payment_uploaded").await;
    assert_eq!(uploaded["payment_id"], json!(payment));
    let verify = format!("/api/v1/payments/{payment}/verify");
    stack.post(&owner, &verify, &json!({}), 200).await;
    let again = stack.send(Call::post(&verify, &json!({})).bearer(&owner.token)).await;
    assert_eq!(again.problem(409), "already_decided");
    stack.told(&asha.email, "verified").await;

    let first = stack.lunch(&counter, &code).await;
    assert_eq!((&first["result"], &first["date"]), (&json!("admitted"), &json!(date)));
    let second = stack.lunch(&counter, &code).await;
    assert_eq!(second["reason"], "already_scanned");
    assert_eq!(second["previous"]["device"], "Counter");
    let undo = format!("/api/v1/scanner/scans/{}/undo", first["scan_id"].as_str().expect("an id"));
    stack.send(Call::post(&undo, &json!({})).bearer(&counter)).await.expect(200);
    assert_eq!(stack.lunch(&counter, &code).await["result"], "admitted");

    let reset = stack.post(&asha, "/api/v1/students/me/qr/reset", &json!({}), 200).await;
    stack.refused(&counter, &code, "revoked_qr").await;
    stack.refused(&counter, reset.text("qr_data"), "already_scanned").await;
    stack.post(&owner, "/api/v1/qr/rotate", &json!({ "grace_hours": 0 }), 200).await;
    stack.refused(&counter, reset.text("qr_data"), "unknown_key").await;
    let code = stack.code(&asha).await;
    let block = format!("/api/v1/students/{}/block", asha.account_id);
    stack.post(&owner, &block, &json!({}), 200).await;
    stack.refused(&counter, &code, "blocked").await;

    let revoke = format!("/api/v1/staff-tokens/{counter_id}");
    stack.send(Call::new("DELETE", &revoke).bearer(&owner.token)).await.expect(204);
    let body = json!({ "qr_data": code, "meal": "LUNCH" });
    let refused = stack.send(Call::post("/api/v1/scanner/scan", &body).bearer(&counter)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
}

#[tokio::test]
async fn cuts_closures_uploads_and_reports_agree() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let date = stack.serve_lunch(&owner).await;
    let ravi = stack.student_of(&owner, "ravi").await;
    let payment = stack.pay_verified_cycle(&owner, &ravi, &date).await;

    // A cut in a week is made, counted and cancelled; for today it is too late.
    let week = days_from(&date, 7);
    let cut = json!({ "from": week, "to": week, "meals": ["LUNCH"] });
    let taken = stack.post(&ravi, "/api/v1/mess-cuts", &cut, 201).await;
    let headcount = format!("/api/v1/reports/headcount?date={week}");
    let planned = stack.get(&owner, &headcount).await.body["meals"]["LUNCH"].clone();
    assert_eq!(
        (&planned["entitled"], &planned["cut"], &planned["expected"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let cancel = format!("/api/v1/mess-cuts/{}", taken.text("cut_id"));
    stack.send(Call::new("DELETE", &cancel).bearer(&ravi.token)).await.expect(204);
    let late = json!({ "from": date, "to": date });
    let late = stack.send(Call::post("/api/v1/mess-cuts", &late).bearer(&ravi.token)).await;
    assert_eq!(late.problem(409), "cutoff_passed");

    // Two counters were offline, and each admitted the same student.
    let code = stack.code(&ravi).await;
    let now = jiff::Timestamp::now().to_string();
    for (name, conflicts) in [("First door", 0), ("Second door", 1)] {
        let (_, door) = stack.staff_token(&owner, name).await;
        let scan = json!({ "qr_data": code, "meal": "LUNCH", "scanned_at": now, "nonce": "1" });
        let call = Call::post("/api/v1/scanner/scans", &json!({ "scans": [scan] }));
        let answer = stack.send(call.bearer(&door)).await.expect(200).body;
        assert_eq!(answer["conflicts"].as_array().map(Vec::len), Some(conflicts), "{answer}");
    }
    stack.notified(&owner, "scan_conflict").await;

    // The mess closes: the student is notified and refused. Then it opens again.
    let closure = json!({ "from": date, "to": days_from(&date, 1), "reason": "No water today" });
    let closed = stack.post(&owner, "/api/v1/closures", &closure, 201).await;
    let (_, door) = stack.staff_token(&owner, "Third door").await;
    stack.refused(&door, &code, "mess_closed").await;
    stack.told(&ravi.email, "No water today").await;
    let reopen = format!("/api/v1/closures/{}", closed.text("closure_id"));
    stack.send(Call::new("DELETE", &reopen).bearer(&owner.token)).await.expect(204);
    stack.refused(&door, &code, "already_scanned").await;

    let today = stack.get(&owner, &format!("/api/v1/reports/headcount?date={date}")).await;
    assert_eq!(today.body["meals"]["LUNCH"]["admitted"], 1);
    let csv = stack.get(&owner, &format!("/api/v1/reports/scans.csv?from={date}&to={date}")).await;
    let rows = String::from_utf8(csv.bytes).expect("text");
    assert!(rows.starts_with("\u{feff}date,"), "{rows}");
    assert_eq!(rows.lines().count(), 1 + 4, "{rows}");
    let statement = stack.get(&ravi, &format!("/api/v1/cycles/{payment}/statement")).await;
    assert_eq!(statement.body["meals_taken"]["LUNCH"], 1);
    let path = format!("/api/v1/cycles/{payment}/statement?format=csv");
    let table = String::from_utf8(stack.get(&owner, &path).await.bytes).expect("text");
    assert!(table.contains(&date), "{table}");
    let dashboard = stack.get(&owner, "/owner/dashboard").await;
    assert_eq!(dashboard.body["pending_payments"], 0);
}

#[tokio::test]
async fn a_registered_student_is_approved_and_logs_in_after_a_password_reset() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let email = format!("meera-{}@example.com", ulid_now());
    let body = json!({
        "mess_id": owner.mess_id,
        "name": "Meera",
        "roll_no": format!("R{}", &ulid_now()[18..]),
        "room_no": "B-12",
        "phone": "+919876543210",
        "email": email,
    });
    let call = Call::post("/api/v1/students/register", &body);
    let registered = stack.send(call.clone()).await.expect(201).body["student"].clone();
    assert_eq!(registered["status"], "pending_approval");
    let again = stack.send(call).await.expect(201);
    assert_eq!(again.body["student"], registered, "the same registration gives the same student");
    let mut somebody_else = body.clone();
    somebody_else["phone"] = json!("+919876543211");
    let refused = stack.send(Call::post("/api/v1/students/register", &somebody_else)).await;
    assert_eq!(refused.problem(409), "roll_no_taken");
    stack.notified(&owner, "student_waiting").await;
    let id = registered["account_id"].as_str().expect("an id");
    stack.post(&owner, &format!("/api/v1/students/{id}/approve"), &json!({}), 200).await;

    let who = json!({ "mess_id": owner.mess_id, "email": email });
    stack.send(Call::post("/password-reset", &who)).await.expect(202);
    let code = stack.code_mailed(&email, 1).await;
    let mut reset = who.clone();
    reset["otp"] = json!(code);
    reset["new_password"] = json!(PASSWORD);
    stack.send(Call::post("/password-reset/confirm", &reset)).await.expect(204);
    let mut login = who;
    login["password"] = json!(PASSWORD);
    let meera = Student::of(&stack.send(Call::post("/login", &login)).await.expect(200));
    assert!(stack.code(&meera).await.contains(id));
}

/// Accounts from before the counter existed have no member item until they do something.
#[tokio::test]
async fn an_account_without_a_member_item_gets_one_on_first_use() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    let date = stack.serve_lunch(&owner).await;
    let asha = stack.student_of(&owner, "asha").await;
    let tables = aws_sdk_dynamodb::Client::new(&stack.aws().await);
    let (mess, id) =
        (asha.mess_id.parse().expect("a mess"), asha.account_id.parse().expect("an id"));
    let key = keys::member(&mess, id).attributes();
    let forget = || tables.delete_item().table_name(stack.name("meals")).set_key(Some(key.clone()));

    forget().send().await.expect("deleted");
    stack.code(&asha).await;
    forget().send().await.expect("deleted");
    stack.post(&asha, "/api/v1/students/me/qr/reset", &json!({}), 200).await;
    forget().send().await.expect("deleted");
    let day = days_from(&date, 9);
    stack.post(&asha, "/api/v1/mess-cuts", &json!({ "from": day, "to": day }), 201).await;
    forget().send().await.expect("deleted");
    stack.pay_cycle(&asha, &date).await;
}

#[tokio::test]
async fn the_stack_provides_a_staff_token_that_can_scan() {
    let stack = Stack::running();
    stack.refused(stack.variable("STAFF_TOKEN"), "not a code", "malformed_qr").await;
}
