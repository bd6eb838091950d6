//! Tests what `make lint` makes of the database of advisories: fetched or not, with an advisory
//! about our dependencies or without. The real program needs the network, so its part is played by
//! a script that ends as it does.

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::support::template::root;

/// Runs the check with a `cargo` whose `deny … fetch db` and `deny … check advisories` end with
/// these codes.
fn check(fetch: u8, advisories: u8) -> Output {
    let programs = tempfile::tempdir().expect("a folder");
    let cargo = programs.path().join("cargo");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         'deny '*'fetch db') echo 'fatal: Could not resolve host: github.com' >&2; exit {fetch};;\n\
         'deny '*'--offline check advisories') exit {advisories};;\n\
         *) exit 99;;\nesac\n"
    );
    write(&cargo, script).expect("written");
    set_permissions(&cargo, Permissions::from_mode(0o700)).expect("it can run");
    let path = std::env::var("PATH").expect("a PATH");
    Command::new(root().join("infra/local/advisories.sh"))
        .env("PATH", format!("{}:{path}", programs.path().display()))
        .output()
        .expect("it starts")
}

#[test]
fn a_database_that_cannot_be_fetched_is_told_and_passes() {
    let output = check(1, 1);
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("advisories were NOT checked: "), "{said}");
    assert!(said.contains("Could not resolve host"), "the reason is told: {said}");
}

#[test]
fn an_advisory_fails_the_check_and_no_advisory_passes_it() {
    for (found, passes) in [(1, false), (0, true)] {
        let output = check(0, found);
        assert_eq!(output.status.success(), passes);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing is left out");
    }
}
