//! Tests that the template stays within CloudFormation's limits, and that the template and the
//! README stay short enough to read.

use std::process::Command;

use serde_json::Value;

use crate::support::template::root;

/// CloudFormation takes 500 resources; the difference is room for later functions.
const RESOURCES_MAX: u64 = 450;

/// The maximum number of lines of a function, without comments.
const FUNCTION_LINES_MAX: usize = 15;

/// The maximum length of the template for each function in it.
const TEMPLATE_BYTES_PER_FUNCTION_MAX: usize = 1_060;

/// The README is for newcomers; everything else is in `docs/`.
const README_BYTES_MAX: usize = 8 * 1024;

#[test]
fn the_readme_is_short() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("it is there");
    assert!(text.len() <= README_BYTES_MAX, "README.md has {} bytes", text.len());
}

#[test]
fn the_template_is_short() {
    let text = std::fs::read_to_string(root().join("template.yaml")).expect("it is there");
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = 0;
    for (number, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix("  ").and_then(|it| it.strip_suffix("Function:")) else {
            continue;
        };
        if name.is_empty() || name.starts_with(' ') {
            continue;
        }
        let inside = lines[number + 1..].iter().take_while(|line| line.starts_with("    "));
        let count = 1 + inside.filter(|line| !line.trim_start().starts_with('#')).count();
        assert!(count <= FUNCTION_LINES_MAX, "{name} has {count} lines");
        functions += 1;
    }
    assert!(functions > 80, "{functions} functions");
    let bytes_max = TEMPLATE_BYTES_PER_FUNCTION_MAX * functions;
    assert!(text.len() <= bytes_max, "template.yaml has {} bytes, not {bytes_max}", text.len());
}

#[test]
fn the_template_expands_to_few_enough_resources() {
    let expand = Command::new(root().join(".venv/bin/python"))
        .arg(root().join("tests/coverage/expand.py"))
        .arg(root().join("template.yaml"))
        .env("AWS_DEFAULT_REGION", "ap-south-1")
        .output()
        .expect("`make init` installs it");
    assert!(expand.status.success(), "{}", String::from_utf8_lossy(&expand.stderr));
    let expanded: Value = serde_json::from_slice(&expand.stdout).expect("JSON");
    let of_type = expanded["resources"].as_object().expect("by type").values();
    let count: u64 = of_type.filter_map(Value::as_u64).sum();
    println!("{count} resources, {} more for one more endpoint: {expanded}", expanded["endpoint"]);
    assert!(count > 200 && count <= RESOURCES_MAX, "{count} resources");
    // A function, its role, and the gateway's permission to invoke it.
    assert_eq!(expanded["endpoint"], 3);
}
