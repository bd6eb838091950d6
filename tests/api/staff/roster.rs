//! The roster over HTTP: what it says of each student, its pages, its tag, and its compression.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::mess::{Approval, Meal};
use thali_domain::students::qr::Kid;
use thali_platform::http::Page;

use crate::support::{Call, TestApp, verdict};

/// The hash of a code, computed as the documentation says.
fn hash(qr_data: &str) -> String {
    use base64::Engine;
    use sha2::Digest;
    let digest = sha2::Sha256::digest(qr_data.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest[..16])
}

#[track_caller]
fn item(roster: &Value, account: AccountId) -> &Value {
    let items = roster["items"].as_array().expect("a list");
    let found = items.iter().find(|item| item["account_id"] == account.to_string());
    found.unwrap_or_else(|| panic!("{account} in {roster}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_says_which_meals_each_student_may_have() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let asha = test.student("asha@example.com").await;
    let account: AccountId = asha.account_id.parse().expect("an id");
    test.give_cycle(account, "2026-01-01", "2026-01-16").await;
    test.give_cut(account, "2026-01-16", "2026-01-16", &[Meal::Dinner]).await;
    test.close("2026-01-15", &[Meal::Dinner]).await;
    let qr = Call::get("/api/v1/students/me/qr").bearer(&asha.token);
    let qr_data = test.send(qr).await.expect(200).text("qr_data").to_owned();
    let roster = test.scanned(gate.roster()).await;
    let unpaid = "no_active_cycle";
    let expected = json!({
        "code_hash": hash(&qr_data),
        "account_id": account,
        "name": "asha",
        "meals": {
            "2026-01-16": { "DINNER": "mess_cut" },
            "2026-01-17": { "BREAKFAST": unpaid, "LUNCH": unpaid, "DINNER": unpaid },
        },
    });
    assert_eq!(roster["items"], json!([expected]));
    let days: Vec<&Value> = roster["days"].as_array().expect("a list").iter().collect();
    let dates: Vec<&Value> = days.iter().map(|day| &day["date"]).collect();
    assert_eq!(dates, ["2026-01-15", "2026-01-16", "2026-01-17"]);
    let closed = |day: &Value| day["meals"]["DINNER"]["closed"].clone();
    assert_eq!(days.iter().map(|day| closed(day)).collect::<Vec<_>>(), [true, false, false]);
    let spans = json!([
        { "from": "2026-01-14T18:30:00Z", "until": "2026-01-15T07:00:00Z", "served": false },
        { "from": "2026-01-15T07:00:00Z", "until": "2026-01-15T09:00:00Z", "served": true },
        { "from": "2026-01-15T09:00:00Z", "until": "2026-01-15T18:30:00Z", "served": false },
    ]);
    assert_eq!(days[0]["meals"]["LUNCH"]["spans"], spans);
    assert_eq!(roster["generated_at"], test.now().to_string());
    assert_eq!(roster["valid_until"], "2026-01-16T07:00:00Z");

    // Whoever has eaten is known at all counters; after an undo they may eat again.
    let admitted = test.scanned(test.device("Gate 2").await.scan(&qr_data)).await;
    assert_eq!(verdict(&admitted), "admitted");
    let eaten = test.scanned(gate.roster()).await;
    let lunch = json!({ "LUNCH": "already_scanned" });
    assert_eq!(item(&eaten, account)["meals"]["2026-01-15"], lunch);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_admission_is_no_longer_in_the_roster() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let (asha, code) = test.eater("asha@example.com").await;
    let before = test.scanned(gate.roster()).await;
    let admitted = test.scanned(gate.scan(&code)).await;
    test.scanned(gate.undo(admitted["scan_id"].as_str().expect("an id"))).await;
    let after = test.scanned(gate.roster()).await;
    assert_eq!(item(&after, asha), item(&before, asha));
    assert_eq!(item(&after, asha)["meals"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_students_who_can_have_a_code_are_in_the_roster() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, _) = test.eater("asha@example.com").await;
    let (binod, _) = test.eater("binod@example.com").await;
    let (chitra, _) = test.eater("chitra@example.com").await;
    test.set_member_status(asha, AccountStatus::Blocked).await;
    test.set_member_status(binod, AccountStatus::PendingApproval).await;
    test.set_member_status(chitra, AccountStatus::Rejected).await;
    test.owner("owner@example.com").await;
    let roster = test.scanned(test.device("Gate 1").await.roster()).await;
    let code = test.code_of(asha).await;
    let blocked = json!({
        "code_hash": hash(&code), "account_id": asha, "name": "asha",
        "refused": "blocked", "meals": {},
    });
    assert_eq!(roster["items"], json!([blocked]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_has_nothing_from_which_a_code_can_be_made() {
    let test = TestApp::start().await;
    test.lunch();
    let (asha, code) = test.eater("asha@example.com").await;
    test.rotate_key(test.now() + SignedDuration::from_hours(1)).await;
    let roster = test.scanned(test.device("Gate 1").await.roster()).await.to_string();
    assert!(roster.contains(&hash(&code)), "the roster knows the code");
    let nonce = test.member(asha).await.qr_nonce.to_string();
    for secret in [nonce.as_str(), code.rsplit('|').next().expect("a signature")] {
        assert!(!roster.contains(secret), "{secret} in {roster}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn printed_codes_are_known_until_the_grace_time_ends() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let (asha, printed) = test.eater("asha@example.com").await;
    let until = test.now() + SignedDuration::from_hours(2);
    test.rotate_key(until).await;
    let nonce = test.member(asha).await.qr_nonce;
    let new = test.code_with(asha, Kid::FIRST.next(), nonce);
    let roster = test.scanned(gate.roster()).await;
    assert_eq!(roster["previous_codes_until"], until.to_string());
    let known = item(&roster, asha);
    assert_eq!(
        (&known["code_hash"], &known["previous_code_hash"]),
        (&json!(hash(&new)), &json!(hash(&printed)),)
    );
    test.advance(SignedDuration::from_hours(2));
    let roster = test.scanned(gate.roster()).await;
    assert_eq!(
        (&roster["previous_codes_until"], &item(&roster, asha)["previous_code_hash"]),
        (&Value::Null, &Value::Null,)
    );
    // A reset code is unknown to the device.
    test.reset_code(asha).await;
    let roster = test.scanned(gate.roster()).await;
    assert_ne!(item(&roster, asha)["code_hash"], hash(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_roster_is_sent_once_an_hour() {
    let test = TestApp::start().await;
    test.lunch();
    let gate = test.device("Gate 1").await;
    let (_, code) = test.eater("asha@example.com").await;
    let first = test.send(gate.roster()).await.expect(200);
    let tag = first.header("etag").to_owned();
    let again = || gate.roster().header("if-none-match", &tag);
    test.advance(SignedDuration::from_mins(29));
    let unchanged = test.send(again()).await.expect(304);
    assert_eq!((unchanged.header("etag"), unchanged.bytes.len()), (tag.as_str(), 0));
    assert_eq!(test.send(gate.roster()).await.expect(200).header("etag"), tag);
    test.advance(SignedDuration::from_mins(1));
    assert_ne!(test.send(again()).await.expect(200).header("etag"), tag);
    let later = test.send(gate.roster()).await.expect(200);
    test.scanned(gate.scan(&code)).await;
    let changed = gate.roster().header("if-none-match", later.header("etag"));
    test.send(changed).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_is_compressed_for_clients_that_take_gzip() {
    let test = TestApp::start().await;
    let gate = test.device("Gate 1").await;
    test.crowd(20, 0).await;
    let plain = test.send(gate.roster()).await.expect(200);
    assert_eq!(plain.header("content-encoding"), "");
    let call = gate.roster().header("accept-encoding", "gzip, deflate, br");
    let compressed = test.send(call.clone()).await.expect(200);
    assert_eq!(compressed.header("content-encoding"), "gzip");
    assert_eq!(compressed.body, plain.body);
    assert_eq!(compressed.header("etag"), plain.header("etag"));
    assert_eq!(
        (plain.header("vary"), compressed.header("vary")),
        ("accept-encoding", "accept-encoding",)
    );
    let known = call.header("if-none-match", plain.header("etag"));
    assert_eq!(test.send(known).await.expect(304).header("content-encoding"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_in_the_order_of_accounts() {
    let test = TestApp::start().await;
    let gate = test.device("Gate 1").await;
    let mut accounts = Vec::new();
    for student in test.crowd(5, 0).await {
        accounts.push(student.account_id.parse::<AccountId>().expect("an id"));
    }
    accounts.sort();
    let (page, next) = test.app.store.members_page(&test.mess_id, None, 2).await.expect("read");
    assert_eq!(page.iter().map(|it| it.account_id).collect::<Vec<_>>(), accounts[..2]);
    assert_eq!(next, Some(accounts[1]));
    let cursor = Page::cursor(&accounts[1].to_string());
    let rest = Call::get(&format!("/api/v1/scanner/roster?cursor={cursor}")).bearer(&gate.token);
    let rest = test.scanned(rest).await;
    let ids = rest["items"].as_array().expect("a list").iter().map(|it| it["account_id"].clone());
    assert_eq!(
        ids.collect::<Vec<_>>(),
        accounts[2..].iter().map(|it| json!(it)).collect::<Vec<_>>()
    );
    assert_eq!(rest["next_cursor"], Value::Null);
    let (page, next) = test.app.store.members_page(&test.mess_id, next, 1_000).await.expect("read");
    assert_eq!((page.len(), next), (3, None));
    for query in ["cursor=x", "cursor=", "limit=5"] {
        let call = Call::get(&format!("/api/v1/scanner/roster?{query}")).bearer(&gate.token);
        let field = query.split('=').next().expect("a name");
        assert_eq!(test.send(call).await.wrong_fields(), [field], "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_get_the_roster_of_their_mess_also_without_redis() {
    let test = TestApp::start().await;
    test.crowd(2, 0).await;
    test.create_mess("mess_other", Approval::Automatic).await;
    let other: MessId = "mess_other".parse().expect("an id");
    let until = test.now() + SignedDuration::from_hours(1);
    let foreign = test.device_until(&other, "Gate 1", until).await;
    assert_eq!(test.scanned(foreign.roster()).await["items"], json!([]));
    let staff = test.staff("staff@example.com").await;
    let by_staff = Call::get("/api/v1/scanner/roster").bearer(&staff.token);
    let process = test.another_process(&[("REDIS_URL", "")]);
    let roster = test.send_to(&process, by_staff).await.expect(200);
    assert_eq!(roster.body["items"].as_array().expect("a list").len(), 2);
}
