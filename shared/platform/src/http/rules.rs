//! The names of the rules that fields of a request break, so that a client says them in its own
//! language. The sentences are made where a value is parsed, most of them in `thali_domain`, and
//! serde carries nothing but a text from there. So a rule is recognised by its sentence.

use serde_json::{Map, Value};

/// Every rule's name, and its sentence. A placeholder stands for a number or one other word, which
/// is a value of the rule; one with a star stands for any text. An error whose sentence is not in
/// the table fails every test that produces it.
pub const RULES: &[(&str, &str)] = &[
    // What a body is.
    ("missing", "is missing"),
    ("missing_either", "is missing, and so is {other}"),
    ("mess_missing", "is missing: there are several messes"),
    ("meal_missing", "is missing, and no meal is being served"),
    ("password_needed", "is missing: it is needed to change the security code"),
    ("unknown_field", "is not a field of this request"),
    ("unknown_parameter", "is not a parameter of this list"),
    ("unknown_parameter", "is not a parameter of this"),
    ("twice", "is given twice"),
    ("together", "does not go together with {other}"),
    ("cursor", "is not one that this list has answered"),
    ("cursor", "is not one that a list has answered"),
    ("cursor", "is not one that this file has answered"),
    ("cursor", "is no place in a file of scans"),
    ("cursor", "is no place in the list"),
    ("too_deep", "is nested too deeply (line {line}, column {column})"),
    ("number_too_large", "has a number that is too large (line {line}, column {column})"),
    ("object", "must be an object"),
    ("list", "must be a list"),
    ("text", "must be a text"),
    ("number", "must be a number"),
    ("whole_number", "must be a whole number"),
    ("yes_or_no", "must be true or false"),
    ("not_acceptable", "is not acceptable"),
    ("not_alone", "is only for a scan that is sent alone"),
    // Numbers and lengths.
    ("length", "must be {least} to {most} characters"),
    ("line", "must be {least} to {most} characters on one line"),
    ("visible_ascii", "must be {least} to {most} visible ASCII characters"),
    ("number_between", "must be a whole number from {least} to {most}"),
    ("number_between", "must be {least} to {most}"),
    ("number_but_none", "must be a whole number from {least} to {most}, and not 0"),
    ("days_between", "must be {least} to {most} days"),
    ("paise_between", "must be {least} to {most} paise"),
    (
        "rupees",
        "must be an amount in rupees from {least} to {most} with at most two decimal places",
    ),
    ("bytes_between", "must be {least} to {most} bytes"),
    ("count_between", "must be {least} to {most} items"),
    ("count_between", "must be {least} to {most} scans"),
    ("count_between", "must be {least} to {most} tokens"),
    ("digits", "must be {least} to {most} digits"),
    ("code_digits", "must be six digits"),
    ("rows", "must have at most {most} rows"),
    ("file", "must be a file in base64"),
    ("file_size", "must be a file of at most {most} MiB"),
    // Days and times.
    ("date", "must be a date such as {example}"),
    ("birth_date", "must be a date after the year 1900, such as {example}"),
    ("future", "must not be in the future"),
    ("past", "must not be past"),
    ("days_back", "must be within the last {most} days"),
    ("days_ahead", "must be at most {most} days ahead"),
    ("days_around", "must be at most {back} days before and {ahead} after today"),
    ("dates_between", "must be from {first} to {last}"),
    ("before_first", "must not be before the first day"),
    ("days", "must be at most {most} days, both included"),
    ("time", "must be a time such as {example}"),
    ("time_of_day", "must be a time of day such as {example}"),
    ("window_empty", "must not close when it opens"),
    ("zone", "must be a time zone such as {example}"),
    ("zone", "must be the time zone of a place"),
    ("meals", "must name one to three meals, each once"),
    // People.
    ("email", "must be an e-mail address"),
    ("email_same", "is the account's address already"),
    (
        "username",
        "must be {least} to {most} letters, digits, dots, underscores or hyphens, beginning with a letter or a digit",
    ),
    ("roll_no", "must be {least} to {most} letters, digits, hyphens, slashes or dots"),
    (
        "phone",
        "must be a telephone number, such as {example*}, or as it is dialled in the mess's country",
    ),
    ("phone", "must be a telephone number, such as {example*}"),
    ("country", "must be the two letters of a country, such as {example}"),
    ("not_removable", "cannot be taken away"),
    (
        "password_invisible",
        "must not contain control characters, or characters that cannot be seen",
    ),
    ("password_easy", "is too easy to guess"),
    ("password_is_email", "must not be the e-mail address"),
    ("password_same", "is the current password"),
    ("different", "is not the same as {other}"),
    // Things.
    ("sku", "must be {least} to {most} letters, digits, dots, hyphens or underscores"),
    ("not_on_menu", "is not on the menu"),
    ("token_twice", "names a token twice"),
    ("screenshot_gone", "is not the key of a picture that you have uploaded"),
    ("screenshot_type", "is not a picture of the declared type"),
    ("url", "must be an address that begins with https://, of at most {most} characters"),
    ("id", "must be an identifier that begins with {prefix}"),
    ("id", "must be a Razorpay id that begins with {prefix}"),
    ("id", "must be mess_ and {least} to {most} letters, digits, - or _"),
    ("id", "must be a token id such as {example}"),
    ("id", "must be the id of a scan, {example}"),
    ("id", "must be the id of a key of codes, such as {example}"),
    ("id", "must be an id, or what a record calls it"),
    ("id", "must be the key of {what*}"),
    ("id", "must be twelve characters of base64url"),
    // A file's lines and columns.
    ("taken", "is somebody else's already"),
    ("taken_by", "is {name*}'s already"),
    ("another_email", "is there with another e-mail address, or with none"),
    ("row_twice", "{value*} is on line {first} already"),
    (
        "rounded",
        "the spreadsheet has rounded it: format the column as text, enter it again and save the file again",
    ),
    ("workbook", "this is a workbook and no CSV: save the sheet as “CSV UTF-8”"),
    ("not_utf8", "this is not UTF-8: save the file as “CSV UTF-8”"),
    ("not_utf8", "this is damaged UTF-16: save the file as “CSV UTF-8”"),
    ("quotation_open", "a quotation mark is not closed; within a text it is written twice"),
    (
        "file_empty",
        "the file is empty; its first line names the columns: {required} and, if you like, {optional}",
    ),
    ("columns", "its first line names the columns: {required} and, if you like, {optional}"),
    ("column_missing", "the column {column} is missing"),
    ("column_twice", "the column {column*} is there twice"),
    ("column_both", "“{one*}” and “{another*}” both mean the column {column}"),
    ("column_unknown", "“{column*}” is no column"),
    ("column_unnamed", "column {column} has no heading, and something is in it on line {line}"),
    ("fields", "it has {found} fields, and the first line names {named} columns"),
    // One of a few.
    ("choice", "must be student, staff or owner"),
    ("choice", "must be staff or owner"),
    ("choice", "must be pending_approval, active, rejected, blocked or deleted"),
    ("choice", "must be pending, verified or rejected"),
    ("choice", "must be BREAKFAST, LUNCH or DINNER"),
    ("choice", "must be image/jpeg, image/png or image/webp"),
    ("choice", "must be required or automatic"),
    ("choice", "must be allowed or forbidden"),
    ("choice", "must be json, svg or png"),
    ("choice", "must be json or csv"),
    ("choice", "must be one of {choices*}"),
];

/// A rule that a value breaks, with what its sentence says beside its words: bounds, an example,
/// the name of another field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub rule: &'static str,
    pub values: Map<String, Value>,
}

impl Broken {
    /// The rule that has this sentence.
    #[must_use]
    pub fn of_sentence(sentence: &str) -> Option<Self> {
        RULES.iter().find_map(|(rule, pattern)| {
            values_in(sentence, pattern).map(|values| Self { rule, values })
        })
    }
}

/// The values in a sentence, if it has this pattern.
fn values_in(sentence: &str, pattern: &str) -> Option<Map<String, Value>> {
    let mut pieces = pattern.split('{');
    let mut rest = sentence.strip_prefix(pieces.next()?)?;
    let mut values = Map::new();
    for piece in pieces {
        let (name, after) = piece.split_once('}')?;
        let end = if after.is_empty() { rest.len() } else { rest.find(after)? };
        let (value, left) = rest.split_at(end);
        rest = &left[after.len()..];
        let is_text = name.ends_with('*');
        if value.is_empty() || !is_text && value.contains(char::is_whitespace) {
            return None;
        }
        let number = value.parse::<i64>().map(Value::from);
        let value = number.unwrap_or_else(|_| Value::from(value));
        values.insert(name.trim_end_matches('*').to_owned(), value);
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_rule_is_recognised_by_its_own_sentence() {
        for (rule, pattern) in RULES {
            let sentence = pattern.replace('{', "").replace(['}', '*'], "");
            let found = Broken::of_sentence(&sentence).expect(pattern);
            assert_eq!(found.rule, *rule, "{pattern}");
            assert_eq!(found.values.len(), pattern.matches('{').count(), "{pattern}");
        }
    }

    #[test]
    fn the_bounds_of_a_rule_are_numbers() {
        let broken = |sentence| Broken::of_sentence(sentence).expect("a rule");
        let line = broken("must be 1 to 300 characters on one line");
        assert_eq!((line.rule, json!(line.values)), ("line", json!({ "least": 1, "most": 300 })));
        let length = broken("must be 2 to 40 characters");
        assert_eq!(length.rule, "length");
        let delta = broken("must be a whole number from -1000 to 1000, and not 0");
        assert_eq!(json!(delta.values), json!({ "least": -1000, "most": 1000 }));
        let date = broken("must be a date such as 2026-02-28");
        assert_eq!(json!(date.values), json!({ "example": "2026-02-28" }));
    }

    #[test]
    fn another_sentence_is_no_rule() {
        for other in ["", "must be", "is missing at all", "must be 1 to 2 elephants"] {
            assert_eq!(Broken::of_sentence(other), None, "{other}");
        }
    }
}
