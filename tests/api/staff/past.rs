//! Offline scans are judged by what held when they were made: what changed before their upload
//! does not turn a meal that was eaten into one that was not.

use jiff::Timestamp;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;

use super::uploads::{advance_to, evening, lunch_at, verdicts};
use crate::support::people::Student;
use crate::support::{Call, Device, TestApp, verdict};

impl TestApp {
    /// A new owner, whose session is valid now.
    pub(super) async fn owner_now(&self) -> Student {
        self.owner(&format!("owner-{}@example.com", self.app.clock.ulid()).to_lowercase()).await
    }

    /// An owner decides about a student now.
    pub(super) async fn decide(&self, account: AccountId, decision: &str) {
        let path = format!("/api/v1/students/{account}/{decision}");
        let owner = self.owner_now().await;
        self.send(Call::post(&path, &json!({})).bearer(&owner.token)).await.expect(200);
    }

    async fn patch_mess(&self, body: &Value) {
        let owner = self.owner_now().await;
        self.send(Call::patch("/api/v1/mess", body).bearer(&owner.token)).await.expect(200);
    }

    async fn rotate_now(&self, grace_hours: u16) {
        let body = json!({ "grace_hours": grace_hours });
        let owner = self.owner_now().await;
        let call = Call::post("/api/v1/qr/rotate", &body).bearer(&owner.token);
        self.send(call).await.expect(200);
    }

    /// Closes the mess for lunch of 15 January; returns the closure's id.
    async fn close_lunch(&self) -> String {
        let day = "2026-01-15";
        let body = json!({ "from": day, "to": day, "meals": ["LUNCH"], "reason": "No gas." });
        let owner = self.owner_now().await;
        let call = Call::post("/api/v1/closures", &body).bearer(&owner.token);
        self.send(call).await.expect(201).text("closure_id").to_owned()
    }

    /// Uploads lunches of 15 January at these local times; returns what became of them.
    async fn upload_lunches(&self, device: &Device, code: &str, times: &[&str]) -> Vec<String> {
        let scans: Vec<Value> = times.iter().map(|time| lunch_at(code, time, None)).collect();
        let uploaded = self.scanned(device.upload(&scans)).await;
        assert_eq!(uploaded["conflicts"], json!([]), "everything is known");
        verdicts(&uploaded).into_iter().map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_after_a_meal_does_not_refuse_its_offline_scan() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (binod, other) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:30:00");
    test.decide(asha, "block").await;
    test.decide(binod, "block").await;
    advance_to(&test, "14:00:00");
    // A device that is online sees the block at once, whatever its time says.
    let live = test.scanned(device.send(&lunch_at(&code, "13:00:00", None))).await;
    assert_eq!(verdict(&live), "blocked");
    test.decide(binod, "approve").await;
    evening(&test);
    let times = ["14:05:00", "13:30:00", "13:29:59"];
    let told = test.upload_lunches(&device, &code, &times).await;
    assert_eq!(told, ["blocked", "blocked", "admitted"], "also in the order of time");
    let told = test.upload_lunches(&device, &other, &["13:45:00", "14:00:00", "14:01:00"]).await;
    assert_eq!(told, ["blocked", "admitted", "already_scanned"]);

    let owner = test.owner_now().await;
    let path = "/api/v1/reports/headcount?date=2026-01-15";
    let counted = test.send(Call::get(path).bearer(&owner.token)).await.expect(200).body;
    let lunch = counted.to_string();
    assert!(lunch.contains("\"admitted\":2"), "{lunch}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_does_not_admit_who_waited_at_the_time() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    test.set_member_status(asha, thali_domain::accounts::identity::AccountStatus::PendingApproval)
        .await;
    let account = thali_platform::store::keys::account(asha);
    let waiting = aws_sdk_dynamodb::types::AttributeValue::S("pending_approval".to_owned());
    test.dynamo.set("accounts", &account, "status", waiting).await;
    advance_to(&test, "13:30:00");
    test.decide(asha, "approve").await;
    evening(&test);
    let told = test.upload_lunches(&device, &code, &["13:00:00", "13:31:00"]).await;
    assert_eq!(told, ["not_approved", "admitted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_counts_only_from_its_announcement_on() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let (_, other) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:30:00");
    let closure = test.close_lunch().await;
    assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "mess_closed");
    advance_to(&test, "14:00:00");
    let told = test.upload_lunches(&device, &code, &["13:29:59", "13:30:00"]).await;
    assert_eq!(told, ["admitted", "mess_closed"]);
    // A closure that is taken back counts as never announced.
    let owner = test.owner_now().await;
    let reopen = Call::new("DELETE", &format!("/api/v1/closures/{closure}")).bearer(&owner.token);
    test.send(reopen).await.expect(204);
    evening(&test);
    let told = test.upload_lunches(&device, &other, &["13:31:00"]).await;
    assert_eq!(told, ["admitted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_meal_window_does_not_refuse_what_was_served() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    evening(&test);
    let later = |opens: &str, closes: &str| json!({ "meal_windows": { "LUNCH": { "opens": opens, "closes": closes } } });
    test.patch_mess(&later("15:00", "16:00")).await;
    let live = test.scanned(device.send(&lunch_at(&code, "13:00:00", None))).await;
    assert_eq!(verdict(&live), "outside_meal_window", "online, today's settings hold");
    test.advance(jiff::SignedDuration::from_secs(1));
    test.patch_mess(&later("17:00", "18:00")).await;
    let told = test.upload_lunches(&device, &code, &["15:30:00", "12:29:59", "13:00:00"]).await;
    assert_eq!(told, ["outside_meal_window", "outside_meal_window", "admitted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_time_zone_moves_no_meal_to_another_day() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let account: AccountId = asha.account_id.parse().expect("an id");
    let cycle = test.upload_cycle(&asha, "2026-01-01", "2026-01-31").await;
    let verify = format!("/api/v1/payments/{cycle}/verify");
    let owner = test.owner_now().await;
    test.send(Call::post(&verify, &json!({})).bearer(&owner.token)).await.expect(200);
    let code = test.code_of(account).await;
    let device = test.device("Gate 1").await;
    evening(&test);
    // 13:00 of the 15th in Kolkata is 20:30 in Kiritimati, and lunch of nobody.
    test.patch_mess(&json!({ "time_zone": "Pacific/Kiritimati" })).await;
    let uploaded = test.scanned(device.upload(&[lunch_at(&code, "13:00:00", None)])).await;
    let scan = &uploaded["results"][0];
    assert_eq!((verdict(scan), &scan["date"]), ("admitted", &json!("2026-01-15")));
    assert_eq!(uploaded["conflicts"], json!([]));
    let counts = test.scanned(device.counts("?date=2026-01-15&meal=LUNCH")).await;
    assert_eq!(counts["admitted"], 1);

    let id = scan["scan_id"].as_str().expect("an id");
    let undone = test.scanned(device.undo(id)).await;
    assert_eq!(undone["date"], "2026-01-15");
    let again = test.scanned(device.upload(&[lunch_at(&code, "13:01:00", None)])).await;
    assert_eq!(verdicts(&again), ["admitted"], "after the undo, by the same schedule");
    let owner = test.owner_now().await;
    let statement = Call::get(&format!("/api/v1/cycles/{cycle}/statement")).bearer(&owner.token);
    let statement = test.send(statement).await.expect(200).body;
    let days = statement["by_day"].as_array().expect("a list");
    let day = days.iter().find(|day| day["date"] == "2026-01-15").expect("in the cycle");
    assert_eq!(day["meals"]["LUNCH"], "taken");
    assert_eq!(statement["meals_taken"]["LUNCH"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_and_a_cycle_count_from_their_own_times() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let unpaid = test.student("binod@example.com").await;
    let binod: AccountId = unpaid.account_id.parse().expect("an id");
    let other = test.code_of(binod).await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:30:00");
    let lunch = [thali_domain::mess::Meal::Lunch];
    test.give_cut(asha, "2026-01-15", "2026-01-15", &lunch).await;
    evening(&test);
    // A cycle that is verified later pays for its days all the same.
    test.give_cycle(binod, "2026-01-15", "2026-01-15").await;
    let told = test.upload_lunches(&device, &code, &["13:29:00", "13:31:00"]).await;
    assert_eq!(told, ["admitted", "mess_cut"]);
    assert_eq!(test.upload_lunches(&device, &other, &["13:00:00"]).await, ["admitted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_before_two_rotations_stay_valid_for_earlier_offline_scans() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let (_, other) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:00:00");
    test.rotate_now(1).await;
    advance_to(&test, "13:30:00");
    test.rotate_now(0).await;
    advance_to(&test, "14:10:00");
    assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "unknown_key");
    evening(&test);
    // The second rotation ended the grace time of the first.
    let told = test.upload_lunches(&device, &code, &["13:30:00", "13:29:59"]).await;
    assert_eq!(told, ["unknown_key", "admitted"]);
    assert_eq!(test.upload_lunches(&device, &other, &["12:45:00"]).await, ["admitted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codes_before_two_resets_stay_valid_for_earlier_scans() {
    let test = TestApp::start().await;
    let (asha, first) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    let mut codes = vec![first];
    for time in ["12:40:00", "13:10:00"] {
        advance_to(&test, time);
        test.reset_code(asha).await;
        codes.push(test.code_of(asha).await);
    }
    evening(&test);
    for (code, before, after) in
        [(&codes[0], "12:39:00", "12:40:00"), (&codes[1], "13:09:00", "13:10:00")]
    {
        let told = test.upload_lunches(&device, code, &[before, after]).await;
        let taken = if code == &codes[0] { "admitted" } else { "already_scanned" };
        assert_eq!(told, [taken, "revoked_qr"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_resets_remember_each_code_that_somebody_saw() {
    let test = std::sync::Arc::new(TestApp::start().await);
    let asha = test.student("asha@example.com").await;
    let account: AccountId = asha.account_id.parse().expect("an id");
    let first = test.member(account).await.qr_nonce;
    let reset = Call::post("/api/v1/students/me/qr/reset", &json!({})).bearer(&asha.token);
    for answer in test.send_together(vec![reset; 6]).await {
        answer.expect(200);
    }
    let member = test.member(account).await;
    let at: Timestamp = "2026-01-15T12:00:00+05:30".parse().expect("a time");
    let student = member.entitlement();
    assert_eq!(
        student.had_code(&first, at - jiff::SignedDuration::from_secs(1)),
        thali_domain::past::Holds::Yes
    );
    assert_ne!(member.qr_nonce, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_settings_remember_the_schedule_before_all_of_them() {
    let test = std::sync::Arc::new(TestApp::start().await);
    let gate = async || {
        let read = thali_platform::store::Consistency::Strong;
        test.app.store.gate_get(&test.mess_id, read).await.expect("read").expect("there")
    };
    let before = gate().await.mess;
    let owner = test.owner_now().await;
    test.advance(jiff::SignedDuration::from_secs(1));
    let patches = [
        json!({ "time_zone": "Asia/Dubai" }),
        json!({ "meal_windows": { "LUNCH": { "opens": "12:00", "closes": "13:00" } } }),
        json!({ "meal_windows": { "DINNER": { "opens": "20:00", "closes": "21:00" } } }),
        json!({ "time_zone": "Asia/Kathmandu", "name": "Everest" }),
    ];
    let calls = patches.iter().map(|body| Call::patch("/api/v1/mess", body).bearer(&owner.token));
    for answer in test.send_together(calls.collect()).await {
        answer.expect(200);
    }
    let after = gate().await;
    let (then, is_known) = after.mess_at(test.now() - jiff::SignedDuration::from_millis(1));
    assert!(is_known);
    assert_eq!(then.schedule(), before.schedule());
    assert_ne!(after.mess.schedule(), before.schedule());
    // A new price changes no schedule.
    let known = after.schedules.entries().len();
    test.advance(jiff::SignedDuration::from_secs(1));
    test.patch_mess(&json!({ "token_price_paise": 6_000 })).await;
    assert_eq!(gate().await.schedules.entries().len(), known);
}
