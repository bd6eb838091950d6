//! The Postman collection and its environment, read as data.

use serde_json::Value;

use super::template::root;

/// A request of the collection.
pub struct Request {
    /// What it is called, which no other request is.
    pub name: String,
    /// The method.
    pub method: String,
    /// The address as it is written, with its variables.
    pub url: String,
    /// The body as it is written, where there is one.
    pub body: Option<String>,
    /// What it is for.
    pub description: String,
    /// The script that looks at the answer.
    pub test: String,
}

/// A file beside the tests.
fn file(name: &str) -> String {
    std::fs::read_to_string(root().join("tests").join(name)).expect("it is there")
}

/// The collection as it is written.
pub fn collection() -> String {
    file("postman_collection.json")
}

/// The environment's variables, in their order.
pub fn environment() -> Vec<(String, String)> {
    let environment: Value = serde_json::from_str(&file("postman_environment.json")).expect("JSON");
    let values = environment["values"].as_array().expect("it has values").iter();
    values.map(|variable| (text(&variable["key"]), text(&variable["value"]))).collect()
}

/// The requests of the collection, in the order in which a run sends them.
pub fn requests() -> Vec<Request> {
    let collection: Value = serde_json::from_str(&collection()).expect("JSON");
    let mut found = Vec::new();
    gather(&collection, &mut found);
    found
}

/// Takes the requests out of a folder and of the folders in it.
fn gather(folder: &Value, found: &mut Vec<Request>) {
    for item in folder["item"].as_array().expect("a folder has items") {
        if item["request"].is_null() {
            gather(item, found);
        } else {
            found.push(Request::of(item));
        }
    }
}

impl Request {
    fn of(item: &Value) -> Self {
        let request = &item["request"];
        // Postman itself writes an address with its parts beside it.
        let url = request["url"].as_str().or(request["url"]["raw"].as_str()).expect("an address");
        let tests = item["event"].as_array().into_iter().flatten();
        let tests = tests.filter(|event| event["listen"] == "test");
        let lines =
            tests.flat_map(|event| event["script"]["exec"].as_array().into_iter().flatten());
        Self {
            name: text(&item["name"]),
            method: text(&request["method"]),
            url: url.to_owned(),
            body: request["body"]["raw"].as_str().map(str::to_owned),
            description: request["description"].as_str().unwrap_or_default().to_owned(),
            test: lines.map(|line| text(line) + "\n").collect(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
