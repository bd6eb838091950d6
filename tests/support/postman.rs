//! The Postman collection and its environment, read as data.

use serde_json::Value;

use super::template::root;

/// A request of the collection.
pub struct Request {
    /// Unique in the collection.
    pub name: String,
    pub method: String,
    /// The address as written, with its variables.
    pub url: String,
    /// The body as written, if there is one.
    pub body: Option<String>,
    pub description: String,
    /// The script that checks the response.
    pub test: String,
}

/// The text of a file in `tests/`.
fn file(name: &str) -> String {
    std::fs::read_to_string(root().join("tests").join(name)).expect("it is there")
}

/// The collection's text.
pub fn collection() -> String {
    file("postman_collection.json")
}

/// The environment's variables: name and value, in the order of the file.
pub fn environment() -> Vec<(String, String)> {
    let environment: Value = serde_json::from_str(&file("postman_environment.json")).expect("JSON");
    let values = environment["values"].as_array().expect("it has values").iter();
    values.map(|variable| (text(&variable["key"]), text(&variable["value"]))).collect()
}

/// The requests of the collection, in the order of a run.
pub fn requests() -> Vec<Request> {
    let collection: Value = serde_json::from_str(&collection()).expect("JSON");
    let mut found = Vec::new();
    gather(&collection, &mut found);
    found
}

/// Collects the requests of a folder and of the folders in it.
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
        // Postman itself writes an address as an object with `raw` and its parts.
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
