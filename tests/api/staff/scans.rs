//! Scans over HTTP: every refusal reason, produced by its real cause.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::AccountId;
use thali_domain::mess::Meal;
use thali_domain::staff::refusals::Refusal;
use thali_domain::students::qr::{Code, Kid};

use crate::support::mess::sign;
use crate::support::{Call, TestApp, verdict};

fn in_a_moment(test: &TestApp) -> Timestamp {
    test.now() + SignedDuration::from_mins(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_student_is_admitted_once_per_meal_and_shown_by_name() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let body = json!({ "qr_data": code, "meal": "LUNCH", "device_info": "Pixel 7" });
    let admitted = test.scanned(gate.send(&body)).await;
    let now = test.now().to_string();
    let id = admitted["scan_id"].as_str().expect("an id");
    assert!(id.starts_with("scn_20260115L_") && id.ends_with(&asha.account_part()), "{id}");
    let expected = json!({
        "scan_id": id,
        "result": "admitted",
        "student": { "name": "asha" },
        "meal": "LUNCH",
        "date": "2026-01-15",
        "scanned_at": now,
    });
    assert_eq!(admitted, expected);

    test.advance(SignedDuration::from_mins(3));
    let second = test.scanned(door.scan(&code)).await;
    assert_eq!(verdict(&second), "already_scanned");
    assert_eq!(second["previous"], json!({ "scanned_at": now, "device": "Gate 1 (Pixel 7)" }));
    assert_eq!(second["student"], admitted["student"]);
    assert_ne!(second["scan_id"], id);

    // The student is admitted again at another meal and on another day.
    test.advance(SignedDuration::from_hours(7));
    let dinner = test.scanned(door.send(&json!({ "qr_data": code, "meal": "DINNER" }))).await;
    assert_eq!((verdict(&dinner), &dinner["date"]), ("admitted", &json!("2026-01-15")));
    test.advance(SignedDuration::from_hours(17));
    let lunch = test.scanned(door.scan(&code)).await;
    assert_eq!((verdict(&lunch), &lunch["date"]), ("admitted", &json!("2026-01-16")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logged_in_staff_member_can_scan() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let staff = test.staff("staff@example.com").await;
    let body = json!({ "qrData": code, "meal": "LUNCH", "deviceInfo": "own phone" });
    let scan = Call::post("/api/v1/scanner/scan", &body).bearer(&staff.token);
    assert_eq!(verdict(&test.scanned(scan.clone()).await), "admitted");
    let again = test.scanned(scan).await;
    let device = format!("{} (own phone)", staff.account_id);
    assert_eq!(again["previous"]["device"], device.as_str());
}

/// Makes `reason` apply to a student, from outside where possible; returns the code that the
/// student then shows.
pub(super) async fn cause(
    test: &TestApp,
    reason: Refusal,
    asha: AccountId,
    code: String,
) -> String {
    match reason {
        Refusal::MalformedQr => return "https://example.com/?v1|".to_owned(),
        Refusal::UnknownKey => test.rotate_key(test.now()).await,
        Refusal::InvalidSignature => {
            let end = if code.ends_with('A') { 'E' } else { 'A' };
            return format!("{}{end}", &code[..code.len() - 1]);
        }
        Refusal::UnknownStudent => {
            let nobody = AccountId::from_ulid(test.app.clock.ulid());
            let nonce = test.member(asha).await.qr_nonce;
            return test.code_with(nobody, Kid::FIRST, nonce);
        }
        Refusal::RevokedQr => test.reset_code(asha).await,
        Refusal::NotApproved => test.set_member_status(asha, AccountStatus::PendingApproval).await,
        Refusal::Blocked => test.set_member_status(asha, AccountStatus::Blocked).await,
        Refusal::MessClosed => test.close("2026-01-15", &[Meal::Lunch]).await,
        Refusal::OutsideMealWindow => test.serve(Meal::Lunch, "14:00", "15:00").await,
        Refusal::MessCut => {
            test.give_cut(asha, "2026-01-15", "2026-01-15", &[Meal::Lunch]).await;
        }
        Refusal::NoActiveCycle => {
            let key = thali_platform::store::keys::member(&test.mess_id, asha);
            let none = aws_sdk_dynamodb::types::AttributeValue::M(std::collections::HashMap::new());
            test.dynamo.set("meals", &key, "cycles", none).await;
        }
        Refusal::AlreadyScanned => {
            let device = test.device("Gate 0").await;
            assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "admitted");
        }
    }
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_names_its_reason_and_shows_only_a_verified_student() {
    for reason in Refusal::ALL.iter().copied() {
        let test = TestApp::start().await;
        test.lunch();
        let (asha, code) = test.eater("asha@example.com").await;
        let code = cause(&test, reason, asha, code).await;
        let refused = test.scanned(test.device("Gate 1").await.scan(&code)).await;
        assert_eq!(verdict(&refused), reason.as_str());
        let shown = refused["student"]["name"] == "asha";
        assert_eq!(shown, reason > Refusal::UnknownStudent, "{reason:?}: {refused}");
        assert_eq!(refused["previous"].is_object(), reason == Refusal::AlreadyScanned);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_of_two_neighbouring_refusal_reasons_is_returned() {
    for pair in Refusal::ALL.windows(2) {
        let [earlier, later] = pair else { unreachable!("windows of two") };
        // A status cannot be both not approved and blocked.
        if *earlier == Refusal::NotApproved {
            continue;
        }
        let test = TestApp::start().await;
        test.lunch();
        let (asha, code) = test.eater("asha@example.com").await;
        let code = cause(&test, *later, asha, code).await;
        let code = cause(&test, *earlier, asha, code).await;
        let refused = test.scanned(test.device("Gate 1").await.scan(&code)).await;
        assert_eq!(verdict(&refused), earlier.as_str(), "{earlier:?} and {later:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_student_is_not_approved() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    test.set_member_status(asha, AccountStatus::Rejected).await;
    let refused = test.scanned(test.device("Gate 1").await.scan(&code)).await;
    assert_eq!(verdict(&refused), "not_approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_another_mess_and_of_an_owner_are_refused() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, _) = test.eater("asha@example.com").await;
    let nonce = test.member(asha).await.qr_nonce;
    let elsewhere = Code { account_id: asha, kid: Kid::FIRST, nonce: nonce.clone() };
    let elsewhere = sign(&"mess_other".parse().expect("an id"), &elsewhere);
    let device = test.device("Gate 1").await;
    assert_eq!(verdict(&test.scanned(device.scan(&elsewhere)).await), "invalid_signature");
    let owner = test.owner("owner@example.com").await.account_id.parse().expect("an id");
    let owners = test.code_with(owner, Kid::FIRST, nonce);
    let refused = test.scanned(device.scan(&owners)).await;
    assert_eq!((verdict(&refused), &refused["student"]), ("unknown_student", &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_text_that_a_camera_reads_gets_a_result() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let long = "x".repeat(1_025);
    let longest = "ü".repeat(512);
    for read in ["", " ", "v1||||", "v1|acc_x|k1|n|s", "\u{0}\u{7}", "|", &long, &longest, "🍛"] {
        let refused = test.scanned(device.scan(read)).await;
        assert_eq!(verdict(&refused), "malformed_qr", "{read:?}");
        assert!(refused["scan_id"].as_str().is_some_and(|id| id.starts_with("scn_20260115L_")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_fields_of_a_scan_are_named() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let wrong = json!({
        "qr_data": 5, "meal": "TEA", "device_info": "two\nlines", "nonce": "a b",
        "scanned_at": "yesterday",
    });
    let fields = ["device_info", "meal", "nonce", "qr_data", "scanned_at"];
    assert_eq!(test.send(device.send(&wrong)).await.wrong_fields(), fields);
    assert_eq!(test.send(device.send(&json!({}))).await.wrong_fields(), ["meal", "qr_data"]);
    for (seconds, accepted) in [(-604_800, true), (-604_801, false), (120, true), (121, false)] {
        let at = test.now() + SignedDuration::from_secs(seconds);
        let body = json!({ "qr_data": "x", "meal": "LUNCH", "scanned_at": at.to_string() });
        let answer = test.send(device.send(&body)).await;
        if accepted {
            assert_eq!(answer.expect(200).text("scanned_at"), at.to_string());
        } else {
            assert_eq!(answer.wrong_fields(), ["scanned_at"], "{seconds}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_the_previous_key_is_valid_during_its_grace_period() {
    let test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let (_, late) = test.eater("binod@example.com").await;
    let device = test.device("Gate 1").await;
    test.rotate_key(in_a_moment(&test)).await;
    assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "admitted");
    test.advance(SignedDuration::from_mins(1));
    assert_eq!(verdict(&test.scanned(device.scan(&late)).await), "unknown_key");
    // A scan from before the end of the grace period is decided by its own time.
    let before = (test.now() - SignedDuration::from_secs(1)).to_string();
    let body = json!({ "qr_data": late, "meal": "LUNCH", "scanned_at": before });
    assert_eq!(verdict(&test.scanned(device.send(&body)).await), "admitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_after_midnight_belongs_to_the_day_the_meal_began() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let (binod, other) = test.eater("binod@example.com").await;
    test.serve(Meal::Dinner, "23:00", "01:00").await;
    // Binod's cut is on the 16th, so it does not cover the dinner that began on the 15th.
    test.give_cut(binod, "2026-01-16", "2026-01-16", &[Meal::Dinner]).await;
    test.give_cut(asha, "2026-01-14", "2026-01-14", &[Meal::Dinner]).await;
    let device = test.device("Gate 1").await;
    let dinner = |code: &str, at: &str| {
        device.send(&json!({ "qr_data": code, "meal": "DINNER", "scanned_at": at }))
    };
    test.advance(
        "2026-01-15T20:00:00Z".parse::<Timestamp>().expect("a time").duration_since(test.now()),
    );
    for (code, at, expected, date) in [
        (&code, "2026-01-15T22:59:59.999+05:30", "outside_meal_window", "2026-01-15"),
        (&code, "2026-01-16T00:10:00+05:30", "admitted", "2026-01-15"),
        (&code, "2026-01-15T23:10:00+05:30", "already_scanned", "2026-01-15"),
        (&code, "2026-01-15T00:10:00+05:30", "mess_cut", "2026-01-14"),
        (&other, "2026-01-16T00:10:00+05:30", "admitted", "2026-01-15"),
        (&other, "2026-01-16T01:00:00+05:30", "outside_meal_window", "2026-01-16"),
    ] {
        let scan = test.scanned(dinner(code, at)).await;
        assert_eq!((verdict(&scan), &scan["date"]), (expected, &json!(date)), "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meal_window_follows_local_time_across_a_clock_change() {
    let test = TestApp::start().await;
    let (asha, code) = test.eater("asha@example.com").await;
    let key = thali_platform::store::keys::mess(&test.mess_id);
    let zone = aws_sdk_dynamodb::types::AttributeValue::S("Europe/Berlin".to_owned());
    test.dynamo.set("meals", &key, "time_zone", zone).await;
    test.give_cycle(asha, "2026-03-01", "2026-03-31").await;
    test.serve(Meal::Breakfast, "01:30", "03:30").await;
    let device = test
        .device_until(&test.mess_id, "Gate 1", Timestamp::MAX - SignedDuration::from_hours(48))
        .await;
    test.advance(
        "2026-03-30T01:00:00Z".parse::<Timestamp>().expect("a time").duration_since(test.now()),
    );
    // On the 29th the clocks go from 02:00 to 03:00, so the window is only one hour long.
    for (at, expected) in [
        ("2026-03-29T00:29:59Z", "outside_meal_window"),
        ("2026-03-29T00:30:00Z", "admitted"),
        ("2026-03-29T01:29:59Z", "already_scanned"),
        ("2026-03-29T01:30:00Z", "outside_meal_window"),
        ("2026-03-29T23:30:00Z", "admitted"),
    ] {
        let body = json!({ "qr_data": code, "meal": "BREAKFAST", "scanned_at": at });
        assert_eq!(verdict(&test.scanned(device.send(&body)).await), expected, "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_returns_a_signed_url_of_the_picture() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    let picture = format!("pictures/{asha}/pic_01J9ZB1Q8W4N6B7XTA0S2E5GHQ.png");
    let key = thali_platform::store::keys::member(&test.mess_id, asha);
    let value = aws_sdk_dynamodb::types::AttributeValue::S(picture.clone());
    test.dynamo.set("meals", &key, "picture_key", value).await;
    let scan = test.scanned(test.device("Gate 1").await.scan(&code)).await;
    let url = scan["student"]["picture_url"].as_str().expect("an address");
    assert!(url.contains(&picture), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_uploads_counts_and_undo_work_without_redis() {
    let mut test = TestApp::start().await;
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    test.redis.stop();
    let admitted = test.scanned(device.scan_once(&code, "n1")).await;
    assert_eq!(verdict(&admitted), "admitted");
    assert_eq!(test.scanned(device.scan_once(&code, "n1")).await, admitted);
    assert_eq!(verdict(&test.scanned(device.scan(&code)).await), "already_scanned");
    let uploaded = test.scanned(device.upload(&[json!({ "qr_data": "x", "meal": "LUNCH" })])).await;
    assert_eq!(verdict(&uploaded["results"][0]), "malformed_qr");
    let counts = test.scanned(device.counts("")).await;
    assert_eq!(counts["admitted"], 1);
    let id = admitted["scan_id"].as_str().expect("an id");
    test.send(device.undo(id)).await.expect(200);
}
