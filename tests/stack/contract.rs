//! The deployed API against its own description: schemathesis generates valid and invalid requests
//! from `/openapi.json`. No response may be a server error, have a status or a schema that is not
//! described, or lack a described header.
//!
//! Each test uses a new mess, because an owner's requests change its settings.

use std::process::{Command, Stdio};

use serde_json::json;

use super::operator::{printed, thali};
use super::{Stack, Student, ulid_now};
use crate::support::Call;
use crate::support::people::PASSWORD;
use crate::support::template::root;

/// What is checked in each response.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";

/// The operations that are left out: aliases reach the same function, and a logout would end the
/// session of all later requests.
const LEFT_OUT: &str = "-alias-|^logout$";

/// How many random requests each operation gets, in addition to those that cover its description
/// systematically.
const EXAMPLES_MAX: &str = "5";

/// Runs schemathesis with this access token, or without one, and prints its report.
fn check_against_description(stack: &Stack, access_token: Option<&str>) {
    let program = std::env::var("THALI_SCHEMATHESIS").expect(
        "THALI_SCHEMATHESIS names no program: run `make test`, which installs schemathesis",
    );
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(root().join("tests/schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", stack.variable("API_URL")))
        .args(["--phases", "coverage,fuzzing", "--max-examples", EXAMPLES_MAX])
        .args(["--checks", CHECKS, "--exclude-operation-id-regex", LEFT_OUT])
        // One worker: hypothesis has a cache of source code that is not thread-safe.
        .args(["--seed", "1", "--workers", "1", "--no-color", "--request-timeout", "60"])
        .stderr(Stdio::inherit());
    if let Some(token) = access_token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = command.output().expect("schemathesis runs");
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert!(output.status.success(), "the API and its description disagree, see above");
    // A run without any requests would succeed too.
    let cases = report
        .lines()
        .find_map(|line| line.trim().split(" generated, ").next()?.parse::<u32>().ok());
    assert!(cases.is_some_and(|cases| cases > 400), "{cases:?} requests");
}

/// A mess that admits everybody, its owner's access token, and a student's.
async fn mess_of_its_own(stack: &Stack) -> (String, String) {
    let create = ["mess", "create", "--name", "Contract Hostel", "--approval", "automatic"];
    let mess = printed(&thali(stack, &create));
    let owner = format!("contract-owner-{}@example.com", ulid_now());
    printed(&thali(stack, &["owner", "create", "--mess", &mess, "--email", &owner]));
    let login = json!({ "mess_id": mess, "email": owner, "password": PASSWORD });
    let owner = stack.send(Call::post("/login", &login)).await.expect(200);
    let student = format!("contract-student-{}@example.com", ulid_now());
    let wanted = json!({ "mess_id": mess, "email": student, "password": PASSWORD });
    stack.sign_up(&wanted).await;
    let student = Student::of(&stack.send(Call::post("/login", &wanted)).await.expect(200));
    stack.buy_tokens(&student, 20).await;
    (owner.text("access_token").to_owned(), student.token)
}

#[tokio::test]
async fn the_api_fits_its_description_without_a_session() {
    check_against_description(&Stack::running(), None);
}

#[tokio::test]
async fn the_api_fits_its_description_for_a_student() {
    let stack = Stack::running();
    let (_, student) = mess_of_its_own(&stack).await;
    check_against_description(&stack, Some(&student));
}

#[tokio::test]
async fn the_api_fits_its_description_for_an_owner() {
    let stack = Stack::running();
    let (owner, _) = mess_of_its_own(&stack).await;
    check_against_description(&stack, Some(&owner));
}
