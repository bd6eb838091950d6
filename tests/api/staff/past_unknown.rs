//! Offline scans of a time of which nobody knows any more what held: the student is admitted, and
//! an owner is told.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::AccountId;
use thali_domain::meals::entitlement::CODES_MAX;
use thali_domain::students::qr::{Kid, Nonce};
use thali_platform::store::keys;

use super::uploads::{advance_to, evening, lunch_at, verdicts};
use crate::support::{Call, STACK, TestApp};

impl TestApp {
    /// Removes attributes of a student's item, as if it were older than they are.
    async fn forget(&self, account: AccountId, attributes: &str) {
        let key = keys::member(&self.mess_id, account);
        let request = self.dynamo.client().update_item().table_name(format!("{STACK}-meals"));
        let request = request.set_key(Some(key.attributes()));
        request.update_expression(format!("REMOVE {attributes}")).send().await.expect("written");
    }

    /// The reasons of an upload's conflicts.
    fn reasons(uploaded: &Value) -> Vec<&str> {
        let conflicts = uploaded["conflicts"].as_array().expect("a list");
        conflicts.iter().map(|it| it["reason"].as_str().expect("a reason")).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_are_kept_admit_and_tell_the_owner() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:30:00");
    for decision in ["block", "approve"].repeat(3) {
        test.advance(SignedDuration::from_secs(10));
        test.decide(asha, decision).await;
    }
    evening(&test);
    test.settle().await;
    let scans = [lunch_at(&code, "13:10:00", Some("n2")), lunch_at(&code, "13:00:00", Some("n1"))];
    let uploaded = test.scanned(device.upload(&scans)).await;
    assert_eq!(verdicts(&uploaded), ["already_scanned", "admitted"]);
    let conflicts = json!([{
        "reason": "past_unknown",
        "scan_id": uploaded["results"][1]["scan_id"],
        "student": { "name": "asha" },
        "meal": "LUNCH",
        "date": "2026-01-15",
        "second": { "scanned_at": "2026-01-15T07:30:00Z", "device": "Gate 1" },
    }]);
    assert_eq!(uploaded["conflicts"], conflicts);
    assert_eq!(test.scanned(device.upload(&scans)).await, uploaded, "a repeat returns the same");
    // What changed last is known.
    let known = test.scanned(device.upload(&[lunch_at(&code, "13:30:55", None)])).await;
    assert_eq!((verdicts(&known), TestApp::reasons(&known)), (vec!["blocked"], vec![]));

    test.settle().await;
    let owner = test.owner_now().await;
    let told = test.list(&owner, "/owner/notifications", 100).await;
    let told: Vec<&Value> = told.iter().filter(|it| it["kind"] == "scan_conflict").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["reason"], &told[0]["previous"]), (&json!("past_unknown"), &Value::Null));
    assert_eq!(told[0]["scan"]["scan_id"], uploaded["results"][1]["scan_id"]);
    let file = "/api/v1/reports/scans.csv?from=2026-01-15&to=2026-01-15";
    let file = test.send(Call::get(file).bearer(&owner.token)).await.expect(200);
    let file = String::from_utf8(file.bytes).expect("text");
    assert_eq!(file.matches(",admitted,past_unknown,").count(), 1, "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_past_never_hides_a_reason_that_is_known() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    for decision in ["block", "approve"].repeat(3) {
        test.advance(SignedDuration::from_secs(10));
        test.decide(asha, decision).await;
    }
    for _ in 0..6 {
        test.advance(SignedDuration::from_secs(10));
        test.rotate_key(test.now()).await;
        test.reset_code(asha).await;
    }
    evening(&test);
    let last = if code.ends_with('A') { 'E' } else { 'A' };
    let forged = format!("{}{last}", &code[..code.len() - 1]);
    let future = (0..20).fold(Kid::FIRST, |kid, _| kid.next());
    let future = test.code_with(asha, future, test.member(asha).await.qr_nonce);
    // Noon is before the first change, and before lunch.
    let noon = "12:00:00";
    for (code, time, expected) in [
        (&forged, noon, "invalid_signature"),
        (&future, noon, "unknown_key"),
        (&code, noon, "outside_meal_window"),
        (&code, "13:00:00", "unknown_key"),
    ] {
        let uploaded = test.scanned(device.upload(&[lunch_at(code, time, None)])).await;
        assert_eq!((verdicts(&uploaded), TestApp::reasons(&uploaded)), (vec![expected], vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_codes_and_keys_admit_with_a_conflict() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (binod, other) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:00:00");
    for _ in 0..4 {
        test.advance(SignedDuration::from_secs(10));
        test.reset_code(asha).await;
    }
    evening(&test);
    let scan = lunch_at(&code, "12:59:00", None);
    let uploaded = test.scanned(device.upload(&[scan])).await;
    assert_eq!(verdicts(&uploaded), ["admitted"]);
    assert_eq!(TestApp::reasons(&uploaded), ["past_unknown"]);
    let late = test.scanned(device.upload(&[lunch_at(&code, "13:00:30", None)])).await;
    assert_eq!((verdicts(&late), TestApp::reasons(&late)), (vec!["revoked_qr"], vec![]));

    for _ in 0..6 {
        test.advance(SignedDuration::from_secs(10));
        test.rotate_key(test.now()).await;
    }
    let uploaded = test.scanned(device.upload(&[lunch_at(&other, "12:59:00", None)])).await;
    assert_eq!(verdicts(&uploaded), ["admitted"]);
    assert_eq!(TestApp::reasons(&uploaded), ["past_unknown"]);
    // A nonce that the student never had in this week is no matter of the key.
    let never = test.code_with(binod, Kid::FIRST, Nonce::from_random([9; 9]));
    let uploaded = test.scanned(device.upload(&[lunch_at(&never, "12:59:00", None)])).await;
    assert_eq!((verdicts(&uploaded), TestApp::reasons(&uploaded)), (vec!["revoked_qr"], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn students_blocked_before_history_was_kept_are_judged_by_the_last_write() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (binod, other) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:30:00");
    for account in [asha, binod] {
        test.decide(account, "block").await;
        test.forget(account, "was").await;
    }
    advance_to(&test, "14:00:00");
    test.decide(binod, "approve").await;
    evening(&test);
    for (code, time, expected, reasons) in [
        (&code, "13:31:00", "blocked", vec![]),
        (&code, "13:00:00", "admitted", vec!["past_unknown"]),
        (&other, "13:31:00", "blocked", vec![]),
        (&other, "13:00:00", "admitted", vec!["past_unknown"]),
        (&other, "14:01:00", "already_scanned", vec![]),
    ] {
        let uploaded = test.scanned(device.upload(&[lunch_at(code, time, None)])).await;
        assert_eq!((verdicts(&uploaded), TestApp::reasons(&uploaded)), (vec![expected], reasons));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_item_still_knows_the_code_before_its_reset() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    advance_to(&test, "13:00:00");
    let before = test.member(asha).await.qr_nonce;
    test.reset_code(asha).await;
    test.forget(asha, "codes").await;
    let key = keys::member(&test.mess_id, asha);
    let previous = AttributeValue::S(before.to_string());
    test.dynamo.set("meals", &key, "qr_previous", previous).await;
    evening(&test);
    for (time, expected) in [("12:59:00", "admitted"), ("13:00:00", "revoked_qr")] {
        let uploaded = test.scanned(device.upload(&[lunch_at(&code, time, None)])).await;
        assert_eq!((verdicts(&uploaded), TestApp::reasons(&uploaded)), (vec![expected], vec![]));
    }
    // The next reset stores the item anew.
    test.reset_code(asha).await;
    let member = test.member(asha).await;
    assert_eq!((member.qr_previous, member.codes.entries().len()), (None, CODES_MAX));
}
