//! The fuzz targets of `tests/fuzz`, run for a bounded time. cargo-fuzz can run them for longer:
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz student_code`.

use std::process::Command;

use crate::support::template::root;

/// The flags that show libFuzzer which code an input reaches. They are those of cargo-fuzz, but
/// without a sanitizer, which needs a nightly compiler and finds nothing in code without `unsafe`.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long a target runs, in seconds.
const SECONDS: u32 = 10;

/// The minimum number of inputs tried in that time, even on a busy machine.
const RUNS_LEAST: u64 = 20_000;

#[test]
fn no_input_makes_the_code_parser_panic_or_accept_a_forgery() {
    run("student_code", &["-max_len=400"]);
}

#[test]
fn no_input_keeps_the_cleaning_of_pictures_from_ending() {
    let real = root().join("shared/domain/src/pictures/fixtures");
    run("picture", &["-max_len=4000", real.to_str().expect("a plain path")]);
}

/// Builds a target and runs it for a bounded time, with these further arguments.
fn run(name: &str, arguments: &[&str]) {
    let target = root().join("target/fuzz");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--manifest-path"])
        .arg(root().join("tests/fuzz/Cargo.toml"))
        // With a target triple, cargo does not apply the flags to build scripts and macros.
        .args(["--target", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", INSTRUMENTATION)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let found = tempfile::tempdir().expect("a folder");
    let inputs = tempfile::tempdir().expect("a folder");
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let ran = Command::new(target.join(triple).join("debug").join(name))
        .arg(format!("-max_total_time={SECONDS}"))
        .arg("-timeout=5")
        .arg(format!("-artifact_prefix={}/", found.path().display()))
        // It writes to the first folder that it is given, and only reads others.
        .arg(inputs.path())
        .args(arguments)
        .output()
        .expect("the target starts");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let runs = said.lines().rev().find_map(|line| line.strip_prefix("Done ")?.split(' ').next());
    let runs: u64 = runs.and_then(|runs| runs.parse().ok()).expect("libFuzzer counts its runs");
    println!("{runs} inputs in {SECONDS} s");
    assert!(runs >= RUNS_LEAST, "{runs} inputs in {SECONDS} s");
}
