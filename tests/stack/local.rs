//! Functions run locally without a deployment, by `cargo lambda watch` and `make invoke`, with the
//! tables of the tests' stack.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Stack, eventually};
use crate::support::template::root;
use crate::support::{Answer, Call};

/// The path of the binary of all functions, which `make test` builds.
fn binary() -> PathBuf {
    let tests = std::env::current_exe().expect("this binary has a path");
    let folder = tests.parent().and_then(|deps| deps.parent()).expect("target/debug/deps");
    folder.join("thali-functions")
}

/// A running `cargo lambda watch`, which serves every endpoint at one address. Dropping ends it.
struct Watch {
    _running: Child,
    url: String,
    http: reqwest::Client,
}

impl Watch {
    async fn start() -> Self {
        let stack_env = std::env::var("THALI_STACK_ENV").expect("`make test` names a stack");
        let environment = PathBuf::from(stack_env).with_file_name("functions.env");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port().to_string();
        drop(free);
        let running = Command::new("cargo")
            .args(["lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port, "--env-file"])
            .arg(environment)
            .current_dir(root())
            .env_remove("_HANDLER")
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("`make init` installs cargo-lambda");
        let url = format!("http://127.0.0.1:{port}");
        let watch = Self { _running: running, url, http: reqwest::Client::new() };
        eventually("cargo lambda listens", async || {
            watch.http.get(format!("{}/health", watch.url)).send().await.ok()
        })
        .await;
        watch
    }

    async fn send(&self, call: Call) -> Answer {
        let answer = call.over_http(&self.http, &self.url).send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer::new(status, headers, &answer.bytes().await.expect("a body"))
    }

    /// What `cargo lambda invoke` prints for a function's sample event.
    async fn invoke(&self, function: &str) -> Value {
        let port = self.url.rsplit(':').next().expect("it ends in the port");
        let mut invoke = Command::new("cargo");
        invoke
            .args(["lambda", "invoke", "--invoke-address", "127.0.0.1", "--invoke-port", port])
            .args(["--data-file", &format!("events/{function}.json")])
            .current_dir(root());
        answer_of(invoke).await
    }
}

/// The JSON that a command prints; the command must succeed.
async fn answer_of(mut command: Command) -> Value {
    let output = timeout(Duration::from_mins(2), command.kill_on_drop(true).output()).await;
    let output = output.expect("it ends in time").expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(said.trim()).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The response of a function, invoked by the program behind `make invoke`.
async fn invoked_by_name(function: &str) -> Value {
    let mut command = Command::new(std::env::var("THALI_PYTHON").expect("a Python"));
    command.arg(root().join("infra/local/stack.py")).args(["--test", "invoke", function]);
    answer_of(command).await
}

#[tokio::test]
async fn cargo_lambda_watch_serves_every_endpoint() {
    let (stack, watch) = (Stack::running(), Watch::start().await);
    let login = json!({
        "email": stack.variable("STUDENT_EMAIL"),
        "password": stack.variable("STUDENT_PASSWORD"),
    });
    let login = watch.send(Call::post("/login", &login)).await.expect(200);
    let token = login.text("access_token");
    watch.send(Call::get("/student/tokens").bearer(token)).await.expect(200);
    let orders = watch.send(Call::get("/api/orders?limit=1").bearer(token)).await;
    orders.expect(200);
    // First a path with a parameter, then a path in which `me` could be taken for one.
    let unknown = "/api/orders/ord_01J00000000000000000000000";
    let unknown = watch.send(Call::get(unknown).bearer(token)).await;
    assert_eq!(unknown.problem(404), "order_not_found");
    let code = watch.send(Call::get("/api/v1/students/me/qr").bearer(token)).await.expect(200);
    assert!(code.text("qr_data").starts_with("v1|"), "{}", code.body);
    let nowhere = watch.send(Call::get("/nowhere")).await;
    assert_eq!(nowhere.problem(404), "not_found");

    for (function, status) in [("health", 200), ("scan", 401), ("not-found", 404)] {
        assert_eq!(watch.invoke(function).await["statusCode"], status, "{function}");
    }
}

#[tokio::test]
async fn workers_and_jobs_are_invoked_by_name() {
    let nothing_failed = json!({ "batchItemFailures": [] });
    assert_eq!(invoked_by_name("mailer").await, nothing_failed);
    assert_eq!(invoked_by_name("cache-evictor").await, nothing_failed);
    assert_eq!(invoked_by_name("sweep-orders").await["errors"], 0);
    assert_eq!(invoked_by_name("jwks").await["statusCode"], 200);
}

#[tokio::test]
async fn an_unknown_function_does_not_start() {
    let mut command = Command::new(binary());
    command.env("_HANDLER", "scan-all").env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1");
    let output = command.output().await.expect("it starts");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("there is no function `scan-all`"), "{said}");
    assert!(said.contains("scan-batch"), "the known ones are named: {said}");
}
