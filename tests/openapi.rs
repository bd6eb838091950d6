//! The API's description: it is compared with what is served, and kept as a snapshot, so that
//! a reviewer sees every change of the contract.

use std::collections::BTreeSet;

use serde_json::Value;
use thali_functions::endpoints;
use thali_functions::ops::openapi::document;

fn described() -> Value {
    serde_json::to_value(document()).expect("the document serialises")
}

/// A change of this snapshot is a change of the contract with every client. If it is intended,
/// run the test with `INSTA_UPDATE=always` and commit the new snapshot.
#[test]
fn the_contract_is_the_one_that_was_reviewed() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!("openapi", described());
    });
}

#[test]
fn the_description_has_exactly_the_served_paths_and_methods() {
    let document = described();
    let paths = document["paths"].as_object().expect("paths");
    let in_document: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations by method").keys();
            methods.map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let served = endpoints().flat_map(|endpoint| {
        let method = endpoint.method.to_string();
        endpoint.paths.iter().map(move |path| (method.clone(), (*path).to_owned()))
    });
    assert_eq!(in_document, served.collect());
}

#[test]
fn every_endpoint_declares_a_summary_and_a_response() {
    for endpoint in endpoints() {
        assert!(!endpoint.docs.summary.is_empty(), "{}", endpoint.name);
        assert!(endpoint.docs.answers[0].is_some(), "{}", endpoint.name);
    }
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = described();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let mut components = BTreeSet::new();
    for kind in ["schemas", "responses"] {
        let named = document["components"][kind].as_object().expect("components");
        components.extend(named.keys().map(|name| format!("#/components/{kind}/{name}")));
    }
    assert_eq!(found, components);
}

#[test]
fn operation_ids_are_unique() {
    let document = described();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.values().flat_map(|item| item.as_object().expect("operations").values());
    let ids: Vec<&str> = operations.filter_map(|it| it["operationId"].as_str()).collect();
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn every_response_describes_the_request_id_header() {
    let document = described();
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.values().flat_map(|item| item.as_object().expect("operations").values());
    for operation in operations {
        for (status, answer) in operation["responses"].as_object().expect("answers") {
            let answer = answer["$ref"].as_str().map_or(answer, |to| referred(&document, to));
            let described = &answer["headers"]["X-Request-Id"];
            assert!(described.is_object(), "{} {status}", operation["operationId"]);
        }
    }
}

/// The value that a reference points to.
fn referred<'a>(document: &'a Value, to: &str) -> &'a Value {
    document.pointer(to.trim_start_matches('#')).expect("every reference resolves, see above")
}

/// No object in a request body takes members that are not described, at any depth.
#[test]
fn request_bodies_reject_unknown_members_at_every_depth() {
    let document = described();
    let (mut to_do, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            references(&operation["requestBody"], &mut to_do);
        }
    }
    while let Some(name) = to_do.pop_first() {
        let schema = referred(&document, &name);
        if schema["type"] == "object" {
            assert_eq!(schema["additionalProperties"], false, "{name}");
        }
        if seen.insert(name) {
            references(schema, &mut to_do);
        }
    }
    assert!(seen.contains("#/components/schemas/UpdateWindow"), "a nested one was looked at");
}
