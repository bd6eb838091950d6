//! Tests that the Postman collection calls every endpoint and nothing else, asserts something
//! about every response, and contains no secret.

use std::collections::BTreeSet;

use thali_functions::endpoints;
use thali_platform::http::Endpoint;

use crate::support::postman::{Request, collection, environment, requests};

/// The beginnings of addresses outside of the API: the sandbox and the bucket.
const ELSEWHERE: [&str; 3] = ["{{sandbox_url}}/", "{{upload_url}}", "{{screenshot_url}}"];

/// The members of request bodies that hold secrets.
const SECRET: [&str; 8] = [
    "password",
    "confirm_password",
    "current_password",
    "new_password",
    "security_code",
    "otp",
    "invite_code",
    "signature",
];

/// All pieces of a text between `begin` and `end`.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> BTreeSet<&'a str> {
    text.split(begin).skip(1).filter_map(|rest| Some(rest.split_once(end)?.0)).collect()
}

/// Whether a request calls this path of an endpoint.
fn asks(request: &Request, endpoint: &Endpoint, path: &str) -> bool {
    let Some(asked) = request.url.strip_prefix("{{api_url}}") else { return false };
    let asked = asked.split('?').next().unwrap_or_default().split('/');
    let fits = |(part, asked): (&str, &str)| {
        let parameter = part.starts_with('{') && !asked.is_empty();
        parameter || part == asked
    };
    request.method == endpoint.method.as_str()
        && asked.clone().count() == path.split('/').count()
        && path.split('/').zip(asked).all(fits)
}

#[test]
fn the_postman_collection_has_every_endpoint() {
    let requests = requests();
    let missing: Vec<&str> = endpoints()
        .filter(|endpoint| !requests.iter().any(|it| asks(it, endpoint, endpoint.paths[0])))
        .map(|endpoint| endpoint.name)
        .collect();
    assert!(missing.is_empty(), "not in tests/postman_collection.json: {missing:?}");
}

#[test]
fn every_request_of_the_postman_collection_is_for_an_endpoint() {
    for request in requests() {
        let elsewhere = ELSEWHERE.iter().any(|address| request.url.starts_with(address));
        let ours = endpoints()
            .any(|endpoint| endpoint.paths.iter().any(|path| asks(&request, endpoint, path)));
        let Request { name, method, url, .. } = request;
        assert!(elsewhere || ours, "{name}: {method} {url}");
    }
}

#[test]
fn every_request_of_the_postman_collection_has_a_description_and_a_test() {
    let mut names = BTreeSet::new();
    for Request { name, description, test, .. } in requests() {
        assert!(!description.is_empty(), "{name} has no description");
        assert!(test.contains("pm.test("), "{name} has no test");
        let looks = test.contains(".to.have.status(") || test.contains("pm.expect(");
        assert!(looks, "{name} asserts nothing");
        assert!(names.insert(name.clone()), "two requests are called {name}");
    }
}

/// Scripts read headers with `get`, as they read variables, so headers are left out.
#[test]
fn every_variable_of_the_postman_collection_is_defined_and_used() {
    let text = collection().replace("headers.get('", "");
    let environment = environment();
    let mut given: BTreeSet<&str> = environment.iter().map(|(name, _)| name.as_str()).collect();
    given.extend(between(&text, ".set('", "'"));
    let mut used = between(&text, "{{", "}}");
    used.extend(between(&text, ".get('", "'"));
    let unknown: Vec<_> = used.difference(&given).collect();
    assert!(unknown.is_empty(), "nothing gives {unknown:?}");
    let unused: Vec<_> = given.difference(&used).collect();
    assert!(unused.is_empty(), "nothing uses {unused:?}");
}

#[test]
fn the_postman_environment_fits_the_local_stack_and_has_no_secrets() {
    for (name, value) in environment() {
        let secret = ["password", "secret", "token"].iter().any(|word| name.contains(word));
        assert!(!secret || value.is_empty(), "{name} is filled in");
        let expected = match name.as_str() {
            "api_url" => "http://localhost:8080",
            "aws_url" => "http://localhost:4566",
            "sandbox_url" => "http://localhost:8090",
            "mess_id" => "mess_demo",
            "owner_email" => "owner@demo.thali.test",
            _ => "",
        };
        assert_eq!(value, expected, "{name}");
    }
}

/// A secret must begin with a variable. A deliberately wrong secret may have a suffix.
#[test]
fn the_postman_collection_holds_no_secret() {
    for Request { name, body, .. } in requests() {
        for member in SECRET {
            for value in
                between(body.as_deref().unwrap_or_default(), &format!("\"{member}\": "), "\n")
            {
                assert!(value.starts_with("\"{{"), "{name} has its own {member}: {value}");
            }
        }
    }
    let text = collection();
    for token in between(&text, "Bearer ", "\"") {
        let variable = ["{{", "${pm."].iter().any(|begin| token.starts_with(begin));
        assert!(variable, "a token is written down: {token}");
    }
    for shape in ["eyJhbG", "rzp_test_", "rzp_live_", "thali_refresh=acc_"] {
        assert!(!text.contains(shape), "something like {shape}… is written down");
    }
}
