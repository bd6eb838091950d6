//! The sample events of `events/` as calls. With them, tests that loop over all endpoints also
//! cover endpoints that are added later.

use serde_json::Value;
use thali_platform::http::Endpoint;

use super::call::Call;
use super::template::root;

/// Headers of a sample that a call leaves out: they identify the sender, or follow from the rest.
const HEADERS_LEFT_OUT: [&str; 4] = ["authorization", "content-length", "cookie", "host"];

/// An endpoint, and its sample event.
pub struct Sample {
    pub endpoint: &'static Endpoint,
    event: Value,
}

impl Sample {
    pub fn of(endpoint: &'static Endpoint) -> Self {
        let file = root().join(format!("events/{}.json", endpoint.name));
        let text = std::fs::read_to_string(&file).expect("every endpoint has a sample event");
        Self { endpoint, event: serde_json::from_str(&text).expect("it is JSON") }
    }

    /// The sample's values for the parameters in the path, in the order of the path.
    pub fn parameters(&self) -> Vec<String> {
        let sampled: Vec<&str> =
            self.event["rawPath"].as_str().expect("it has a path").split('/').collect();
        let fits = |pattern: &&&str| {
            let parts = pattern.split('/');
            parts.clone().count() == sampled.len()
                && parts.zip(&sampled).all(|(part, text)| is_parameter(part) || part == *text)
        };
        let pattern = self.endpoint.paths.iter().find(fits);
        let pattern = pattern.unwrap_or_else(|| panic!("{}: another path", self.endpoint.name));
        let values = pattern.split('/').zip(&sampled).filter(|(part, _)| is_parameter(part));
        values.map(|(_, value)| (*value).to_owned()).collect()
    }

    /// The path that `pattern` becomes with these values for its parameters, in the same order.
    pub fn path_with<'a>(pattern: &str, values: impl IntoIterator<Item = &'a str>) -> String {
        let mut values = values.into_iter();
        let filled: Vec<&str> = pattern
            .split('/')
            .map(|part| if is_parameter(part) { values.next().expect("a value") } else { part })
            .collect();
        filled.join("/")
    }

    /// The sample's body, if the endpoint takes a JSON body.
    pub fn json(&self) -> Option<Value> {
        self.endpoint.docs.body?;
        let body = self.event["body"].as_str().expect("its sample has a body");
        Some(serde_json::from_str(body).expect("JSON"))
    }

    /// The sample's call of `path`, without credentials.
    pub fn call(&self, path: &str) -> Call {
        let query = self.event["rawQueryString"].as_str().unwrap_or_default();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut call = Call::new(self.endpoint.method.as_str(), &path);
        for (name, value) in self.event["headers"].as_object().expect("it has headers") {
            if !HEADERS_LEFT_OUT.contains(&name.as_str()) {
                call = call.header(name, value.as_str().expect("a header is text"));
            }
        }
        match self.event["body"].as_str() {
            Some(body) => call.sending(body),
            None => call,
        }
    }

    /// The sample's call of each of the endpoint's paths, with its own parameters.
    pub fn calls(&self) -> Vec<Call> {
        let parameters = self.parameters();
        let values = || parameters.iter().map(String::as_str);
        let call = |pattern: &&str| self.call(&Self::path_with(pattern, values()));
        self.endpoint.paths.iter().map(call).collect()
    }
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{') && part.ends_with('}')
}
