//! Uploading a payment: what is accepted and stored, what is refused, and what a retry returns.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::days::MealDate;
use thali_domain::ids::CycleId;
use thali_domain::meals::cycles::CYCLE_KEPT_DAYS;
use thali_domain::meals::entitlement::CycleState;
use thali_domain::meals::entitlement::OPEN_CYCLES_MAX;
use thali_platform::store::keys;

use super::{account_of, claim, decide, reject, upload, verify, with};
use crate::support::TestApp;
use crate::support::people::Student;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_records_a_pending_payment_that_entitles_to_nothing_yet() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let answer = test.send(upload(&asha, &claim("2026-01-16", "2026-02-14"))).await.expect(201);
    let id: CycleId = answer.text("payment_id").parse().expect("an id");
    assert_eq!(answer.body, json!({ "payment_id": id, "status": "pending" }));

    let item = test.dynamo.item("meals", &keys::cycle(&test.mess_id, id)).await;
    for (name, value) in [
        ("kind", json!("cycle")),
        ("account_id", json!(asha.account_id)),
        ("mess_id", json!("mess_demo")),
        ("cycle_status", json!("mess_demo#pending")),
        ("from", json!("2026-01-16")),
        ("to", json!("2026-02-14")),
        ("amount_paise", json!(300_000)),
        ("screenshot_url", json!("https://example.com/paid.png")),
        ("actor", json!(asha.account_id)),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
    let open = test.open_cycles(&asha).await;
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].0, open[0].1.state), (id, CycleState::Pending));
    assert_eq!(open[0].1.period, test.cycle(id).await.period);
    let today = MealDate::parse("2026-01-20").expect("a date");
    let member = test.member(account_of(&asha)).await;
    assert!(!member.entitlement().has_paid(today), "nobody has verified it");
    assert_eq!(member.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_in_rupees_are_converted_to_paise_exactly() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut day = MealDate::parse("2026-01-15").expect("a date");
    for (rupees, paise) in [
        (json!(1500), 150_000),
        (json!(1500.50), 150_050),
        (json!(1500.05), 150_005),
        (json!(0.01), 1),
        (json!(0.29), 29),
        (json!(100_000), 10_000_000),
        (json!(99_999.99), 9_999_999),
        (serde_json::from_str("1e3").expect("a number"), 100_000),
    ] {
        day = day.plus_days(1);
        let body = claim(&day.to_string(), &day.to_string());
        let body = with(body, json!({ "amount_paise": null, "amount": rupees }));
        let answer = test.send(upload(&asha, &body)).await.expect(201);
        let id = answer.text("payment_id").parse().expect("an id");
        assert_eq!(test.cycle(id).await.amount_paise.get(), paise, "{rupees}");
    }
    for refused in [
        json!(0),
        json!(0.001),
        json!(1500.505),
        json!(-1),
        json!(100_000.01),
        json!(1e300),
        json!("1500.50"),
        json!([1500]),
    ] {
        let body = with(claim("2026-03-01", "2026-03-31"), json!({ "amount_paise": null }));
        let answer = test.send(upload(&asha, &with(body, json!({ "amount": refused })))).await;
        assert_eq!(answer.wrong_fields(), ["amount"], "{refused}");
    }
    for refused in [json!(0), json!(10_000_001), json!(-5), json!(1500.5), json!("1500")] {
        let body = with(claim("2026-03-01", "2026-03-31"), json!({ "amount_paise": refused }));
        assert_eq!(test.send(upload(&asha, &body)).await.wrong_fields(), ["amount_paise"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amount_and_screenshot_must_each_be_given_exactly_once() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let key = format!("screenshots/{}/pic_01J9Z6V3KQ4N6B7XTA0S2E5GHQ.png", asha.account_id);
    for (changed, wrong) in [
        (json!({ "amount_paise": null }), vec!["amount_paise"]),
        (json!({ "amount": 3000 }), vec!["amount"]),
        (json!({ "screenshot_url": null }), vec!["screenshot_key"]),
        (json!({ "screenshot_key": key }), vec!["screenshot_url"]),
        (
            json!({ "amount_paise": null, "screenshot_url": null, "cycle_end": null }),
            vec!["amount_paise", "cycle_end", "screenshot_key"],
        ),
        (json!({ "screenshot_url": "http://example.com/paid.png" }), vec!["screenshot_url"]),
        (json!({ "screenshot_url": "https://bank.test@evil.test/" }), vec!["screenshot_url"]),
        (json!({ "student": "somebody" }), vec!["student"]),
    ] {
        let body = with(claim("2026-01-16", "2026-02-14"), changed);
        assert_eq!(test.send(upload(&asha, &body)).await.wrong_fields(), wrong, "{body}");
    }
    let old = json!({
        "cycleStart": "2026-01-16",
        "cycleEnd": "2026-02-14",
        "amountPaise": 300_000,
        "screenshotUrl": "https://example.com/paid.png",
    });
    test.send(upload(&asha, &old)).await.expect(201);
    let both = with(old, json!({ "amount": 3000 }));
    assert_eq!(test.send(upload(&asha, &both)).await.wrong_fields(), ["amount"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_cycle_days_are_refused_by_the_calendar_of_the_mess() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    for (from, to, wrong) in [
        ("2026-02-30", "2026-03-01", "cycle_start"),
        ("2026-2-1", "2026-03-01", "cycle_start"),
        ("2026-03-01", "2026-02-28", "cycle_end"),
        ("2026-01-16", "2026-07-21", "cycle_end"),
        ("2025-10-14", "2025-10-31", "cycle_start"),
        ("2027-01-17", "2027-01-31", "cycle_start"),
    ] {
        let answer = test.send(upload(&asha, &claim(from, to))).await;
        assert_eq!(answer.wrong_fields(), [wrong], "{from} {to}");
    }
    for (from, to) in
        [("2025-10-15", "2025-10-31"), ("2026-01-16", "2026-07-20"), ("2027-01-16", "2027-01-16")]
    {
        test.send(upload(&asha, &claim(from, to))).await.expect(201);
    }
    // 23:30 UTC is the next day in Kolkata, so the last allowed day is one day later, too.
    test.advance(SignedDuration::from_hours(17));
    let asha = test.log_in_again(&asha).await;
    test.send(upload(&asha, &claim("2027-01-17", "2027-01-17"))).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_cycles_share_a_day_only_if_one_is_rejected() {
    let test = TestApp::start().await;
    let (asha, ravi) =
        (test.student("asha@example.com").await, test.student("ravi@example.com").await);
    let owner = test.owner("owner@example.com").await;
    let id = test.upload_cycle(&asha, "2026-02-01", "2026-02-28").await;
    let overlapping =
        [("2026-02-28", "2026-03-30"), ("2026-01-10", "2026-02-01"), ("2026-02-05", "2026-02-05")];
    for (from, to) in overlapping {
        let refused = test.send(upload(&asha, &claim(from, to))).await;
        assert_eq!(refused.problem(409), "cycle_overlap");
        assert_eq!(refused.body["payment_id"], json!(id));
        assert_eq!(refused.body["cycle_start"], "2026-02-01");
        assert_eq!(refused.body["cycle_end"], "2026-02-28");
        assert_eq!(refused.body["payment_status"], "pending");
    }
    test.send(verify(&owner, id)).await.expect(200);
    let refused = test.send(upload(&asha, &claim("2026-02-28", "2026-03-30"))).await;
    assert_eq!(refused.problem(409), "cycle_overlap");
    assert_eq!(refused.body["payment_status"], "verified");
    // Adjacent days are free, and another student may have the same days.
    let next = test.upload_cycle(&asha, "2026-03-01", "2026-03-31").await;
    test.upload_cycle(&ravi, "2026-02-01", "2026-02-28").await;
    test.send(reject(&owner, next)).await.expect(200);
    test.upload_cycle(&asha, "2026-03-15", "2026-04-15").await;
    assert_eq!(test.states(&asha).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_returns_the_first_upload_and_refuses_another_body() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let body = claim("2026-01-16", "2026-02-14");
    let keyed_by = |student: &Student, body: &Value| {
        upload(student, body).header("idempotency-key", "cycle-1")
    };
    let keyed = |body: &Value| keyed_by(&asha, body);
    let first = test.send(keyed(&body)).await.expect(201);
    assert_eq!(first.header("idempotent-replay"), "");
    let in_rupees = with(body.clone(), json!({ "amount_paise": null, "amount": 3000.00 }));
    for again in [&body, &in_rupees] {
        let answer = test.send(keyed(again)).await.expect(201);
        assert_eq!(answer.header("idempotent-replay"), "true");
        assert_eq!(answer.body, first.body);
    }
    let id = first.text("payment_id").parse().expect("an id");
    test.send(decide(&owner, id, "reject", &json!({}))).await.expect(200);
    assert_eq!(test.send(keyed(&body)).await.expect(201).body, first.body, "the first result");
    for changed in [
        json!({ "amount_paise": 300_001 }),
        json!({ "cycle_end": "2026-02-15" }),
        json!({ "screenshot_url": "https://example.com/other.png" }),
    ] {
        let refused = test.send(keyed(&with(body.clone(), changed))).await;
        assert_eq!(refused.problem(409), "idempotency_key_reused");
    }
    test.advance(SignedDuration::from_hours(24));
    let asha = test.log_in_again(&asha).await;
    let later = test.send(keyed_by(&asha, &body)).await.expect(201);
    assert_ne!(later.body, first.body, "a key is forgotten after a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn cycles_that_ended_long_ago_leave_the_counter_but_can_be_decided() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let old = test.upload_cycle(&asha, "2026-01-01", "2026-01-31").await;
    let pending = test.upload_cycle(&asha, "2026-02-01", "2026-02-01").await;
    test.send(verify(&owner, old)).await.expect(200);
    test.advance(SignedDuration::from_hours(24 * i64::from(CYCLE_KEPT_DAYS + 30)));
    let asha = test.log_in_again(&asha).await;
    let owner = test.log_in_again(&owner).await;
    let new = test.upload_cycle(&asha, "2026-06-01", "2026-06-30").await;
    let open: Vec<CycleId> = test.open_cycles(&asha).await.into_iter().map(|it| it.0).collect();
    assert_eq!(open, [new]);
    let item = test.dynamo.item("meals", &keys::cycle(&test.mess_id, old)).await;
    assert_eq!(item["status"], "verified", "the record stays");
    test.send(verify(&owner, pending)).await.expect(200);
    assert_eq!(test.open_cycles(&asha).await.len(), 1, "it stays forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_knows_a_limited_number_of_cycles_per_student() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let owner = test.owner("owner@example.com").await;
    let mut day = MealDate::parse("2026-01-15").expect("a date");
    let mut first = None;
    for _ in 0..OPEN_CYCLES_MAX {
        test.advance(SignedDuration::from_millis(1));
        let id = test.upload_cycle(&asha, &day.to_string(), &day.to_string()).await;
        first.get_or_insert(id);
        day = day.plus_days(1);
    }
    let more = upload(&asha, &claim(&day.to_string(), &day.to_string()));
    let refused = test.send(more.clone()).await;
    assert_eq!(refused.problem(409), "cycle_limit");
    let reject = reject(&owner, first.expect("there are some"));
    test.send(reject).await.expect(200);
    test.send(more).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_creates_a_missing_member_item() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.dynamo.take("meals", &keys::member(&test.mess_id, account_of(&asha))).await;
    test.send(upload(&asha, &claim("2026-01-16", "2026-02-14"))).await.expect(201);
    assert_eq!(test.open_cycles(&asha).await.len(), 1);
}
