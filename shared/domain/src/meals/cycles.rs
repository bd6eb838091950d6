//! Cycles: the days that a student has paid for, or says so. The student uploads a payment,
//! an owner verifies or rejects it, and a verified one entitles the student for its days.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::Unacceptable;
use crate::accounts::identity::{Name, RollNo};
use crate::days::{MealDate, Period, PeriodRefusal};
use crate::ids::{AccountId, CycleId, MessId};
use crate::meals::entitlement::{CycleState, OPEN_CYCLES_MAX, OpenCycle};
use crate::number::bounded_number;
use crate::pictures::ScreenshotKey;
use crate::students::membership::Reason;
use crate::text::{plain_schema, text_newtype};

/// The most days of one cycle, the first and the last one included.
pub const CYCLE_DAYS_MAX: i32 = 186;

/// How many days before today a cycle may have begun.
pub const CYCLE_BEGUN_DAYS_MAX: i32 = 92;

/// How many days after today a cycle may begin.
pub const CYCLE_AHEAD_DAYS_MAX: i32 = 366;

/// How many days after its last one a cycle is forgotten at the counter. No new one can
/// overlap it then; its record stays.
pub const CYCLE_KEPT_DAYS: i32 = 92;

bounded_number! {
    /// What was paid for a cycle, in paise: at most a hundred thousand rupees.
    CyclePaise: u64, 1, 10_000_000
}

/// What was paid for a cycle as people write it: in rupees, with at most two decimal places.
///
/// A JSON number reaches us as the nearest binary fraction. Within the bounds, the shortest
/// decimal that stands for it is the one that was sent, so its digits are read, and nothing
/// is ever calculated with the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CycleRupees(CyclePaise);

impl CycleRupees {
    const EXPECTED: &'static str =
        "an amount in rupees from 0.01 to 100000 with at most two decimal places";

    /// Parses a decimal such as `1500`, `1500.5` or `1500.50`.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new(format!("must be {}", Self::EXPECTED));
        let (rupees, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        // Eight digits of rupees are more than enough, and their paise do not overflow.
        let accepted = (1..=8).contains(&rupees.len()) && digits(rupees) && digits(fraction);
        if !accepted || fraction.len() > 2 || text.ends_with('.') {
            return Err(refused());
        }
        let paise: i64 = format!("{rupees}{fraction:0<2}").parse().map_err(|_| refused())?;
        CyclePaise::try_from(paise).map(Self).map_err(|_| refused())
    }

    /// The same amount in paise.
    #[must_use]
    pub const fn paise(self) -> CyclePaise {
        self.0
    }
}

impl<'de> Deserialize<'de> for CycleRupees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Rupees;

        impl Visitor<'_> for Rupees {
            type Value = CycleRupees;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(CycleRupees::EXPECTED)
            }

            fn visit_u64<E: Error>(self, rupees: u64) -> Result<CycleRupees, E> {
                CycleRupees::parse(&rupees.to_string()).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, rupees: i64) -> Result<CycleRupees, E> {
                CycleRupees::parse(&rupees.to_string()).map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, rupees: f64) -> Result<CycleRupees, E> {
                CycleRupees::parse(&rupees.to_string()).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Rupees)
    }
}

plain_schema!(CycleRupees: Number, minimum = 0.01, maximum = 100_000.0);

/// The address of a picture that is somewhere else: `https`, at most 500 characters. Nobody
/// has looked at what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScreenshotUrl(String);

impl ScreenshotUrl {
    const LENGTH_MAX: usize = 500;

    /// Parses an address. A name or a password before the host is refused, because they make
    /// one site look like another.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
        // RFC 3986, appendix A: what is none of these comes percent-encoded.
        let of_url = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        let accepted = text.len() <= Self::LENGTH_MAX
            && host.starts_with(|first: char| first.is_ascii_alphanumeric())
            && host.bytes().all(of_host)
            && rest.bytes().all(of_url);
        if accepted {
            Ok(Self(text.to_owned()))
        } else {
            let max = Self::LENGTH_MAX;
            Err(Unacceptable::new(format!(
                "must be an address that begins with https://, of at most {max} characters"
            )))
        }
    }
}
text_newtype!(ScreenshotUrl);
plain_schema!(ScreenshotUrl: String, pattern = "^https://[A-Za-z0-9]", max_length = 500);

/// The picture that shows a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Screenshot {
    /// One that was uploaded and is a picture.
    #[serde(rename = "screenshot_key")]
    Uploaded(ScreenshotKey),
    /// One somewhere else, at which nobody has looked.
    #[serde(rename = "screenshot_url")]
    Elsewhere(ScreenshotUrl),
}

impl std::fmt::Display for Screenshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uploaded(key) => key.fmt(f),
            Self::Elsewhere(url) => url.fmt(f),
        }
    }
}

/// Where a cycle stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CycleStatus {
    /// It waits for the owner.
    Pending,
    /// It is paid: the student may eat on its days.
    Verified,
    /// It is not, and its days can be uploaded again.
    Rejected,
}

impl CycleStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Verified, Self::Rejected];

    /// The status's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
        }
    }
}

impl From<CycleState> for CycleStatus {
    fn from(state: CycleState) -> Self {
        match state {
            CycleState::Pending => Self::Pending,
            CycleState::Verified => Self::Verified,
        }
    }
}

impl std::str::FromStr for CycleStatus {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| Unacceptable::new("must be pending, verified or rejected"))
    }
}

/// A cycle, with its whole history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// Its id; in the API, the payment's.
    pub cycle_id: CycleId,
    /// Whose.
    pub account_id: AccountId,
    /// Of which mess.
    pub mess_id: MessId,
    /// What the student was called when it was uploaded.
    pub name: Name,
    /// The student's roll number then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roll_no: Option<RollNo>,
    /// Its days.
    #[serde(flatten)]
    pub period: Period,
    /// What was paid, says the student.
    pub amount_paise: CyclePaise,
    /// What shows it.
    #[serde(flatten)]
    pub screenshot: Screenshot,
    /// Where it stands.
    pub status: CycleStatus,
    /// Why it was decided so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When it was uploaded.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub created_at: Timestamp,
    /// When it was verified or rejected.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub decided_at: Option<Timestamp>,
}

/// What an owner can decide about a cycle, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleDecision {
    /// The money is there.
    Verify,
    /// It is not.
    Reject,
}

impl CycleDecision {
    /// Where a cycle stands about which this was decided.
    #[must_use]
    pub const fn status(self) -> CycleStatus {
        match self {
            Self::Verify => CycleStatus::Verified,
            Self::Reject => CycleStatus::Rejected,
        }
    }
}

/// A cycle was decided before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment was {} before", .status.as_str())]
pub struct AlreadyDecided {
    /// Where it stands.
    pub status: CycleStatus,
}

impl Cycle {
    /// The cycle after an owner's decision.
    pub fn decided(
        &self,
        decision: CycleDecision,
        reason: Option<Reason>,
        now: Timestamp,
    ) -> Result<Self, AlreadyDecided> {
        if self.status != CycleStatus::Pending {
            return Err(AlreadyDecided { status: self.status });
        }
        Ok(Self { status: decision.status(), reason, decided_at: Some(now), ..self.clone() })
    }
}

/// Why days cannot be a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CycleDaysRefusal {
    /// They are no period.
    #[error(transparent)]
    Period(#[from] PeriodRefusal),
    /// They begin too long ago, or too far ahead.
    #[error(
        "must be at most {CYCLE_BEGUN_DAYS_MAX} days before and {CYCLE_AHEAD_DAYS_MAX} after today"
    )]
    TooFar,
}

impl CycleDaysRefusal {
    /// Whether it is the first day that is wrong, and not the last.
    #[must_use]
    pub const fn is_of_the_first_day(self) -> bool {
        matches!(self, Self::TooFar)
    }
}

/// The days of a new cycle, seen from today.
pub fn days(from: MealDate, to: MealDate, today: MealDate) -> Result<Period, CycleDaysRefusal> {
    let period = Period::new(from, to, CYCLE_DAYS_MAX)?;
    let begins = -CYCLE_BEGUN_DAYS_MAX..=CYCLE_AHEAD_DAYS_MAX;
    if begins.contains(&from.days_since(today)) {
        Ok(period)
    } else {
        Err(CycleDaysRefusal::TooFar)
    }
}

/// Why a student cannot upload another cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CycleRefusal {
    /// Another one, pending or verified, has some of its days.
    #[error("another payment is for some of these days")]
    Overlap {
        /// That one.
        cycle_id: CycleId,
        /// What it is.
        cycle: OpenCycle,
    },
    /// There are as many as the counter knows of one student.
    #[error(
        "a student has at most {OPEN_CYCLES_MAX} payments that are not rejected and whose days \
         ended less than {CYCLE_KEPT_DAYS} days ago"
    )]
    TooMany,
}

/// Judges a new cycle beside a student's others that are pending or verified; answers those
/// of them that are forgotten with it.
pub fn judge(
    known: &BTreeMap<CycleId, OpenCycle>,
    period: Period,
    today: MealDate,
) -> Result<Vec<CycleId>, CycleRefusal> {
    if let Some((cycle_id, cycle)) = known.iter().find(|(_, it)| it.period.overlaps(period)) {
        return Err(CycleRefusal::Overlap { cycle_id: *cycle_id, cycle: *cycle });
    }
    let over = known.iter().filter(|(_, cycle)| is_forgotten(cycle.period, today));
    let over: Vec<CycleId> = over.map(|(id, _)| *id).collect();
    if known.len() - over.len() >= OPEN_CYCLES_MAX { Err(CycleRefusal::TooMany) } else { Ok(over) }
}

/// Whether the counter need not know of a cycle any more: no new one can overlap it, and no
/// scan is about its days.
#[must_use]
pub fn is_forgotten(period: Period, today: MealDate) -> bool {
    today.days_since(period.to) > CYCLE_KEPT_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    fn period(from: &str, to: &str) -> Period {
        Period { from: date(from), to: date(to) }
    }

    fn cycle_id(number: u128) -> CycleId {
        CycleId::from_ulid(ulid::Ulid(number))
    }

    #[test]
    fn rupees_become_paise_exactly_or_not_at_all() {
        let paise = |json: &str| {
            serde_json::from_str::<CycleRupees>(json).ok().map(|rupees| rupees.paise().get())
        };
        for (json, expected) in [
            ("1500", 150_000),
            ("1500.5", 150_050),
            ("1500.50", 150_050),
            ("1500.05", 150_005),
            ("0.01", 1),
            ("0.1", 10),
            ("0.29", 29),
            ("1.10", 110),
            ("99999.99", 9_999_999),
            ("100000", 10_000_000),
            ("100000.00", 10_000_000),
            // JSON writes one number in several ways.
            ("1e3", 100_000),
            ("1.5e3", 150_000),
        ] {
            assert_eq!(paise(json), Some(expected), "{json}");
        }
        for refused in [
            "0",
            "0.0",
            "0.001",
            "0.005",
            "1.005",
            "1500.505",
            "-1",
            "-0.01",
            "-0",
            "100000.01",
            "100001",
            "1e9",
            "1e300",
            "1e-3",
            "\"1500\"",
            "null",
            "true",
            "[1]",
            "18446744073709551615",
        ] {
            assert_eq!(paise(refused), None, "{refused}");
        }
    }

    #[test]
    fn every_amount_of_two_places_is_read_as_it_is_written() {
        for paise in (1..=10_000_000_u64).step_by(37) {
            let json = format!("{}.{:02}", paise / 100, paise % 100);
            let read: CycleRupees = serde_json::from_str(&json).expect("two places");
            assert_eq!(read.paise().get(), paise, "{json}");
        }
    }

    #[test]
    fn a_decimal_has_digits_on_both_sides_of_its_point() {
        for refused in ["", ".", "1.", ".5", "1.5.0", "+1", " 1", "1 ", "1,5", "१", "123456789"] {
            assert!(CycleRupees::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_screenshot_elsewhere_is_at_an_address_of_https() {
        let longest = format!("https://example.com/{}", "x".repeat(480));
        for accepted in [
            "https://example.com",
            "https://drive.example.com:8443/a/b.png?x=1&y=%20#top",
            "https://127.0.0.1/x",
            &longest,
        ] {
            assert!(ScreenshotUrl::parse(accepted).is_ok(), "{accepted}");
        }
        let too_long = format!("{longest}x");
        for refused in [
            "",
            "http://example.com/a.png",
            "https://",
            "https:///a.png",
            "https://.example.com",
            "https://bank.test@evil.test/a.png",
            "https://exa mple.com/",
            "https://example.com/\"><script>",
            "https://example.com/ü",
            "https://example.com/\n",
            "HTTPS://example.com/",
            "javascript:alert(1)",
            &too_long,
        ] {
            assert!(ScreenshotUrl::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_cycle_has_at_most_186_days_and_begins_between_three_months_ago_and_a_year_ahead() {
        let judged = |from, to| days(date(from), date(to), date("2026-01-15"));
        assert_eq!(judged("2026-01-31", "2026-01-31").map(Period::days), Ok(1));
        assert_eq!(judged("2028-02-28", "2028-03-01"), Err(CycleDaysRefusal::TooFar));
        assert_eq!(judged("2026-02-28", "2026-03-01").map(Period::days), Ok(2));
        assert_eq!(judged("2026-01-01", "2026-07-05").map(Period::days), Ok(186));
        let long = Err(PeriodRefusal::TooLong { max: 186 }.into());
        assert_eq!(judged("2026-01-01", "2026-07-06"), long);
        assert_eq!(judged("2026-02-02", "2026-02-01"), Err(PeriodRefusal::Backwards.into()));
        for (from, accepted) in [
            ("2025-10-15", true),
            ("2025-10-14", false),
            ("2027-01-16", true),
            ("2027-01-17", false),
        ] {
            assert_eq!(judged(from, from).is_ok(), accepted, "{from}");
        }
    }

    #[test]
    fn a_cycle_may_touch_another_one_and_share_no_day_with_it() {
        let january = period("2026-01-01", "2026-01-31");
        for state in [CycleState::Pending, CycleState::Verified] {
            let cycle = OpenCycle { period: january, state };
            let known = BTreeMap::from([(cycle_id(7), cycle)]);
            let overlap = Err(CycleRefusal::Overlap { cycle_id: cycle_id(7), cycle });
            let judged = |from, to| judge(&known, period(from, to), date("2026-01-15"));
            assert_eq!(judged("2026-01-31", "2026-02-27"), overlap);
            assert_eq!(judged("2025-12-01", "2026-01-01"), overlap);
            assert_eq!(judged("2026-01-10", "2026-01-10"), overlap);
            assert_eq!(judged("2026-02-01", "2026-02-28"), Ok(vec![]));
            assert_eq!(judged("2025-12-01", "2025-12-31"), Ok(vec![]));
        }
    }

    #[test]
    fn the_counter_knows_so_many_cycles_of_a_student_and_no_more() {
        let first = date("2026-01-01");
        let day = |number: i32| {
            let day = first.plus_days(number);
            OpenCycle { period: Period { from: day, to: day }, state: CycleState::Pending }
        };
        let next = period("2026-06-01", "2026-06-01");
        let known: BTreeMap<_, _> = (0..15_i32)
            .map(|number| (cycle_id(number.unsigned_abs().into()), day(number)))
            .collect();
        assert_eq!(judge(&known, next, date("2026-04-03")), Err(CycleRefusal::TooMany));
        // The first of them ended ninety-three days before this.
        assert_eq!(judge(&known, next, date("2026-04-04")), Ok(vec![cycle_id(0)]));
    }

    #[test]
    fn what_is_forgotten_can_never_be_overlapped_again() {
        let today = date("2026-01-15");
        let cycle = |days_ago: i32| {
            let day = today.plus_days(-days_ago);
            OpenCycle { period: Period { from: day, to: day }, state: CycleState::Verified }
        };
        let known = BTreeMap::from([
            (cycle_id(1), cycle(CYCLE_KEPT_DAYS + 1)),
            (cycle_id(2), cycle(CYCLE_KEPT_DAYS)),
            (cycle_id(3), cycle(0)),
        ]);
        let next = period("2026-02-01", "2026-02-28");
        assert_eq!(judge(&known, next, today), Ok(vec![cycle_id(1)]));
        const { assert!(CYCLE_KEPT_DAYS >= CYCLE_BEGUN_DAYS_MAX) };
    }

    #[test]
    fn a_cycle_is_decided_once() {
        let cycle = Cycle {
            cycle_id: cycle_id(1),
            account_id: AccountId::from_ulid(ulid::Ulid(1)),
            mess_id: MessId::parse("mess_demo").expect("an id"),
            name: Name::parse("Asha").expect("a name"),
            roll_no: None,
            period: period("2026-01-01", "2026-01-31"),
            amount_paise: CyclePaise::try_from(150_050).expect("an amount"),
            screenshot: Screenshot::Elsewhere(
                ScreenshotUrl::parse("https://example.com/a.png").expect("an address"),
            ),
            status: CycleStatus::Pending,
            reason: None,
            created_at: Timestamp::UNIX_EPOCH,
            decided_at: None,
        };
        let json = serde_json::to_value(&cycle).expect("plain data");
        assert_eq!(serde_json::from_value::<Cycle>(json).expect("the same"), cycle);
        for decision in [CycleDecision::Verify, CycleDecision::Reject] {
            let now = Timestamp::constant(1_700_000_000, 0);
            let decided = cycle.decided(decision, None, now).expect("it was pending");
            assert_eq!((decided.status, decided.decided_at), (decision.status(), Some(now)));
            for again in [CycleDecision::Verify, CycleDecision::Reject] {
                let refused = AlreadyDecided { status: decision.status() };
                assert_eq!(decided.decided(again, None, now), Err(refused));
            }
        }
    }
}
