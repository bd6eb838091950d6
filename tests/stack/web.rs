//! Playwright runs the stories in `tests/web` in a browser, against the deployed stack. They also
//! take a screenshot of every page.

use std::process::Command;

use reqwest::{Method, Response};
use serde_json::Value;

use super::Stack;
use super::operator::operator;
use crate::support::template::root;

/// A request as a browser sends it.
async fn browse(stack: &Stack, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let url = format!("{}{path}", stack.variable("API_URL"));
    let mut request = stack.http.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

fn told(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_page_comes_compressed_and_is_known_the_next_time() {
    let stack = Stack::running();
    for encoding in ["br", "gzip"] {
        let accepts = [("accept-encoding", encoding)];
        let page = browse(&stack, Method::GET, "/app/student", &accepts).await;
        assert_eq!(page.status(), 200);
        assert_eq!(told(&page, "content-encoding"), encoding);
        assert_eq!(told(&page, "vary"), "accept-encoding");
        let etag = told(&page, "etag");
        let known = [("accept-encoding", encoding), ("if-none-match", &*etag)];
        let again = browse(&stack, Method::GET, "/app/student", &known).await;
        assert_eq!(again.status(), 304);
        let head = browse(&stack, Method::HEAD, "/app/student", &accepts).await;
        assert_eq!((head.status(), told(&head, "etag")), (page.status(), etag));
    }
    let page = browse(&stack, Method::GET, "/", &[]).await;
    assert_eq!(told(&page, "content-encoding"), "");
    let text = page.text().await.expect("text");
    let script = text.split("src=\"").nth(1).and_then(|rest| rest.split('"').next());
    let script = browse(&stack, Method::GET, script.expect("a script"), &[]).await;
    assert!(told(&script, "cache-control").contains("immutable"));
}

#[tokio::test]
async fn pictures_come_as_bytes_and_no_path_leads_out_of_the_app() {
    let stack = Stack::running();
    let icon = browse(&stack, Method::GET, "/assets/icons/icon-192.png", &[]).await;
    assert_eq!(told(&icon, "content-type"), "image/png");
    let file = root().join("functions/web/public/assets/icons/icon-192.png");
    assert_eq!(icon.bytes().await.expect("bytes"), std::fs::read(file).expect("it is there"));
    for path in ["/assets/nothing.js", "/assets/%2e%2e/index.html", "/assets/..%2fbootstrap"] {
        let nothing = browse(&stack, Method::GET, path, &[]).await;
        assert_eq!(nothing.status(), 404, "{path}");
        assert_eq!(told(&nothing, "content-type"), "application/problem+json", "{path}");
    }
}

#[test]
fn people_can_use_the_web_app_in_a_browser() {
    // Fails with a hint if no stack is running.
    let stack = Stack::running();
    let stack_env = std::env::var("THALI_STACK_ENV").expect("just read");
    let report = std::path::Path::new(&stack_env).with_file_name("web-tests.json");
    let output = Command::new(root().join("functions/web/node_modules/.bin/playwright"))
        .args(["test", "--config"])
        .arg(root().join("tests/web"))
        .env("THALI_SCREENSHOTS", root().join(".local/screenshots"))
        .env("THALI_OPERATOR", operator(&stack, &[]).get_program())
        // Requests to the stack must not go through a proxy of this machine.
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .output()
        .expect("`make init` installs it");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report = std::fs::read_to_string(report).unwrap_or_else(|_| panic!("no report: {said}"));
    let stats = serde_json::from_str::<Value>(&report).expect("JSON")["stats"].clone();
    println!("{stats}");
    let retried: Vec<&str> = said.lines().filter(|line| line.contains("(retry #1)")).collect();
    println!("passed at the second try: {retried:?}");
    assert_eq!([&stats["unexpected"], &stats["skipped"]], [0, 0], "{stats}");
    assert!(stats["flaky"].as_u64() < Some(10), "{said}");
    assert!(stats["expected"].as_u64() > Some(20), "{stats}");
}
