//! The deployed roles of the functions: a role is denied what its function does not need, and
//! every granted right was used.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Stack;
use crate::support::template::{resources, template};

/// Runs the program that checks the roles. Returns what it printed.
async fn check_roles(stack: &Stack, used_rights: Option<&Path>) -> String {
    let python = std::env::var_os("THALI_PYTHON").expect("`make test` names a Python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/least_privilege.py");
    let running = Command::new(python)
        .arg(script)
        .arg(stack.variable("STACK_NAME"))
        .args(used_rights)
        .env("AWS_ENDPOINT_URL", stack.variable("AWS_ENDPOINT_URL"))
        .env("AWS_DEFAULT_REGION", stack.variable("AWS_REGION"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("AWS_PROFILE")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_mins(2), running).await;
    let output = output.expect("it ends in time").expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let functions = resources(&template(), "AWS::Serverless::Function").len();
    assert!(said.starts_with(&format!("{functions} functions: ")), "{said}");
    said
}

#[tokio::test]
async fn a_function_is_denied_what_it_does_not_need() {
    check_roles(&Stack::running(), None).await;
}

/// Runs after all other tests (`.config/nextest.toml`), because it checks which rights their calls
/// used.
#[tokio::test]
async fn every_right_that_a_function_has_was_used() {
    let stack_env = std::env::var("THALI_STACK_ENV").expect("`make test` names a stack");
    let recorded = Path::new(&stack_env).with_file_name("used-rights.jsonl");
    let said = check_roles(&Stack::running(), Some(&recorded)).await;
    assert!(said.contains(" 0 of them unused"), "{said}");
}
