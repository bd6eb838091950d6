//! The sample events of `events/` as calls, so that a test which goes over all endpoints
//! covers one that is added later without knowing of it.

use serde_json::Value;
use thali_platform::http::Endpoint;

use super::call::Call;
use super::template::root;

/// Headers of a sample that say who sends it and from where, or follow from the rest.
const NOT_OF_THE_CALL: [&str; 4] = ["authorization", "content-length", "cookie", "host"];

/// An endpoint, and the request that its sample event is.
pub struct Sample {
    /// The endpoint.
    pub endpoint: &'static Endpoint,
    event: Value,
}

impl Sample {
    /// The sample of an endpoint.
    pub fn of(endpoint: &'static Endpoint) -> Self {
        let file = root().join(format!("events/{}.json", endpoint.name));
        let text = std::fs::read_to_string(&file).expect("every endpoint has a sample event");
        Self { endpoint, event: serde_json::from_str(&text).expect("it is JSON") }
    }

    /// The path's parameters and the sample's values for them, in their order.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let sampled: Vec<&str> =
            self.event["rawPath"].as_str().expect("it has a path").split('/').collect();
        let values_at = |pattern: &'static str| {
            let parts: Vec<&str> = pattern.split('/').collect();
            let fits = parts.len() == sampled.len()
                && parts.iter().zip(&sampled).all(|(part, text)| {
                    parameter_name(part).is_some() || part == text
                });
            fits.then(|| {
                let pairs = parts.into_iter().zip(&sampled);
                let named = pairs.filter_map(|(part, text)| Some((parameter_name(part)?, text)));
                named.map(|(name, text)| (name, (*text).to_owned())).collect()
            })
        };
        let found = self.endpoint.paths.iter().find_map(|pattern| values_at(pattern));
        found.unwrap_or_else(|| panic!("{}: the sample's path is none of its", self.endpoint.name))
    }

    /// A path of the endpoint with values for its parameters, given in their order.
    pub fn path_with<'a>(pattern: &str, values: impl IntoIterator<Item = &'a str>) -> String {
        let mut values = values.into_iter();
        let filled: Vec<&str> = pattern
            .split('/')
            .map(|part| match parameter_name(part) {
                Some(name) => values.next().unwrap_or_else(|| panic!("{pattern}: no {name}")),
                None => part,
            })
            .collect();
        filled.join("/")
    }

    /// The sample's body as JSON, where the endpoint reads one.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.event["body"].as_str()?).ok()
    }

    /// The sample's call of `path`, by nobody.
    pub fn call(&self, path: &str) -> Call {
        let query = self.event["rawQueryString"].as_str().unwrap_or_default();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut call = Call::new(self.endpoint.method.as_str(), &path);
        for (name, value) in self.event["headers"].as_object().expect("it has headers") {
            if !NOT_OF_THE_CALL.contains(&name.as_str()) {
                call = call.header(name, value.as_str().expect("a header is text"));
            }
        }
        match self.event["body"].as_str() {
            Some(body) => call.with_body(body),
            None => call,
        }
    }

    /// The sample's call of each of the endpoint's paths, with its own parameters.
    pub fn calls(&self) -> Vec<Call> {
        let parameters = self.parameters();
        let values = || parameters.iter().map(|(_, value)| value.as_str());
        let paths = self.endpoint.paths.iter();
        paths.map(|pattern| self.call(&Self::path_with(pattern, values()))).collect()
    }
}

/// The name of a part in braces.
fn parameter_name(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}
