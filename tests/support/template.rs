//! `template.yaml`, read as data, so that tests and deployment cannot disagree.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// The workspace's root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is in the workspace").to_owned()
}

/// The template as JSON; a tag such as `!Sub x` becomes `{"!Sub": x}`.
pub fn template() -> Value {
    let text = std::fs::read_to_string(root().join("template.yaml")).expect("it is there");
    let yaml = serde_norway::from_str(&text).expect("it is YAML");
    plain(yaml)
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
