//! The operator's command against the deployed stack.

use std::process::{Command, Output};

use serde_json::json;

use super::{Stack, ulid_now};
use crate::support::Call;
use crate::support::people::PASSWORD;

/// Runs `thali` as an operator of the stack would.
fn thali(stack: &Stack, arguments: &[&str]) -> Output {
    let tests = std::env::current_exe().expect("this binary has a path");
    let folder = tests.parent().and_then(|deps| deps.parent()).expect("target/debug/deps");
    Command::new(folder.join("thali"))
        .args(arguments)
        .env("AWS_ENDPOINT_URL", stack.variable("AWS_ENDPOINT_URL"))
        .env("AWS_REGION", stack.variable("AWS_REGION"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("STACK_NAME", stack.variable("STACK_NAME"))
        .env("THALI_PASSWORD", PASSWORD)
        .output()
        .expect("`make test` builds it")
}

/// What a run that must succeed printed.
#[track_caller]
fn printed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test]
async fn a_mess_its_owner_and_an_invite_are_made_and_serve() {
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
    let sign_up = json!({
        "mess_id": mess,
        "email": format!("staff-{}@example.com", ulid_now()),
        "password": PASSWORD,
        "role": "staff",
        "invite_code": code,
    });
    stack.send(Call::post("/sign-up", &sign_up)).await.expect(202);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_made() {
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
