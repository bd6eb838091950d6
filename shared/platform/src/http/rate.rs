//! The rate limits, in one table. [`crate::cache::Cache::over_limit`] counts the requests.

/// How many requests a minute are allowed. The deployment's factor multiplies the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// For one IP address, at each endpoint.
    PerAddress(u32),
    /// For one account, at all endpoints with the same number together.
    PerAccount(u32),
    /// For one staff token, at all endpoints that take one together.
    PerStaffToken(u32),
    /// No limit: for signed calls of the payment provider.
    Unlimited,
}

/// Sign-ups, one-time codes and password resets from one IP address in a minute.
pub const RATE_SIGN_UP: Rate = Rate::PerAddress(10);
/// Logins from one IP address in a minute.
pub const RATE_LOGIN: Rate = Rate::PerAddress(20);
/// Other public requests from one IP address in a minute.
pub const RATE_PUBLIC: Rate = Rate::PerAddress(300);
/// Requests by one account in a minute.
pub const RATE_ACCOUNT: Rate = Rate::PerAccount(120);
/// Submissions and orders by one account in a minute.
pub const RATE_SUBMISSION: Rate = Rate::PerAccount(20);
/// Requests with one staff token in a minute: a counter serves each student of a queue in less
/// than a second. Endpoints that take sessions and staff tokens declare the rate of sessions;
/// this rate applies to the staff tokens at all of them.
pub const RATE_STAFF_TOKEN: Rate = Rate::PerStaffToken(300);

/// Every rate, with its name and its requests. The table in `docs/api.md` repeats this one, and
/// an endpoint with another rate fails a test.
pub const RATES: &[(&str, Rate, &str)] = &[
    ("sign-up", RATE_SIGN_UP, "sign-ups, one-time codes and password resets"),
    ("login", RATE_LOGIN, "logins"),
    ("public", RATE_PUBLIC, "other requests without a session"),
    ("account", RATE_ACCOUNT, "requests with a session"),
    ("submission", RATE_SUBMISSION, "submissions, and orders of tokens or of items"),
    ("staff token", RATE_STAFF_TOKEN, "requests with a staff token"),
    ("unlimited", Rate::Unlimited, "signed calls of a partner"),
];
