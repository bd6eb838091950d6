//! What devices send around a code, and scans of an upload that cannot be taken: they are refused
//! in their place, and the others are recorded.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::uploads::{evening, lunch_at, verdicts};
use crate::support::{Call, TestApp, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn what_surrounds_a_code_does_not_matter() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let around =
        ["\r", "\n", "\r\n", "\t", " ", "\u{feff}", "\u{200b}", "\u{a0}", "\u{0}", "\u{1d}"];
    for (number, around) in around.iter().enumerate() {
        let (_, code) = test.eater(&format!("student{number}@example.com")).await;
        let sent = [format!("{around}{code}"), format!("{code}{around}")];
        let live = test.scanned(device.scan(&sent[number % 2])).await;
        assert_eq!(verdict(&live), "admitted", "{around:?}");
        let scans = sent.map(|sent| json!({ "qr_data": sent, "meal": "LUNCH" }));
        let uploaded = test.scanned(device.upload(&scans)).await;
        assert_eq!(verdicts(&uploaded), ["already_scanned"; 2], "{around:?}");
        let (first, second) = code.split_at(20);
        let inside = test.scanned(device.scan(&format!("{first}{around}{second}"))).await;
        assert_eq!(verdict(&inside), "malformed_qr", "{around:?}");
    }
    for nothing in ["", "\r\n", "\u{feff}", &" ".repeat(5_000)] {
        assert_eq!(verdict(&test.scanned(device.scan(nothing)).await), "malformed_qr");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_code_with_and_without_a_line_end_is_one_scan() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    evening(&test);
    let first = test.scanned(device.upload(&[lunch_at(&code, "13:00:00", None)])).await;
    for around in ["\r\n", "\u{feff}"] {
        let again = lunch_at(&format!("{code}{around}"), "13:00:00", None);
        assert_eq!(test.scanned(device.upload(&[again])).await, first);
    }
    let counts = test.scanned(device.counts("?meal=LUNCH")).await;
    assert_eq!((&counts["admitted"], &counts["refused"]), (&json!(1), &json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scan_that_cannot_be_taken_refuses_no_other() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    evening(&test);
    let good = |nonce: &str| lunch_at(&code, "13:00:00", Some(nonce));
    let with = |name: &str, value: Value| {
        let mut scan = good("bad");
        scan[name] = value;
        scan
    };
    let cases = [
        (
            with("scanned_at", json!("2026-01-07T13:00:00+05:30")),
            "scan_too_old",
            vec!["scanned_at"],
        ),
        (
            with("scanned_at", json!("2026-01-16T20:01:00+05:30")),
            "scan_in_future",
            vec!["scanned_at"],
        ),
        (with("meal", json!("SNACK")), "scan_invalid", vec!["meal"]),
        (with("scanned_at", json!("yesterday")), "scan_invalid", vec!["scanned_at"]),
        (with("scanned_at", json!(1_768_458_600)), "scan_invalid", vec!["scanned_at"]),
        (with("price", json!(1)), "scan_invalid", vec!["price"]),
        (with("nonce", json!("a b")), "scan_invalid", vec!["nonce"]),
        (with("qr_data", json!(null)), "scan_invalid", vec!["qr_data"]),
        (with("device_info", json!("x".repeat(101))), "scan_invalid", vec!["device_info"]),
        (json!({ "meal": "LUNCH" }), "scan_invalid", vec!["qr_data"]),
        (
            json!({ "qr_data": code, "meal": "TEA", "price": 1 }),
            "scan_invalid",
            vec!["meal", "price"],
        ),
        (json!([code, "LUNCH"]), "scan_invalid", vec![""]),
        (json!(null), "scan_invalid", vec![""]),
        (json!("scan"), "scan_invalid", vec![""]),
        (json!(5), "scan_invalid", vec![""]),
        (json!({}), "scan_invalid", vec!["meal", "qr_data"]),
        (
            with("account_id", json!("acc_01J9Z6V3KQ4N6B7XTA0S2E5GHQ")),
            "scan_invalid",
            vec!["account_id"],
        ),
        (with("dry_run", json!(true)), "scan_invalid", vec!["dry_run"]),
    ];
    let mut scans = vec![good("n1")];
    scans.extend(cases.iter().map(|(scan, ..)| scan.clone()));
    scans.push(good("n2"));
    let uploaded = test.scanned(device.upload(&scans)).await;
    let results = uploaded["results"].as_array().expect("a list");
    assert_eq!(results.len(), scans.len());
    assert_eq!(
        (verdict(&results[0]), verdict(&results[scans.len() - 1])),
        ("admitted", "already_scanned")
    );
    for (result, (scan, reason, fields)) in results[1..].iter().zip(&cases) {
        assert_eq!((verdict(result), result.get("scan_id")), (*reason, None), "{scan}");
        let errors = result["errors"].as_array().expect("a list");
        let named: Vec<&str> = errors.iter().filter_map(|it| it["field"].as_str()).collect();
        assert_eq!(&named, fields, "{scan}");
        let members: Vec<&String> = result.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["errors", "reason", "result"], "{scan}");
    }
    assert_eq!(test.scanned(device.upload(&scans)).await, uploaded, "a repeat returns the same");
    let counts = test.scanned(device.counts("?meal=LUNCH")).await;
    assert_eq!(counts["refused"], json!({ "already_scanned": 1 }), "nothing else is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_or_unreadable_member_refuses_only_its_own_scan() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    evening(&test);
    let good = lunch_at(&code, "13:00:00", None);
    for bad in [
        r#"{"qr_data": "x", "qr_data": "y", "meal": "LUNCH"}"#,
        r#"{"qr_data": "\ud800", "meal": "LUNCH"}"#,
        r#"{"qr_data": 1e999, "meal": "LUNCH"}"#,
    ] {
        let body = format!(r#"{{"scans": [{bad}, {good}]}}"#);
        let call = Call::post_raw("/api/v1/scanner/scans", "application/json", &body);
        let uploaded = test.scanned(call.bearer(&device.token)).await;
        assert_eq!(verdicts(&uploaded), ["scan_invalid", "admitted"], "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_body_that_is_no_upload_is_refused_as_a_whole() {
    let test = TestApp::start().await;
    test.lunch();
    let device = test.device("Gate 1").await;
    let good = json!({ "qr_data": "x", "meal": "LUNCH" });
    for scans in
        [json!([]), json!(vec![good.clone(); 101]), json!({ "0": good }), json!("x"), json!(null)]
    {
        let body = json!({ "scans": scans });
        let call = Call::post("/api/v1/scanner/scans", &body).bearer(&device.token);
        assert_eq!(test.send(call).await.wrong_fields(), ["scans"], "{scans}");
    }
    for (body, field) in [(json!({}), "scans"), (json!({ "scans": [good], "price": 1 }), "price")] {
        let call = Call::post("/api/v1/scanner/scans", &body).bearer(&device.token);
        assert_eq!(test.send(call).await.wrong_fields(), [field]);
    }
    let body = json!([good]);
    let call = Call::post("/api/v1/scanner/scans", &body).bearer(&device.token);
    assert_eq!(test.send(call).await.wrong_fields(), [""]);
    let many = test.scanned(device.upload(&vec![good.clone(); 100])).await;
    assert_eq!(verdicts(&many), ["malformed_qr"; 100]);
    // Nothing but scans that cannot be taken.
    let none = test.scanned(device.upload(&[json!(1), json!(2)])).await;
    assert_eq!(verdicts(&none), ["scan_invalid"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_ahead_of_time_is_taken_when_its_time_has_come() {
    let test = TestApp::start().await;
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    let scans = [lunch_at(&code, "13:00:00", Some("n1"))];
    let early = test.scanned(device.upload(&scans)).await;
    assert_eq!(verdicts(&early), ["scan_in_future"]);
    test.advance(SignedDuration::from_hours(1));
    assert_eq!(verdicts(&test.scanned(device.upload(&scans)).await), ["admitted"]);
}
