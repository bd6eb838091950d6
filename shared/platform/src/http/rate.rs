//! How often one may ask, in one table. What is counted, and where, is in
//! [`crate::cache::Cache::over_limit`].

/// How many requests a minute are borne, before the deployment's factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// So many from one address, at each endpoint.
    PerAddress(u32),
    /// So many by one account, at all endpoints that bear as many.
    PerAccount(u32),
    /// So many with one staff token, at all endpoints that take one.
    PerStaffToken(u32),
    /// As many as come: signed calls of a partner.
    Unlimited,
}

/// Sign-up, one-time codes, password reset: from one address in a minute.
pub const RATE_SIGN_UP: Rate = Rate::PerAddress(10);
/// Logins from one address in a minute.
pub const RATE_LOGIN: Rate = Rate::PerAddress(20);
/// Other public requests from one address in a minute.
pub const RATE_PUBLIC: Rate = Rate::PerAddress(300);
/// Requests by one account in a minute.
pub const RATE_ACCOUNT: Rate = Rate::PerAccount(120);
/// Submissions and orders by one account in a minute.
pub const RATE_SUBMISSION: Rate = Rate::PerAccount(20);
/// Requests with one staff token in a minute: a queue passes a counter in less than a
/// second each. Endpoints that take both sessions and staff tokens have a rate for sessions;
/// this one is for the tokens, at all of them.
pub const RATE_STAFF_TOKEN: Rate = Rate::PerStaffToken(300);

/// Every rate, its name, and the requests that it is for. The table in `docs/api.md` is this
/// one; an endpoint with another rate fails a test.
pub const RATES: &[(&str, Rate, &str)] = &[
    ("sign-up", RATE_SIGN_UP, "sign-ups, one-time codes and password resets"),
    ("login", RATE_LOGIN, "logins"),
    ("public", RATE_PUBLIC, "other requests without a session"),
    ("account", RATE_ACCOUNT, "requests with a session"),
    ("submission", RATE_SUBMISSION, "submissions, and orders of tokens or of items"),
    ("staff token", RATE_STAFF_TOKEN, "requests with a staff token"),
    ("unlimited", Rate::Unlimited, "signed calls of a partner"),
];
