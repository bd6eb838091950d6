//! Detects personal and secret values in log lines by their shape, so that a test need not know
//! which values other tests have used.

/// A shape's name, and the function that detects it in a line.
type Shape = (&'static str, fn(&str) -> bool);

/// The name of the first personal or secret shape in a line, if there is one.
pub fn forbidden(line: &str) -> Option<&'static str> {
    let shapes: [Shape; 9] = [
        ("e-mail address", holds_email),
        ("JSON web token", holds_jwt),
        ("bearer token", |line| has_value_after(line, "bearer", " ", |rest| !rest.is_empty())),
        ("refresh token", holds_refresh_token),
        ("staff token", holds_staff_token),
        ("telephone number", holds_phone),
        ("code", holds_code),
        ("password", holds_password),
        ("password's hash", |line| line.contains("$argon2")),
    ];
    shapes.into_iter().find(|(_, holds)| holds(line)).map(|(name, _)| name)
}

/// The longest pieces of a line in which every character is a `part`.
fn pieces(line: &str, part: fn(char) -> bool) -> impl Iterator<Item = &str> {
    line.split(move |c: char| !part(c)).filter(|piece| !piece.is_empty())
}

fn holds_email(line: &str) -> bool {
    pieces(line, |c| c.is_ascii_alphanumeric() || ".!#$%&*+/=?^_`{|}~-@".contains(c)).any(|piece| {
        let (local, domain) = piece.split_once('@').unwrap_or_default();
        let mut labels = domain.split('.');
        !local.is_empty()
            && labels.clone().count() > 1
            && labels.next().is_some_and(|label| !label.is_empty())
    })
}

fn holds_jwt(line: &str) -> bool {
    pieces(line, |c| c.is_ascii_alphanumeric() || "-_.".contains(c)).any(|piece| {
        let parts: Vec<&str> = piece.split('.').collect();
        piece.starts_with("eyJ") && parts.len() == 3 && parts[..2].iter().all(|p| p.len() > 10)
    })
}

fn holds_refresh_token(line: &str) -> bool {
    let secret = |rest: &str| rest.split('.').nth(2).is_some_and(|secret| secret.len() >= 40);
    line.contains("thali_refresh=")
        || pieces(line, |c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            .any(|piece| piece.starts_with("acc_") && secret(piece))
}

fn holds_staff_token(line: &str) -> bool {
    pieces(line, |c| c.is_ascii_alphanumeric() || "-_".contains(c))
        .any(|piece| piece.starts_with("stf_") && piece.len() > 64)
}

/// A `+` with 7 to 15 digits, not inside a longer word.
fn holds_phone(line: &str) -> bool {
    line.match_indices('+').any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + 1..]);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let in_a_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        (7..=15).contains(&digits)
            && !in_a_word(before.chars().next_back())
            && !in_a_word(after[digits..].chars().next())
    })
}

/// A one-time code after `otp` or `code`, or a PIN after `pin` or `security_code`.
fn holds_code(line: &str) -> bool {
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    let between = "\"\\':=# ";
    ["otp", "code"]
        .iter()
        .any(|word| has_value_after(line, word, between, |rest| digits(rest) == 6))
        || ["pin", "security_code"].iter().any(|word| {
            has_value_after(line, word, between, |rest| (4..=8).contains(&digits(rest)))
        })
}

/// A value assigned to a password, in the syntax of JSON, debug output or a form.
fn holds_password(line: &str) -> bool {
    has_value_after(line, "password", "\"\\' ", |rest| rest.starts_with([':', '=']))
        || has_value_after(line, "password", ":=", |rest| !rest.is_empty())
}

/// Whether `word` is in the line, followed by at least one character of `between`, and then by a
/// rest of the line that `is_it` accepts.
fn has_value_after(line: &str, word: &str, between: &str, is_it: impl Fn(&str) -> bool) -> bool {
    let line = line.to_ascii_lowercase();
    line.match_indices(word).any(|(at, _)| {
        let rest = &line[at + word.len()..];
        let value = rest.trim_start_matches(|c| between.contains(c));
        value.len() < rest.len() && is_it(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_and_secret_shapes_are_detected() {
        let jwt = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhY2NfMDEifQ.c2ln";
        let refresh = format!("acc_01J.ses_01J.{}", "x".repeat(43));
        let staff = format!("device stf_01J_demo_{} came", "0a".repeat(32));
        for (line, shape) in [
            (r#"{"message":"no mail to asha@example.org"}"#, "e-mail address"),
            (r#"{"to":"a.b+c@mail.example.in"}"#, "e-mail address"),
            (jwt, "JSON web token"),
            ("authorization: Bearer abc", "bearer token"),
            ("cookie: thali_refresh=abc", "refresh token"),
            (refresh.as_str(), "refresh token"),
            (staff.as_str(), "staff token"),
            (r#"{"phone":"+919876543210"}"#, "telephone number"),
            (r#"{"otp":"123456"}"#, "code"),
            (r#"{"otp": 123456}"#, "code"),
            ("code 123456 was wrong", "code"),
            (r#"{\"security_code\":\"2580\"}"#, "code"),
            ("pin=13579", "code"),
            (r#"{"password":"rice and dal"}"#, "password"),
            ("new_password=rice", "password"),
            ("$argon2id$v=19$m=19456", "password's hash"),
        ] {
            assert_eq!(forbidden(line), Some(shape), "{line}");
        }
    }

    #[test]
    fn usual_log_lines_match_no_forbidden_shape() {
        for line in [
            r#"{"timestamp":"2026-01-15T06:30:00.123456Z","level":"INFO","message":"answered"}"#,
            r#"{"status":401,"code":"invalid_credentials","duration_ms":123456}"#,
            r#"{"code":"otp_invalid","request_id":"Hq3kJj9yhcwEPNA="}"#,
            r#"{"message_id":"reg_01J9Z6V3KQ4N6B7XTA0S2E5GHQ-0","error":"timed out after 1234567 us"}"#,
            "REPORT RequestId: 3f2504e0-4f89-11d3-9a0c-0305e82c3301 Duration: 12.34 ms",
            "2026-01-15T06:30:00+05:30 a time with an offset, and 1+1234567x",
            "the password's hash is never told; wrong passwords are counted",
            "acc_01J9Z6V3KQ4N6B7XTA0S2E5GHQ has no ses_01J9Z6V3KQ4N6B7XTA0S2E5GHQ",
        ] {
            assert_eq!(forbidden(line), None, "{line}");
        }
    }
}
