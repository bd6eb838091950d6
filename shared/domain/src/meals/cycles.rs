//! Cycles: the days that a student claims to have paid for. The student uploads a proof of
//! payment, and an owner verifies or rejects it. A verified cycle entitles the student to the
//! meals on its days.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::Unacceptable;
use crate::accounts::identity::{Name, RollNo};
use crate::days::{MealDate, Period, PeriodRefusal};
use crate::ids::{AccountId, CycleId, MessId};
use crate::meals::entitlement::{CycleState, OPEN_CYCLES_MAX, OpenCycle};
use crate::meals::rupees::CyclePaise;
use crate::meals::screenshots::Screenshot;
use crate::reason::Reason;

/// The maximum length of a cycle in days, both ends included.
pub const CYCLE_DAYS_MAX: i32 = 186;

/// How many days before today the first day of a new cycle may be.
pub const CYCLE_START_DAYS_AGO_MAX: i32 = 92;

/// How many days after today the first day of a new cycle may be.
pub const CYCLE_START_DAYS_AHEAD_MAX: i32 = 366;

/// How many days after its last day a cycle stays in the student's item at the counter. After
/// that no new cycle can overlap it. The cycle's record stays.
pub const CYCLE_KEPT_DAYS: i32 = 92;

/// The status of a cycle.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CycleStatus {
    /// An owner has not decided yet.
    Pending,
    /// The cycle is paid: the student may eat on its days.
    Verified,
    /// The payment was rejected; the same days can be uploaded again.
    Rejected,
}

impl CycleStatus {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The status's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
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
        let found = Self::ALL.iter().copied().find(|status| status.as_str() == text);
        found.ok_or_else(|| Unacceptable::new("must be pending, verified or rejected"))
    }
}

/// A cycle, with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// In the API, the payment's id.
    pub cycle_id: CycleId,
    pub account_id: AccountId,
    pub mess_id: MessId,
    /// The student's name at the time of the upload.
    pub name: Name,
    /// The student's roll number at the time of the upload.
    pub roll_no: Option<RollNo>,
    pub period: Period,
    /// The amount that the student claims to have paid.
    pub amount_paise: CyclePaise,
    /// The proof of payment.
    pub screenshot: Screenshot,
    pub status: CycleStatus,
    /// The owner's reason for the decision.
    pub reason: Option<Reason>,
    /// When the student uploaded the payment.
    pub created_at: Timestamp,
    /// When an owner verified or rejected the payment.
    pub decided_at: Option<Timestamp>,
}

/// An owner's decision about a cycle. It can be made only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleDecision {
    /// The money has arrived.
    Verify,
    /// The money has not arrived.
    Reject,
}

impl CycleDecision {
    /// The status of a cycle after this decision.
    #[must_use]
    pub const fn status(self) -> CycleStatus {
        match self {
            Self::Verify => CycleStatus::Verified,
            Self::Reject => CycleStatus::Rejected,
        }
    }
}

/// The cycle was decided before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment was {} before", .status.as_str())]
pub struct AlreadyDecided {
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

/// Why days cannot form a new cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CycleDaysRefusal {
    /// The dates do not form a valid period.
    #[error(transparent)]
    Period(#[from] PeriodRefusal),
    /// The first day is too long ago, or too far ahead.
    #[error(
        "must be at most {CYCLE_START_DAYS_AGO_MAX} days before and {CYCLE_START_DAYS_AHEAD_MAX} after today"
    )]
    TooFar,
}

impl CycleDaysRefusal {
    /// Whether the first day is at fault, and not the last.
    #[must_use]
    pub const fn is_about_the_first_day(self) -> bool {
        matches!(self, Self::TooFar)
    }
}

/// Validates the days of a new cycle on the day `today`.
pub fn days(from: MealDate, to: MealDate, today: MealDate) -> Result<Period, CycleDaysRefusal> {
    let period = Period::new(from, to, CYCLE_DAYS_MAX)?;
    let begins = -CYCLE_START_DAYS_AGO_MAX..=CYCLE_START_DAYS_AHEAD_MAX;
    if begins.contains(&from.days_since(today)) {
        Ok(period)
    } else {
        Err(CycleDaysRefusal::TooFar)
    }
}

/// Why a new cycle is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CycleRefusal {
    /// Another cycle, pending or verified, contains some of the days.
    #[error("another payment is for some of these days")]
    Overlap {
        /// The existing cycle.
        cycle_id: CycleId,
        cycle: OpenCycle,
    },
    /// The student's item at the counter is full.
    #[error(
        "a student has at most {OPEN_CYCLES_MAX} payments that are not rejected and whose days \
         ended less than {CYCLE_KEPT_DAYS} days ago"
    )]
    TooMany,
}

/// Validates a new cycle, given the student's pending and verified cycles. Returns the existing
/// cycles that can leave the student's item, see [`is_forgotten`].
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

/// Whether the counter no longer needs a cycle: no new cycle can overlap it, and no scan can be
/// about its days.
#[must_use]
pub fn is_forgotten(period: Period, today: MealDate) -> bool {
    today.days_since(period.to) > CYCLE_KEPT_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meals::screenshots::ScreenshotUrl;

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
    fn a_cycle_has_at_most_186_days_and_a_bounded_first_day() {
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
    fn cycles_can_be_adjacent_but_never_share_a_day() {
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
    fn a_student_has_at_most_fifteen_open_cycles() {
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
        // The first cycle ended ninety-three days before this date.
        assert_eq!(judge(&known, next, date("2026-04-04")), Ok(vec![cycle_id(0)]));
    }

    #[test]
    fn a_forgotten_cycle_can_never_be_overlapped_again() {
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
        const { assert!(CYCLE_KEPT_DAYS >= CYCLE_START_DAYS_AGO_MAX) };
    }

    #[test]
    fn a_cycle_can_be_decided_only_once() {
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
