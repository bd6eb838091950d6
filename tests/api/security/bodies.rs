//! Bodies: every endpoint that takes a JSON body reads it strictly, and every endpoint limits
//! its size. Cache headers of the responses are tested here, too.

use serde_json::json;
use thali_functions::endpoints;
use thali_platform::http::Access;

use super::{FIRST_MESS, Staffed, assert_safe, samples, token};
use crate::support::{Answer, Call, TestApp};

/// What an endpoint takes, unless it needs a file.
const KIB_64: usize = 64 * 1024;

/// The app with one person of each role.
struct Scene {
    test: TestApp,
    people: Staffed,
}

impl Scene {
    async fn start() -> Self {
        let test = TestApp::start().await;
        let people = Staffed::of(&test, FIRST_MESS).await;
        Self { test, people }
    }

    /// Sends a call as a person whom `access` allows.
    async fn send(&self, access: Access, call: Call) -> Answer {
        let what = format!("{} {}", call.method(), call.path());
        let token = token(&self.test, self.people.allowed(access)).await;
        let answer = self.test.send(call.bearer(&token)).await;
        assert_safe(&what, &answer);
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_json_body_is_read_strictly() {
    let scene = Scene::start().await;
    let mut visited = 0;
    for sample in samples() {
        let access = sample.endpoint.access;
        let Some(good) = sample.json() else { continue };
        for call in sample.calls() {
            let what = format!("{} {}", call.method(), call.path());
            for body in ["{", "{\"email\": ", "{}{}", "{'a': 1}", "\u{0}", "{\"a\": 01}", "nope"] {
                let answer = scene.send(access, call.clone().sending(body)).await;
                assert_eq!(answer.problem(400), "malformed_json", "{what} {body}");
            }
            for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "json"] {
                let answer =
                    scene.send(access, call.clone().header("content-type", content_type)).await;
                assert_eq!(answer.problem(415), "unsupported_media_type", "{what} {content_type}");
            }
            let mut surprising = good.clone();
            surprising["surprise"] = json!(1);
            for body in [json!({ "surprise": 1 }), surprising] {
                let call = call.clone().sending(&body.to_string());
                let call = call.header("content-type", "Application/JSON; charset=utf-8");
                let answer = scene.send(access, call).await;
                assert!(answer.wrong_fields().contains(&"surprise"), "{what}: {}", answer.body);
            }
            if !sample.endpoint.docs.body_may_be_absent {
                let answer = scene.send(access, call.clone().sending("")).await;
                assert_eq!(answer.problem(400), "malformed_json", "{what} without a body");
            }
            for odd in ["", "[]", "null", "0", "\"text\"", "[[[[[[]]]]]]"] {
                let answer = scene.send(access, call.clone().sending(odd)).await;
                assert!(answer.status < 500, "{what} {odd}: {}", answer.body);
            }
            visited += 1;
        }
    }
    assert!(visited >= 5, "{visited} paths take a body");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_accepts_a_larger_body_than_it_declares() {
    let scene = Scene::start().await;
    for sample in samples() {
        let bytes_max = sample.endpoint.body_bytes_max;
        let takes_a_file = sample.endpoint.name == "student-import-check";
        assert!(bytes_max == if takes_a_file { 24 * KIB_64 } else { KIB_64 });
        for call in sample.calls() {
            let call = call.header("content-type", "application/json");
            let large = call.clone().sending(&" ".repeat(bytes_max + 1));
            let answer = scene.send(sample.endpoint.access, large).await;
            assert_eq!(answer.problem(413), "body_too_large", "{}", sample.endpoint.name);
            let fits = scene.send(sample.endpoint.access, call.sending(&" ".repeat(bytes_max)));
            assert_ne!(fits.await.status, 413, "{}", sample.endpoint.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_public_responses_may_be_cached() {
    let scene = Scene::start().await;
    let mut public = Vec::new();
    for sample in samples() {
        for call in sample.calls() {
            let answer = scene.send(sample.endpoint.access, call).await;
            if answer.header("cache-control") != "no-store" {
                assert!(answer.header("cache-control").starts_with("public, max-age="));
                assert_eq!(answer.status, 200);
                public.push(sample.endpoint.name);
            }
        }
    }
    // A cacheable response needs no session, so it is the same for everybody.
    let cached = |name: &&str| endpoints().find(|endpoint| endpoint.name == *name);
    assert!(public.contains(&"jwks"), "{public:?}");
    assert!(public.iter().filter_map(cached).all(|endpoint| endpoint.access == Access::Public));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_endpoint_takes_a_text_that_nobody_can_see() {
    const TEXTS: [&str; 8] =
        ["name", "full_name", "room_no", "bio", "address", "profession", "reason", "device_info"];
    let scene = Scene::start().await;
    let mut visited = 0;
    for sample in samples() {
        let Some(good) = sample.json() else { continue };
        for field in TEXTS.iter().filter(|field| good[**field].is_string()) {
            let mut blank = good.clone();
            blank[*field] = json!("\u{200b}\u{2060} \u{3164}");
            let call = sample.calls().remove(0).sending(&blank.to_string());
            let answer = scene.send(sample.endpoint.access, call).await;
            assert!(answer.wrong_fields().contains(field), "{}: {blank}", sample.endpoint.name);
            visited += 1;
        }
    }
    assert!(visited >= 12, "{visited} texts");
}
