//! Reads `template.yaml` and `infra/monitoring.yaml` as data, so that tests and deployment cannot
//! disagree.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// The workspace's root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is in the workspace").to_owned()
}

/// The template as JSON, with its loops expanded; a tag such as `!Sub x` becomes `{"!Sub": x}`.
pub fn template() -> Value {
    read("template.yaml")
}

/// The template of the alarms, likewise.
pub fn monitoring() -> Value {
    read("infra/monitoring.yaml")
}

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join(file)).expect("it is there");
    let template = plain(serde_norway::from_str(&text).expect("it is YAML"));
    let mappings = template["Mappings"].clone();
    written_out(template, &mappings)
}

/// Expands a value as `AWS::LanguageExtensions` does: each `Fn::ForEach` becomes the members
/// that it generates. Functions with only literal arguments are replaced by their values.
fn written_out(value: Value, mappings: &Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|it| written_out(it, mappings)).collect(),
        Value::Object(members) => {
            let mut all = Map::new();
            for (name, member) in members {
                if name.starts_with("Fn::ForEach::") {
                    for round in rounds(&member) {
                        let round = written_out(round, mappings);
                        all.extend(round.as_object().expect("a loop makes members").clone());
                    }
                } else {
                    all.insert(name, written_out(member, mappings));
                }
            }
            literal(all, mappings)
        }
        scalar => scalar,
    }
}

/// The body of a loop `[name, [values], body]`, once for each value in place of the name.
fn rounds(of_loop: &Value) -> Vec<Value> {
    let name = of_loop[0].as_str().expect("a loop's name");
    let values = of_loop[1].as_array().expect("a loop's values");
    let round = |value: &Value| {
        let value = value.as_str().expect("a text");
        let body = of_loop[2].to_string();
        let body = body.replace(&format!("${{{name}}}"), value);
        let body = body.replace(&json!({ "!Ref": name }).to_string(), &json!(value).to_string());
        serde_json::from_str(&body).expect("still JSON")
    };
    values.iter().map(round).collect()
}

/// A function's value if all its arguments are literals, otherwise the object unchanged.
fn literal(members: Map<String, Value>, mappings: &Value) -> Value {
    let function = members.iter().next().map(|(name, of)| (name.as_str(), of));
    match function {
        Some(("!Sub", Value::String(text))) if !text.contains("${") => json!(text),
        Some(("!Sub", Value::Array(parts))) if parts[1].as_object().is_some_and(all_texts) => {
            let mut text = parts[0].as_str().expect("a text").to_owned();
            for (name, value) in parts[1].as_object().expect("just checked") {
                text = text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default());
            }
            literal(Map::from_iter([("!Sub".to_owned(), json!(text))]), mappings)
        }
        Some(("!FindInMap", Value::Array(path))) if path.iter().all(Value::is_string) => {
            let steps = path.iter().filter_map(Value::as_str);
            steps.fold(mappings, |found, step| &found[step]).clone()
        }
        Some(("!GetAtt", Value::Array(path))) if path.iter().all(Value::is_string) => {
            let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
            json!({ "!GetAtt": path.join(".") })
        }
        _ => Value::Object(members),
    }
}

fn all_texts(members: &Map<String, Value>) -> bool {
    members.values().all(Value::is_string)
}

fn plain(yaml: serde_norway::Value) -> Value {
    use serde_norway::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => serde_json::to_value(number).expect("a number"),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            let entry =
                |(key, value)| (plain(key).as_str().unwrap_or_default().to_owned(), plain(value));
            Value::Object(entries.into_iter().map(entry).collect())
        }
        Yaml::Tagged(tagged) => json!({ tagged.tag.to_string(): plain(tagged.value) }),
    }
}

/// The resources of a type, with their logical names.
pub fn resources(template: &Value, kind: &str) -> Map<String, Value> {
    let resources = template["Resources"].as_object().expect("there are resources");
    let of_kind = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.clone(), resource.clone())).collect()
}

/// `CreateTable` requests for the template's tables, in a stack of this name.
pub fn create_table_requests(stack: &str) -> Vec<Value> {
    let tables = resources(&template(), "AWS::DynamoDB::Table");
    assert!(!tables.is_empty(), "the template has tables");
    tables.into_iter().map(|(_, table)| create_table_request(&table["Properties"], stack)).collect()
}

fn create_table_request(properties: &Value, stack: &str) -> Value {
    let name = properties["TableName"]["!Sub"].as_str().expect("tables are named after the stack");
    let mut request = json!({ "TableName": name.replace("${AWS::StackName}", stack) });
    let taken = ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode"];
    for property in taken {
        if !properties[property].is_null() {
            request[property] = properties[property].clone();
        }
    }
    if let Some(view) = properties["StreamSpecification"]["StreamViewType"].as_str() {
        request["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": view });
    }
    request
}
