//! Razorpay's own Python SDK as the sandbox's client: a sandbox that only our own code
//! understands would prove nothing.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Fixture, KEY_ID, KEY_SECRET, WEBHOOK_SECRET};

#[tokio::test]
async fn razorpays_own_sdk_understands_the_sandbox() {
    let python = python();
    let fixture = Fixture::start().await;
    let order_id = fixture.order().await;
    fixture.pay(&order_id, json!({ "outcome": "captured", "webhook": true, "wait": true })).await;
    let webhook = fixture.receiver.wait_for(1).await.remove(0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let body_file = folder.path().join("webhook.json");
    std::fs::write(&body_file, &webhook.body).expect("the folder is writable");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sandbox/sdk_check.py");
    let running = Command::new(&python)
        .arg(script)
        .args([fixture.sandbox.url(), KEY_ID, KEY_SECRET, WEBHOOK_SECRET])
        .arg(&body_file)
        .arg(&webhook.signature)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_mins(1), running)
        .await
        .expect("the check ends in time")
        .expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("the sandbox speaks the SDK's language"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The Python that has the SDK.
fn python() -> PathBuf {
    let python = std::env::var_os("THALI_PYTHON").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python"),
        PathBuf::from,
    );
    assert!(
        python.exists(),
        "{} is missing: `make init` makes it, or THALI_PYTHON names another with the razorpay SDK",
        python.display()
    );
    python
}
