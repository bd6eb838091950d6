//! The operator's command `thali` against the deployed stack.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::{Stack, ulid_now};
use crate::support::Call;
use crate::support::people::PASSWORD;
use crate::support::template::root;

/// Runs `thali` as the operator of the stack does.
pub(super) fn thali(stack: &Stack, arguments: &[&str]) -> Output {
    operator(stack, arguments).output().expect("`make test` builds it")
}

/// The command `thali` with the operator's environment, not started yet.
pub(super) fn operator(stack: &Stack, arguments: &[&str]) -> Command {
    let tests = std::env::current_exe().expect("this binary has a path");
    let folder = tests.parent().and_then(|deps| deps.parent()).expect("target/debug/deps");
    let mut thali = Command::new(folder.join("thali"));
    thali
        .args(arguments)
        .env("AWS_ENDPOINT_URL", stack.variable("AWS_ENDPOINT_URL"))
        .env("AWS_REGION", stack.variable("AWS_REGION"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("STACK_NAME", stack.variable("STACK_NAME"))
        .env("THALI_PASSWORD", PASSWORD);
    thali
}

/// The output of a run, which must have succeeded.
#[track_caller]
pub(super) fn printed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn a_mess_its_owner_and_an_invite_can_be_created_and_used() {
    let stack = Stack::running();
    let mess = printed(&thali(&stack, &["mess", "create", "--name", "South Hostel"]));
    let email = format!("owner-{}@example.com", ulid_now());
    printed(&thali(&stack, &["owner", "create", "--mess", &mess, "--email", &email]));
    let login = json!({ "mess_id": mess, "email": email, "password": PASSWORD });
    let owner = stack.send(Call::post("/login", &login)).await.expect(200);
    assert_eq!(owner.body["account"]["role"], "owner");
    let token = owner.text("access_token");
    let settings = stack.send(Call::get("/api/v1/mess").bearer(token)).await.expect(200);
    assert_eq!(settings.body["name"], "South Hostel");
    assert_eq!(settings.body["approval"], "required");

    let code = printed(&thali(&stack, &["invite", "--mess", &mess, "--role", "staff"]));
    let email = format!("staff-{}@example.com", ulid_now());
    let login = json!({ "mess_id": mess, "email": email, "password": PASSWORD });
    let mut sign_up = login.clone();
    sign_up["role"] = json!("staff");
    sign_up["invite_code"] = json!(code);
    let account = stack.sign_up(&sign_up).await;
    assert_eq!((&account["role"], &account["status"]), (&json!("staff"), &json!("active")));
    let staff = stack.send(Call::post("/login", &login)).await.expect(200);
    let token = staff.text("access_token");
    let settings = stack.send(Call::get("/api/v1/mess").bearer(token)).await.expect(200);
    assert_eq!(settings.body["mess_id"], mess);
    let refused = stack.send(Call::get("/student/tokens").bearer(token)).await;
    assert_eq!(refused.problem(403), "wrong_role");

    sign_up["email"] = json!(format!("second-staff-{}@example.com", ulid_now()));
    let used = stack.send(Call::post("/sign-up", &sign_up)).await;
    assert_eq!(used.problem(409), "invite_invalid");
}

#[tokio::test]
async fn the_local_stack_forwards_a_command_that_creates_an_owner() {
    let stack = Stack::running();
    let email = format!("superuser-{}@example.com", ulid_now());
    let env = std::env::var("THALI_STACK_ENV").expect("`make test` names a stack");
    let local = Path::new(&env).parent().and_then(Path::parent).expect("a file in <local>/test");
    let made = Command::new(std::env::var("THALI_PYTHON").expect("`make test` names a Python"))
        .arg(root().join("infra/local/stack.py"))
        .args(["--test", "thali", "owner", "create", "--mess", stack.variable("MESS_ID")])
        .args(["--email", &email, "--name", "Meera"])
        .env("THALI_LOCAL", local)
        .env("THALI_PASSWORD", PASSWORD)
        .output()
        .expect("it starts");
    let account_id = printed(&made);
    let login = json!({ "email": email, "password": PASSWORD });
    let owner = stack.send(Call::post("/login", &login)).await.expect(200);
    assert_eq!(owner.body["account"]["account_id"], account_id);
    assert_eq!(owner.body["account"]["role"], "owner");
}

#[tokio::test]
async fn invalid_arguments_are_reported_and_nothing_is_created() {
    let stack = Stack::running();
    let email = format!("nobody-{}@example.com", ulid_now());
    let refused = [
        (vec!["mess", "create", "--name", "Demo", "--id", "mess_demo"], "there is a mess"),
        (vec!["mess", "create", "--name", "X", "--time-zone", "Mars/Olympus"], "time zone"),
        (vec!["owner", "create", "--mess", "mess_none", "--email", &email], "no mess"),
        (
            vec![
                "owner",
                "create",
                "--mess",
                "mess_demo",
                "--email",
                &email,
                "--password",
                "short",
            ],
            "8 to 128",
        ),
        (vec!["invite", "--mess", "mess_none", "--role", "staff"], "no mess"),
    ];
    for (arguments, reason) in refused {
        let output = thali(&stack, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{arguments:?}: {said}");
    }
    let login = json!({ "email": email, "password": PASSWORD });
    stack.send(Call::post("/login", &login)).await.expect(401);
}
