//! Concurrent scans by many devices: a student is admitted once, and every other device is
//! told which device admitted the student.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{TestApp, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_concurrent_scans_by_ten_devices_admit_one() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let mut devices = Vec::new();
    for number in 0..10 {
        devices.push(test.device(&format!("Gate {number}")).await);
    }
    let calls = (0..100).map(|number| devices[number % 10].scan_once(&code, &format!("n{number}")));
    let calls: Vec<_> = calls.collect();
    let answers = test.send_together(calls.clone()).await;
    let scans: Vec<Value> = answers.into_iter().map(|answer| answer.expect(200).body).collect();
    let first: Vec<usize> =
        (0..100).filter(|number| verdict(&scans[*number]) == "admitted").collect();
    assert_eq!(first.len(), 1, "{first:?}");
    let previous = json!({
        "scanned_at": test.now().to_string(),
        "device": format!("Gate {}", first[0] % 10),
    });
    for scan in scans.iter().filter(|scan| scan["scan_id"] != scans[first[0]]["scan_id"]) {
        assert_eq!(verdict(scan), "already_scanned");
        assert_eq!(scan["previous"], previous);
    }
    let again = test.send_together(calls).await;
    let again: Vec<Value> = again.into_iter().map(|answer| answer.expect(200).body).collect();
    assert_eq!(again, scans, "each repeat has its first outcome");
    let counts = test.scanned(devices[0].counts("")).await;
    assert_eq!(
        (&counts["admitted"], &counts["refused"]),
        (&json!(1), &json!({ "already_scanned": 99 }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scan_sent_twenty_times_concurrently_is_recorded_once() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    let (_, code) = test.eater("asha@example.com").await;
    let device = test.device("Gate 1").await;
    for what in [&code, "hello"] {
        let answers = test.send_together(vec![device.scan_once(what, "n1"); 20]).await;
        let first = answers[0].clone().expect(200).body;
        for answer in answers {
            assert_eq!(answer.expect(200).body, first);
        }
    }
    let counts = test.scanned(device.counts("")).await;
    assert_eq!(
        (&counts["admitted"], &counts["refused"]),
        (&json!(1), &json!({ "malformed_qr": 1 }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uploads_admit_each_student_once_and_report_each_conflict() {
    let test = Arc::new(TestApp::start().await);
    test.lunch();
    let mut codes = Vec::new();
    for number in 0..25 {
        codes.push(test.eater(&format!("student{number}@example.com")).await.1);
    }
    let (gate, door) = (test.device("Gate 1").await, test.device("Door").await);
    let scans = |nonce: &str| -> Vec<Value> {
        let scan = |code| json!({ "qr_data": code, "meal": "LUNCH", "nonce": nonce });
        codes.iter().map(scan).collect()
    };
    let calls = vec![gate.upload(&scans("a")), door.upload(&scans("b"))];
    let answers = test.send_together(calls).await;
    let [one, other] = answers.as_slice() else { panic!("two answers") };
    let mut conflicts = 0;
    for (one, other) in one.body["results"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(other.body["results"].as_array().expect("a list"))
    {
        let mut both = [verdict(one), verdict(other)];
        both.sort_unstable();
        assert_eq!(both, ["admitted", "already_scanned"]);
    }
    for answer in [one, other] {
        conflicts += answer.body["conflicts"].as_array().expect("a list").len();
    }
    assert_eq!(conflicts, 25);
}
