//! newman runs the Postman collection against the deployed stack, as a person does in Postman.

use std::process::Command;

use serde_json::Value;

use super::{Stack, Student};
use crate::support::people::PASSWORD;
use crate::support::postman::requests;
use crate::support::template::root;

/// How much of a response is shown if an assertion fails.
const SHOWN_CHARS_MAX: usize = 600;

/// Runs the whole collection with an owner. Returns newman's report.
fn run_collection(stack: &Stack, owner: &Student) -> Value {
    let newman = std::env::var("THALI_NEWMAN")
        .expect("THALI_NEWMAN names no program: run `make test`, which installs newman");
    // The report has every token and password of the run, so its folder is private and temporary.
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let variables = [
        ("api_url", stack.variable("API_URL")),
        ("aws_url", stack.variable("AWS_ENDPOINT_URL")),
        ("sandbox_url", stack.variable("SANDBOX_URL")),
        ("mess_id", &owner.mess_id),
        ("owner_email", &owner.email),
        ("owner_password", PASSWORD),
        ("razorpay_webhook_secret", stack.variable("RAZORPAY_WEBHOOK_SECRET")),
    ];
    let output = Command::new(newman)
        .arg("run")
        .arg(root().join("tests/postman_collection.json"))
        .arg("--environment")
        .arg(root().join("tests/postman_environment.json"))
        .args(
            variables
                .iter()
                .flat_map(|(name, value)| ["--env-var".to_owned(), format!("{name}={value}")]),
        )
        .args(["--timeout-request", "60000", "--reporters", "json", "--reporter-json-export"])
        .arg(&report)
        // Requests to the stack must not go through a proxy of this machine.
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .output()
        .expect("newman starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let report = std::fs::read_to_string(report).unwrap_or_else(|_| panic!("no report: {said}"));
    let run = serde_json::from_str::<Value>(&report).expect("JSON")["run"].clone();
    let failures = failures(&run);
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
    assert!(output.status.success(), "{}: {said}", output.status);
    run
}

/// newman's reports on the request with this name. Requests that its scripts send have the same
/// name.
fn executions<'a>(run: &'a Value, name: &str) -> Vec<&'a Value> {
    let executions = run["executions"].as_array().expect("a list").iter();
    executions.filter(|execution| execution["item"]["name"] == name).collect()
}

/// Each failure, with the response that it is about.
fn failures(run: &Value) -> Vec<String> {
    let failures = run["failures"].as_array().expect("a list").iter();
    let told = failures.map(|failure| {
        let name = failure["source"]["name"].as_str().unwrap_or("a request of a script");
        let error = &failure["error"];
        let what = error["test"].as_str().or(error["name"].as_str()).unwrap_or_default();
        let why = error["message"].as_str().unwrap_or_default();
        let answer = executions(run, name).last().map(|execution| answer(&execution["response"]));
        format!("{name}\n  {what}: {why}\n  {}", answer.unwrap_or_default())
    });
    told.collect()
}

/// The status and the beginning of the body, which newman reports as a list of bytes.
fn answer(response: &Value) -> String {
    let bytes = response["stream"]["data"].as_array().into_iter().flatten();
    let bytes: Vec<u8> = bytes.filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
    let body: String = String::from_utf8_lossy(&bytes).chars().take(SHOWN_CHARS_MAX).collect();
    format!("answered {} {body}", response["code"])
}

/// Asserts that every request was sent, in the collection's order, and that every response was
/// checked. Returns the number of assertions.
fn check_completeness(run: &Value) -> usize {
    let mut sent: Vec<&str> = Vec::new();
    for execution in run["executions"].as_array().expect("a list") {
        let name = execution["item"]["name"].as_str().expect("a name");
        if sent.last() != Some(&name) {
            sent.push(name);
        }
    }
    let requests = requests();
    assert_eq!(sent, requests.iter().map(|request| &*request.name).collect::<Vec<_>>());
    for name in sent {
        let looked_at = executions(run, name).iter().any(|execution| {
            let assertions = execution["assertions"].as_array().into_iter().flatten();
            execution["response"]["code"].is_u64()
                && assertions.filter(|assertion| assertion["skipped"] == false).count() > 0
        });
        assert!(looked_at, "nothing was asserted of {name}");
    }
    let assertions = &run["stats"]["assertions"];
    assert_eq!(assertions["failed"], 0, "{assertions}");
    assertions["total"].as_u64().and_then(|total| total.try_into().ok()).expect("a number")
}

/// Runs twice, because a user's stack still has the data of the previous run. Uses a mess of its
/// own, because a run changes the settings.
#[tokio::test]
async fn the_postman_collection_passes_twice_in_a_row() {
    let stack = Stack::running();
    let owner = stack.owner().await;
    for run in ["first", "second"] {
        let assertions = check_completeness(&run_collection(&stack, &owner));
        println!("{run} run: {assertions} assertions");
        assert!(assertions > requests().len(), "{assertions} assertions");
    }
}
