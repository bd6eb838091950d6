//! JSON bodies: read strictly, and refused with everything that is wrong in one answer.

use eserde::EDeserialize;
use eserde::reporter::ErrorReporter;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::problem::{FieldError, Problem};

/// The members of a body, before they are read as anything.
pub type Members = Map<String, Value>;

/// The error that none of `names` is there, of which one is needed; nothing where one is.
/// The first and the last name are told, aliases stand between them.
#[must_use]
pub fn one_of(members: &Members, names: &[&str]) -> Vec<FieldError> {
    let there = |name: &&str| members.get(*name).is_some_and(|value| !value.is_null());
    match names {
        [first, .., last] if !names.iter().any(there) => {
            vec![FieldError::new(first, &format!("is missing, and so is {last}"))]
        }
        _ => Vec::new(),
    }
}

/// Reads `body` as a `T` that keeps the rules between its fields.
///
/// Malformed JSON is a 400. Everything else that is wrong (wrong types, missing fields,
/// unknown fields, values that a newtype refuses, broken rules) is one 422 that names all
/// of it.
pub fn parse<'de, T: EDeserialize<'de>>(
    body: &'de [u8],
    rules: impl FnOnce(&Members) -> Vec<FieldError>,
) -> Result<T, Problem> {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(body) {
        return Err(Problem::malformed_json(&error));
    }
    // Serde would read a list as an object's members in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid_field("", "must be an object"));
    }
    let broken = serde_json::from_slice(body).map(|members| rules(&members)).unwrap_or_default();
    match parse_fields(body) {
        Ok(value) if broken.is_empty() => Ok(value),
        Ok(_) => Err(Problem::invalid_fields(broken)),
        Err(errors) => Err(Problem::invalid_fields([errors, broken].concat())),
    }
}

fn parse_fields<'de, T: EDeserialize<'de>>(body: &'de [u8]) -> Result<T, Vec<FieldError>> {
    let mut unknown = Vec::new();
    let parsed: Result<T, _> = {
        let mut json = serde_json::Deserializer::from_slice(body);
        let mut on_unknown = |path: serde_ignored::Path<'_>| unknown.push(name_of(&path));
        T::deserialize(serde_ignored::Deserializer::new(&mut json, &mut on_unknown))
    };
    match parsed {
        Ok(value) if unknown.is_empty() => Ok(value),
        Ok(_) => Err(unknown.iter().map(unknown_field).collect()),
        Err(first) => Err(all_errors::<T>(body, &first)),
    }
}

/// A path such as `items[0].sku`, as errors of values have it, without the marks that
/// `serde_ignored` sets where something is optional.
fn name_of(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    let (parent, name) = match path {
        Path::Root => return String::new(),
        Path::Seq { parent, index } => return format!("{}[{index}]", name_of(parent)),
        Path::Map { parent, key } => (parent, key.clone()),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => return name_of(parent),
    };
    match name_of(parent).as_str() {
        "" => name,
        parent => format!("{parent}.{name}"),
    }
}

fn unknown_field(path: impl AsRef<str>) -> FieldError {
    FieldError::new(path.as_ref(), "is not a field of this request")
}

/// Goes over the body again, past its first error, and collects every one.
fn all_errors<'de, T: EDeserialize<'de>>(
    body: &'de [u8],
    first: &serde_json::Error,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Err(found) = eserde::json::from_slice::<T>(body) {
        errors.extend(found.iter().map(|error| {
            // The body itself is printed as a lone dot.
            let path = error.path().map(ToString::to_string).unwrap_or_default();
            field_error(path.trim_start_matches('.'), error.message())
        }));
    }
    // Only what is nested too deep to be kept in memory is no `Value`.
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        // Serde's reader does not find its way out of a list or an object that stands
        // where something else was expected, and misses what comes after.
        if errors.iter().any(|error| error.field.is_empty()) {
            errors = errors_by_member::<T>(&members);
        }
        errors.extend(unknown_fields::<T>(members).iter().map(unknown_field));
    }
    if errors.is_empty() {
        errors.push(field_error("", &first.to_string()));
    }
    errors
}

/// What is wrong with each member by itself, and which members are missing. Coarser than
/// a pass over the text: an error within a member is told of the whole member.
fn errors_by_member<'de, T: EDeserialize<'de>>(members: &Map<String, Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (name, value) in members {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let wrong = messages_of::<T>(alone).into_iter().filter(|message| !is_missing(message));
        errors.extend(wrong.map(|message| field_error(name, &message)));
    }
    let missing = messages_of::<T>(members.clone()).into_iter().filter(|m| is_missing(m));
    errors.extend(missing.map(|message| field_error("", &message)));
    errors
}

fn messages_of<'de, T: EDeserialize<'de>>(members: Map<String, Value>) -> Vec<String> {
    let _reporting = ErrorReporter::start_deserialization();
    if T::deserialize_for_errors(Value::Object(members)).is_ok() {
        return Vec::new();
    }
    let errors = ErrorReporter::take_errors();
    errors.iter().map(|error| error.message().to_owned()).collect()
}

fn is_missing(message: &str) -> bool {
    message.starts_with("missing field `")
}

/// The fields that `T` does not have, also where others are wrong.
fn unknown_fields<'de, T: EDeserialize<'de>>(members: Map<String, Value>) -> Vec<String> {
    let mut unknown = Vec::new();
    let _reporting = ErrorReporter::start_deserialization();
    let mut on_unknown = |path: serde_ignored::Path<'_>| unknown.push(name_of(&path));
    let watched = serde_ignored::Deserializer::new(Value::Object(members), &mut on_unknown);
    // What else is wrong was collected before; here only the unknown fields count.
    let _ = T::deserialize_for_errors(watched);
    unknown
}

/// Serde names Rust's types; people know other words.
fn in_words(expected: &str) -> &str {
    match expected.split(" at line ").next().unwrap_or(expected) {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        expected if expected.starts_with("struct ") => "an object",
        other => other,
    }
}

/// Turns serde's words into a field and a sentence for people. Serde quotes what was sent
/// in its place, which may be a password or a code: only what was expected is told.
fn field_error(path: &str, message: &str) -> FieldError {
    let message = message.rsplit_once(", expected ").map_or_else(
        || message.to_owned(),
        |(_, expected)| format!("must be {}", in_words(&expected.replace('`', ""))),
    );
    let message = message.split(" at line ").next().unwrap_or(&message);
    if let Some(field) = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`')) {
        let field = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        return FieldError::new(&field, "is missing");
    }
    FieldError::new(path, message)
}

#[cfg(test)]
mod tests {
    use thali_domain::accounts::identity::Email;

    use super::*;

    #[derive(Debug, eserde::Deserialize)]
    struct Form {
        #[eserde(compat)]
        #[expect(dead_code, reason = "only its parsing is tested")]
        email: Email,
        #[serde(alias = "tokenCount")]
        token_count: u16,
        #[serde(default)]
        note: Option<String>,
    }

    fn errors_of(body: &str) -> Vec<(String, String)> {
        let problem = parse::<Form>(body.as_bytes(), |_| Vec::new()).expect_err("refused");
        problem.errors.into_iter().map(|error| (error.field, error.message)).collect()
    }

    #[test]
    fn a_good_body_is_read_with_its_aliases() {
        let form: Form =
            parse(br#"{"email": "a@b.in", "tokenCount": 3}"#, |_| Vec::new()).expect("read");
        assert_eq!((form.token_count, form.note), (3, None));
    }

    #[test]
    fn wrong_missing_and_unknown_fields_are_all_named_at_once() {
        let errors = errors_of(r#"{"email": "nobody", "note": 5, "price": 1}"#);
        let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
        for field in ["email", "token_count", "note", "price"] {
            assert!(fields.contains(&field), "{field} in {errors:?}");
        }
    }

    #[test]
    fn an_unknown_field_alone_is_refused() {
        let errors = errors_of(r#"{"email": "a@b.in", "token_count": 3, "price": 1}"#);
        assert_eq!(errors, [("price".to_owned(), "is not a field of this request".to_owned())]);
    }

    #[test]
    fn what_is_wrong_within_an_optional_member_is_named_by_its_plain_path() {
        #[derive(Debug, eserde::Deserialize)]
        struct Outer {
            #[serde(default)]
            #[expect(dead_code, reason = "only its parsing is tested")]
            inner: Option<Inner>,
        }
        #[derive(Debug, eserde::Deserialize)]
        struct Inner {
            #[expect(dead_code, reason = "only its parsing is tested")]
            count: u16,
        }
        for (body, expected) in [
            (
                r#"{"inner": {"count": 1, "price": 1}}"#,
                ("inner.price", "is not a field of this request"),
            ),
            (r#"{"inner": {}}"#, ("inner.count", "is missing")),
            (r#"{"inner": {"count": "x"}}"#, ("inner.count", "must be a whole number")),
            (r#"{"inner": "x"}"#, ("inner", "must be an object")),
        ] {
            let problem = parse::<Outer>(body.as_bytes(), |_| Vec::new()).expect_err("refused");
            let [error] = problem.errors.as_slice() else {
                panic!("one error: {:?}", problem.errors)
            };
            assert_eq!((error.field.as_str(), error.message.as_str()), expected);
        }
    }

    #[test]
    fn what_is_wrong_within_a_list_is_named_by_its_place_whatever_it_is() {
        #[derive(Debug, eserde::Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "only its parsing is tested")]
            inner: Vec<Inner>,
        }
        #[derive(Debug, eserde::Deserialize)]
        struct Inner {
            #[expect(dead_code, reason = "only its parsing is tested")]
            count: u16,
        }
        let body = br#"{"inner": [{"count": 1}, {"count": -1, "price": 1}]}"#;
        let problem = parse::<Outer>(body, |_| Vec::new()).expect_err("refused");
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["inner[1].count", "inner[1].price"]);
    }

    #[test]
    fn a_list_in_the_place_of_a_text_hides_no_other_error() {
        let errors = errors_of(r#"{"email": [{"a": 1}], "price": 1, "note": {"b": [2]}}"#);
        let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["email", "note", "token_count", "price"], "{errors:?}");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_repeated() {
        for sent in [r#""secret at line 1, expected secret""#, "736563", "[\"secret\"]"] {
            let body = format!(r#"{{"email": "a@b.in", "token_count": {sent}}}"#);
            let errors = errors_of(&body);
            assert_eq!(errors, [("token_count".to_owned(), "must be a whole number".to_owned())]);
        }
    }

    #[test]
    fn malformed_json_is_not_a_matter_of_fields() {
        let problem = parse::<Form>(br#"{"email": "#, |_| Vec::new()).expect_err("refused");
        assert_eq!(problem.status, http::StatusCode::BAD_REQUEST);
    }

    #[test]
    fn another_shape_than_an_object_is_refused_with_a_message() {
        #[derive(Debug, eserde::Deserialize)]
        struct Optional {
            #[serde(default)]
            #[expect(dead_code, reason = "only its parsing is tested")]
            note: Option<String>,
        }
        for body in ["[]", "[\"note\"]", "null", "5", " \"text\""] {
            let problem = parse::<Optional>(body.as_bytes(), |_| Vec::new()).expect_err("refused");
            let [error] = problem.errors.as_slice() else { panic!("one error of {body}") };
            assert_eq!((error.field.as_str(), error.message.as_str()), ("", "must be an object"));
        }
    }
}
