//! The rate limits, in one table. `rate_limit` enforces them, and [`crate::cache`] counts.

/// How many requests are allowed. The deployment's factor multiplies the numbers. An IP address
/// stands for its network, see [`Request::network`](super::Request::network).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// So many requests a minute for one IP address, at each endpoint.
    PerAddress(u32),
    /// So many requests a minute that do not succeed, for one IP address, at each endpoint. A
    /// hundred people behind one address may all succeed, but guess no more than one. Besides that,
    /// [`REQUESTS_MAX`] bounds all requests.
    FailuresPerAddress(u32),
    /// The same, and so many requests that started something which nobody has finished.
    UnfinishedPerAddress(Unfinished),
    /// So many requests a minute for one account, at all endpoints with the same number together.
    PerAccount(u32),
    /// So many requests a minute for one staff token, at all endpoints that take one together.
    PerStaffToken(u32),
    /// No limit: for signed calls of the payment provider, and the files of the web app.
    Unlimited,
}

/// The limits of requests that start something: a sign-up or a password reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// How many requests a minute may not succeed.
    pub failures: u32,
    /// How many may be unfinished at once. One that is finished is given back.
    pub at_once: u32,
    /// How many of the others are forgotten in an hour.
    pub drained_an_hour: u32,
}

/// The most requests a minute from one IP address to an endpoint that counts failures.
pub const REQUESTS_MAX: u32 = 300;

/// Sign-ups, resent codes and password resets. In any hour, one address can start 610 that are not
/// finished: 100 at once, and one more for each of the 510 that are forgotten meanwhile.
pub const RATE_SIGN_UP: Rate =
    Rate::UnfinishedPerAddress(Unfinished { failures: 10, at_once: 100, drained_an_hour: 510 });
/// One-time codes that are tried.
pub const RATE_CODE: Rate = Rate::FailuresPerAddress(10);
/// Logins.
pub const RATE_LOGIN: Rate = Rate::FailuresPerAddress(20);
/// Students who are registered without a session.
pub const RATE_REGISTRATION: Rate = Rate::PerAddress(10);
/// Other public requests.
pub const RATE_PUBLIC: Rate = Rate::PerAddress(300);
/// Requests by one account in a minute.
pub const RATE_ACCOUNT: Rate = Rate::PerAccount(120);
/// Submissions, orders and checks of files by one account in a minute.
pub const RATE_SUBMISSION: Rate = Rate::PerAccount(20);
/// Searches for students by one account, or with one staff token, in a minute.
pub const RATE_SEARCH: Rate = Rate::PerAccount(30);
/// Requests with one staff token in a minute: a counter serves each student of a queue in less
/// than a second. Endpoints that take sessions and staff tokens declare the rate of sessions;
/// this rate applies to the staff tokens at all of them.
pub const RATE_STAFF_TOKEN: Rate = Rate::PerStaffToken(300);

/// Every rate, with its name and its requests. The table in `docs/api.md` repeats this one, and
/// an endpoint with another rate fails a test.
pub const RATES: &[(&str, Rate, &str)] = &[
    ("sign-up", RATE_SIGN_UP, "sign-ups, resent codes and password resets"),
    ("code", RATE_CODE, "one-time codes"),
    ("login", RATE_LOGIN, "logins"),
    ("registration", RATE_REGISTRATION, "registrations of students without a session"),
    ("public", RATE_PUBLIC, "other requests without a session"),
    ("account", RATE_ACCOUNT, "requests with a session"),
    (
        "submission",
        RATE_SUBMISSION,
        "submissions, orders of tokens or of items, and checks of files",
    ),
    ("search", RATE_SEARCH, "searches for students, also with a staff token"),
    ("staff token", RATE_STAFF_TOKEN, "requests with a staff token"),
    ("unlimited", Rate::Unlimited, "signed calls of a partner, and the web app's files"),
];
