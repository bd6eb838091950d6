//! Parses JSON bodies strictly. A refusal names everything that is wrong in one response.

use eserde::EDeserialize;
use eserde::reporter::ErrorReporter;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::problem::{FieldError, Problem};

/// The members of a body, before they are parsed into a type.
pub type Members = Map<String, Value>;

/// What some editors write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Says in our words what is wrong with a body that cannot be read. The parser's own words are
/// for programmers and may change with it.
fn unreadable(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    let begins = |beginnings: &[&str]| beginnings.iter().any(|text| message.starts_with(text));
    let place = format!("line {}, column {}", error.line(), error.column());
    // These are JSON, only more of it than is read.
    if begins(&["recursion limit"]) {
        return Problem::invalid_field("", format!("is nested too deeply ({place})"));
    }
    if begins(&["number out of range"]) {
        return Problem::invalid_field("", format!("has a number that is too large ({place})"));
    }
    let what = if error.is_eof() {
        "The body is not JSON, it ends too early"
    } else if begins(&["control character"]) {
        "The body is not JSON, a text has a line break or another control character in it"
    } else if begins(&["lone ", "unexpected end of hex", "invalid unicode"]) {
        "The body is not JSON, a text has half a character in it, or is not UTF-8"
    } else if begins(&["invalid escape"]) {
        "The body is not JSON, a text has an escape that JSON does not have"
    } else if begins(&["trailing characters"]) {
        "The body is not JSON, something follows its end"
    } else {
        "The body is not JSON"
    };
    Problem::malformed_json(&format!("{what}: {place}."))
}

/// Requires one of `names`: returns an error if all are missing. The error names the first and
/// the last name; the names between them are aliases.
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

/// Parses `body` as a `T`, and checks the rules between its fields.
///
/// Malformed JSON is a 400. A byte order mark at the beginning is skipped. All other errors (wrong
/// types, missing fields, unknown fields, values that a newtype refuses, broken rules) are one 422
/// that names them all.
pub fn parse<'de, T: EDeserialize<'de>>(
    body: &'de [u8],
    rules: impl FnOnce(&Members) -> Vec<FieldError>,
) -> Result<T, Problem> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    // Every text and number is read here, so that no error of theirs is left for below.
    let whole = match serde_json::from_slice(body) {
        Ok(whole) => whole,
        Err(error) => return parse_raw(body).ok_or_else(|| unreadable(&error)),
    };
    // Serde would accept a list too, and read it as an object's members in their order.
    let Value::Object(members) = whole else {
        return Err(Problem::invalid_field("", "must be an object"));
    };
    let broken = rules(&members);
    match parse_fields(body, &members) {
        Ok(value) if broken.is_empty() => Ok(value),
        Ok(_) => Err(Problem::invalid_fields(broken)),
        Err(wrong) => {
            let errors = wrong.iter().map(|(field, what)| FieldError::new(field, what)).collect();
            Err(Problem::invalid_fields([errors, broken].concat()))
        }
    }
}

/// A field, and what is wrong with it.
type Wrong = (String, String);

/// Parses an object with a text or a number in it that cannot be read, if `T` leaves it unread as a
/// `RawValue`.
fn parse_raw<'de, T: EDeserialize<'de>>(body: &'de [u8]) -> Option<T> {
    let whole: &RawValue = serde_json::from_slice(body).ok()?;
    let is_object = whole.get().starts_with('{');
    is_object.then(|| parse_fields(body, &Members::new()).ok()).flatten()
}

fn parse_fields<'de, T: EDeserialize<'de>>(
    body: &'de [u8],
    members: &Members,
) -> Result<T, Vec<Wrong>> {
    let mut unknown = Vec::new();
    let parsed: Result<T, _> = {
        let mut json = serde_json::Deserializer::from_slice(body);
        let mut on_unknown = |path: serde_ignored::Path<'_>| unknown.push(name_of(&path));
        T::deserialize(serde_ignored::Deserializer::new(&mut json, &mut on_unknown))
    };
    match parsed {
        Ok(value) if unknown.is_empty() => Ok(value),
        Ok(_) => Err(unknown.iter().map(unknown_field).collect()),
        Err(first) => Err(all_errors::<T>(body, members, &first)),
    }
}

/// A path such as `items[0].sku`, in the format of the other errors: without the marks that
/// `serde_ignored` adds for optional values.
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

fn unknown_field(path: impl AsRef<str>) -> Wrong {
    (path.as_ref().to_owned(), "is not a field of this request".to_owned())
}

/// Parses the body again, continues after the first error, and collects all errors.
fn all_errors<'de, T: EDeserialize<'de>>(
    body: &'de [u8],
    members: &Members,
    first: &serde_json::Error,
) -> Vec<Wrong> {
    let mut errors = Vec::new();
    if let Err(found) = eserde::json::from_slice::<T>(body) {
        errors.extend(found.iter().map(|error| {
            // The path of the body itself is a single dot.
            let path = error.path().map(ToString::to_string).unwrap_or_default();
            in_our_words(path.trim_start_matches('.'), error.message())
        }));
    }
    // If a list or an object is in the place of another type, the parser does not recover, and
    // misses the errors after it.
    if errors.iter().any(|(field, _)| field.is_empty()) {
        let by_member = errors_by_member::<T>(members);
        // A field that is given twice is there once among the members.
        errors.retain(|(_, what)| what == TWICE);
        errors.extend(by_member);
    }
    errors.extend(unknown_fields::<T>(members.clone()).iter().map(unknown_field));
    if errors.is_empty() {
        errors.push(in_our_words("", &first.to_string()));
    }
    errors
}

/// Checks each member separately, and which members are missing. The result is coarser than
/// that of a pass over the text: an error within a member is reported for the whole member.
fn errors_by_member<'de, T: EDeserialize<'de>>(members: &Map<String, Value>) -> Vec<Wrong> {
    let mut errors = Vec::new();
    for (name, value) in members {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let wrong = messages_of::<T>(alone).into_iter().filter(|message| !is_missing(message));
        errors.extend(wrong.map(|message| in_our_words(name, &message)));
    }
    let missing = messages_of::<T>(members.clone()).into_iter().filter(|m| is_missing(m));
    errors.extend(missing.map(|message| in_our_words("", &message)));
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

/// The fields that `T` does not have, even if other fields are wrong.
fn unknown_fields<'de, T: EDeserialize<'de>>(members: Map<String, Value>) -> Vec<String> {
    let mut unknown = Vec::new();
    let _reporting = ErrorReporter::start_deserialization();
    let mut on_unknown = |path: serde_ignored::Path<'_>| unknown.push(name_of(&path));
    let watched = serde_ignored::Deserializer::new(Value::Object(members), &mut on_unknown);
    // The other errors were collected before; only unknown fields matter here.
    let _ = T::deserialize_for_errors(watched);
    unknown
}

/// Translates serde's names of Rust types into common words.
fn in_words(expected: &str) -> &str {
    match expected.split(" at line ").next().unwrap_or(expected) {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "a string" => "a text",
        "a map" => "an object",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        expected if expected.starts_with("struct ") => "an object",
        other => other,
    }
}

/// What is wrong with a field that a body has twice.
const TWICE: &str = "is given twice";

/// Turns serde's message into a field and a readable sentence. Serde quotes the value that was
/// sent, which may be a password or a code, so the sentence says only what was expected.
fn in_our_words(path: &str, message: &str) -> Wrong {
    let message = message.rsplit_once(", expected ").map_or_else(
        || message.to_owned(),
        |(_, expected)| format!("must be {}", in_words(&expected.replace('`', ""))),
    );
    let message = message.split(" at line ").next().unwrap_or(&message);
    if let Some(field) = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`')) {
        let field = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        return (field, "is missing".to_owned());
    }
    if let Some(field) = message.strip_prefix("duplicate field `").and_then(|m| m.strip_suffix('`'))
    {
        return (field.to_owned(), TWICE.to_owned());
    }
    // Another error of the parser and not of a newtype, whose messages are ours.
    if ["invalid ", "unknown "].iter().any(|beginning| message.starts_with(beginning)) {
        return (path.to_owned(), "is not acceptable".to_owned());
    }
    (path.to_owned(), message.to_owned())
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
    fn a_valid_body_with_field_aliases_is_parsed() {
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
    fn an_error_within_an_optional_member_has_a_plain_path() {
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
    fn errors_within_a_list_are_named_by_index() {
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
    fn a_list_instead_of_a_text_hides_no_other_error() {
        let errors = errors_of(r#"{"email": [{"a": 1}], "price": 1, "note": {"b": [2]}}"#);
        let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["email", "note", "token_count", "price"], "{errors:?}");
    }

    #[test]
    fn the_error_of_a_wrong_type_does_not_quote_the_value() {
        for sent in [r#""secret at line 1, expected secret""#, "736563", "[\"secret\"]"] {
            let body = format!(r#"{{"email": "a@b.in", "token_count": {sent}}}"#);
            let errors = errors_of(&body);
            assert_eq!(errors, [("token_count".to_owned(), "must be a whole number".to_owned())]);
        }
    }

    /// Words of the parser that no client should see.
    const PARSERS_WORDS: [&str; 16] = [
        "hex escape",
        "surrogate",
        "recursion",
        "out of range",
        "EOF",
        "while parsing",
        "trailing",
        "code point",
        "expected",
        "invalid",
        "duplicate",
        "variant",
        "struct",
        "sequence",
        "u16",
        "`",
    ];

    #[test]
    fn what_is_wrong_with_a_body_is_said_in_our_words() {
        let deep = format!(r#"{{"note": {}{}}}"#, "[".repeat(500), "]".repeat(500));
        let fields = r#"{"email": "a@b.in", "token_count": 3, "note": "#;
        let table: Vec<(Vec<u8>, u16, &str)> = vec![
            (format!(r#"{fields}"\ud800"}}"#).into(), 400, "half a character"),
            (format!(r#"{fields}"\ud800\u0041"}}"#).into(), 400, "half a character"),
            (format!(r#"{fields}"\udc00"}}"#).into(), 400, "half a character"),
            (format!(r#"{fields}"\u12g4"}}"#).into(), 400, "escape"),
            (format!(r#"{fields}"\x41"}}"#).into(), 400, "escape"),
            (format!("{fields}\"a\nb\"}}").into(), 400, "line break"),
            (format!("{fields}\"a\0b\"}}").into(), 400, "control character"),
            ([fields.as_bytes(), b"\"\xff\"}"].concat(), 400, "UTF-8"),
            (deep.into(), 422, "nested too deeply"),
            (format!("{fields}1e999}}").into(), 422, "too large"),
            (format!("{fields}NaN}}").into(), 400, "is not JSON"),
            (format!("{fields}Infinity}}").into(), 400, "is not JSON"),
            (format!("{fields}01}}").into(), 400, "is not JSON"),
            (format!("{fields}'x'}}").into(), 400, "is not JSON"),
            (format!("{fields}null,}}").into(), 400, "is not JSON"),
            (format!("{fields}null}} x").into(), 400, "something follows"),
            (fields.into(), 400, "ends too early"),
            ("".into(), 400, "ends too early"),
            (format!("{fields}null").into(), 400, "ends too early"),
            (format!("{fields}1}}").into(), 422, "must be a text"),
            (format!("{fields}[]}}").into(), 422, "must be a text"),
            (format!(r#"{fields}"a", "note": "b"}}"#).into(), 422, "is given twice"),
            (format!(r#"{fields}"a", "token_count": 4}}"#).into(), 422, "is given twice"),
            (r#"{"email": "a@b.in", "token_count": 70000}"#.into(), 422, "must be a whole number"),
            (r#"{"email": "a@b.in", "token_count": 1.5}"#.into(), 422, "must be a whole number"),
            (r#"{"email": "a@b.in", "token_count": null}"#.into(), 422, "must be a whole number"),
            (r#"{"email": {}, "token_count": 1}"#.into(), 422, "must be a text"),
            (r#"{"token_count": 1}"#.into(), 422, "is missing"),
            ("[]".into(), 422, "must be an object"),
        ];
        for (body, status, words) in table {
            let shown = String::from_utf8_lossy(&body).into_owned();
            let problem = parse::<Form>(&body, |_| Vec::new()).expect_err(&shown);
            let told = problem.to_json("r").to_string();
            assert_eq!(problem.status.as_u16(), status, "{shown}: {told}");
            assert!(told.contains(words), "{shown}: {told}");
            assert_eq!(problem.detail.contains("column"), status == 400, "{shown}: {told}");
            let messages: Vec<&str> = problem.errors.iter().map(|e| e.message.as_str()).collect();
            let told = format!("{} {messages:?}", problem.detail.replace("`errors`", "errors"));
            for word in PARSERS_WORDS {
                assert!(!told.contains(word), "{word} in {told} of {shown}");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let body = b"\xef\xbb\xbf{\"email\": \"a@b.in\", \"token_count\": 3}";
        assert_eq!(parse::<Form>(body, |_| Vec::new()).expect("read").token_count, 3);
        let twice = [b"\xef\xbb\xbf".as_slice(), body].concat();
        assert!(parse::<Form>(&twice, |_| Vec::new()).is_err());
    }

    #[test]
    fn malformed_json_is_a_400() {
        let problem = parse::<Form>(br#"{"email": "#, |_| Vec::new()).expect_err("refused");
        assert_eq!(problem.status, http::StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_body_that_is_not_an_object_is_refused() {
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
