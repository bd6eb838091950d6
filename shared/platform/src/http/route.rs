//! Finds the endpoint of a path, and the parameters in the path. On AWS the gateway routes; this
//! code is for a process that serves all endpoints, and for tests.

use http::Method;

use super::access::Access;
use super::endpoint::Endpoint;

/// The gateway's name of the route for requests that match no other. One endpoint has it as path.
pub const DEFAULT_ROUTE: &str = "$default";

/// The parameters of a path: names, and values as they are written in the path.
pub type Parameters = Vec<(String, String)>;

/// The endpoint for a method and a path, and the path's parameters. If several paths match, the
/// one with the fewest parameters wins, as at the gateway. If none matches, the endpoint of
/// [`DEFAULT_ROUTE`] is returned.
///
/// # Panics
///
/// If no endpoint has the default route; a test checks that one has.
#[must_use]
pub fn route<'a>(
    endpoints: &[&'a Endpoint],
    method: &str,
    path: &str,
) -> (&'a Endpoint, Parameters) {
    let matching = endpoints.iter().filter(|endpoint| endpoint.takes_method(method));
    let found = matching
        .filter_map(|endpoint| Some((*endpoint, endpoint.parameters_in(path)?)))
        .min_by_key(|(_, parameters)| parameters.len());
    found.unwrap_or_else(|| {
        let default = endpoints.iter().find(|endpoint| !endpoint.is_routed());
        (default.expect("an endpoint has the default route"), Vec::new())
    })
}

impl Endpoint {
    /// Whether the endpoint has a path of its own, unlike the one of [`DEFAULT_ROUTE`].
    #[must_use]
    pub fn is_routed(&self) -> bool {
        self.paths != [DEFAULT_ROUTE]
    }

    /// Whether the endpoint takes a request of this method: its own, and `HEAD` where anybody may
    /// `GET`, for monitors that look whether the service is up.
    #[must_use]
    pub fn takes_method(&self, method: &str) -> bool {
        self.method == method || (method == Method::HEAD && self.answers_head())
    }

    /// Whether the endpoint answers `HEAD`. The gateway sends it requests of every method then.
    #[must_use]
    pub fn answers_head(&self) -> bool {
        self.is_routed() && self.method == Method::GET && self.access == Access::Public
    }

    /// The names of the parameters in the endpoint's first path.
    #[must_use]
    pub fn path_parameters(&self) -> Vec<&'static str> {
        self.paths[0].split('/').filter_map(parameter_name).collect()
    }

    /// Whether one of the endpoint's paths matches `path`. A part in braces matches any one part.
    #[must_use]
    pub fn serves_path(&self, path: &str) -> bool {
        self.parameters_in(path).is_some()
    }

    /// The parameters of `path`, if one of the endpoint's paths matches it.
    fn parameters_in(&self, path: &str) -> Option<Parameters> {
        let matched = self.paths.iter().filter_map(|template| parameters(template, path));
        matched.min_by_key(Vec::len)
    }
}

/// The name in a part such as `{order_id}`.
fn parameter_name(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// The part before a parameter such as `{proxy+}`, which takes the rest of the path, and its name.
fn greedy(template: &str) -> Option<(&str, &str)> {
    let (root, name) = template.strip_suffix("+}")?.rsplit_once('{')?;
    Some((root, name))
}

/// The parameters of `path`, if it matches `template`.
fn parameters(template: &str, path: &str) -> Option<Parameters> {
    if let Some((root, name)) = greedy(template) {
        let rest = path.strip_prefix(root).filter(|rest| !rest.is_empty())?;
        return Some(vec![(name.to_owned(), rest.to_owned())]);
    }
    if template.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut parameters = Vec::new();
    for (expected, part) in template.split('/').zip(path.split('/')) {
        match parameter_name(expected) {
            Some(name) if !part.is_empty() => parameters.push((name.to_owned(), part.to_owned())),
            _ if expected == part => {}
            _ => return None,
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_matches_exactly_one_part() {
        let template = "/orders/{order_id}/cancel";
        let found = parameters(template, "/orders/ord_1/cancel").expect("it matches");
        assert_eq!(found, [("order_id".to_owned(), "ord_1".to_owned())]);
        for other in ["/orders//cancel", "/orders/a/b/cancel", "/orders/a/collect", "/orders/a"] {
            assert_eq!(parameters(template, other), None, "{other}");
        }
    }

    #[test]
    fn a_greedy_parameter_takes_the_rest_of_the_path() {
        let rest = |path| parameters("/assets/{proxy+}", path).map(|found| found[0].1.clone());
        assert_eq!(rest("/assets/app.js").as_deref(), Some("app.js"));
        assert_eq!(rest("/assets/icons/a.png").as_deref(), Some("icons/a.png"));
        for other in ["/assets/", "/assets", "/assetsx/a"] {
            assert_eq!(rest(other), None, "{other}");
        }
    }
}
