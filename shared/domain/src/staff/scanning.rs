//! Who may eat: the checks of a shown QR code, or of a student whom staff name, and their order.
//!
//! The reasons to refuse are checked in the order of [`Refusal::ALL`]. The first reason that
//! applies is the result, even if others apply too. The plate decides the last reason, that the
//! student has already had this meal, see [`crate::staff::plates`].
//!
//! A scan that was made offline is judged by what held when it was made. What changed later does
//! not matter: the student has eaten, or was sent away. If nobody knows any more what held then,
//! the student is admitted, and the owner is told.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use crate::accounts::identity::AccountStatus;
use crate::meals::entitlement::Entitlement;
use crate::meals::meal_times::Sitting;
use crate::mess::Meal;
use crate::past::Holds;
use crate::staff::gate::Gate;
use crate::staff::refusals::Refusal;
use crate::students::qr::ReadCode;

/// How long after a scan a client can repeat it without a scan time and get the first result,
/// even if the meal's day has ended in between.
const REPEATED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

impl Gate {
    /// The earlier sitting to which a scan without a scan time may belong at `now`: it may
    /// repeat a scan from before the end of the meal's day.
    #[must_use]
    pub fn sitting_before(&self, meal: Meal, now: Timestamp) -> Option<Sitting> {
        let earlier = now - REPEATED_WITHIN;
        let (before, _) = self.mess_at(earlier).0.sitting(meal, earlier);
        let (sitting, _) = self.mess.sitting(meal, now);
        (before != sitting).then_some(before)
    }
}

/// How a scan names its student.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// Not at all: the data is not a code.
    ByNoCode,
    ByCode {
        read: &'a ReadCode,
        /// Whether the mess's key with the code's `kid` signed the code.
        signed: bool,
    },
    /// By staff who found the student without a code. No reason about codes applies.
    ByStaff,
}

/// A scan, and everything that is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub gate: &'a Gate,
    pub named: Named<'a>,
    /// The named student.
    pub student: Option<&'a Entitlement>,
    /// The requested meal.
    pub meal: Meal,
    /// When the student was there.
    pub at: Timestamp,
    /// Whether the device was offline and uploaded the scan later.
    pub offline: bool,
}

/// What the checks decided, before the plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub sitting: Sitting,
    /// The first reason to refuse; `None` if only the plate can still refuse.
    pub refused: Option<Refusal>,
    /// Whether the student is admitted although a reason may have applied when the scan was made.
    pub past_unknown: bool,
}

impl Shown<'_> {
    #[must_use]
    pub fn judge(&self) -> Verdict {
        let (mess, is_known) = if self.offline {
            self.gate.mess_at(self.at)
        } else {
            (Cow::Borrowed(&self.gate.mess), true)
        };
        let (sitting, is_served) = mess.sitting(self.meal, self.at);
        let served = if is_known { is_served.into() } else { Holds::Unknown };
        let mut past_unknown = false;
        for reason in Refusal::ALL.iter().copied() {
            match self.applies(reason, sitting, served) {
                // Without the schedule, the day is a guess.
                Holds::Yes if !is_known && is_of_day(reason) => past_unknown = true,
                Holds::Yes => {
                    return Verdict { sitting, refused: Some(reason), past_unknown: false };
                }
                Holds::Unknown => past_unknown = true,
                Holds::No => {}
            }
        }
        Verdict { sitting, refused: None, past_unknown }
    }

    /// Whether one reason applies, regardless of the others.
    fn applies(&self, reason: Refusal, sitting: Sitting, served: Holds) -> Holds {
        let of_student =
            |applies: &dyn Fn(&Entitlement) -> Holds| self.student.map_or(Holds::No, applies);
        match reason {
            Refusal::MalformedQr => matches!(self.named, Named::ByNoCode).into(),
            Refusal::UnknownKey => self.code().map_or(Holds::No, |read| self.has_no_key(read)),
            Refusal::InvalidSignature => {
                matches!(self.named, Named::ByCode { signed: false, .. }).into()
            }
            // A deleted account is nobody's any more.
            Refusal::UnknownStudent => self.student.map_or(Holds::Yes, |student| {
                self.has_status(student, |status| status == AccountStatus::Deleted)
            }),
            Refusal::RevokedQr => of_student(&|student| self.is_revoked(student)),
            Refusal::NotApproved => of_student(&|student| {
                self.has_status(student, |status| match status {
                    AccountStatus::PendingApproval | AccountStatus::Rejected => true,
                    AccountStatus::Active | AccountStatus::Blocked | AccountStatus::Deleted => {
                        false
                    }
                })
            }),
            Refusal::Blocked => of_student(&|student| {
                self.has_status(student, |status| status == AccountStatus::Blocked)
            }),
            Refusal::MessClosed if self.offline => self.gate.was_closed(sitting, self.at).into(),
            Refusal::MessClosed => self.gate.is_closed(sitting).into(),
            Refusal::OutsideMealWindow => served.opposite(),
            Refusal::MessCut => of_student(&|student| {
                let Sitting { date, meal } = sitting;
                let cut = if self.offline {
                    student.had_cut(date, meal, self.at)
                } else {
                    student.has_cut(date, meal)
                };
                cut.into()
            }),
            Refusal::NoActiveCycle => {
                of_student(&|student| (!student.has_paid(sitting.date)).into())
            }
            Refusal::AlreadyScanned => Holds::No,
        }
    }

    const fn code(&self) -> Option<&ReadCode> {
        match self.named {
            Named::ByCode { read, .. } => Some(read),
            Named::ByNoCode | Named::ByStaff => None,
        }
    }

    /// Whether the mess had no valid key with the code's `kid`.
    fn has_no_key(&self, read: &ReadCode) -> Holds {
        let (keys, kid) = (&self.gate.qr_keys, read.code.kid);
        if self.offline {
            keys.accepted(kid, self.at).opposite()
        } else {
            (!keys.accepts(kid, self.at)).into()
        }
    }

    /// Whether the code was reset. An online device sees a reset at once.
    fn is_revoked(&self, student: &Entitlement) -> Holds {
        let Some(read) = self.code() else { return Holds::No };
        if self.offline {
            student.had_code(&read.code.nonce, self.at).opposite()
        } else {
            (read.code.nonce != student.qr_nonce).into()
        }
    }

    /// Whether the student had such a status.
    fn has_status(&self, student: &Entitlement, is_such: impl Fn(AccountStatus) -> bool) -> Holds {
        let then = if self.offline { student.status_at(self.at) } else { Some(student.status) };
        then.map_or(Holds::Unknown, |status| is_such(status).into())
    }
}

/// Whether a reason depends on the meal's day.
const fn is_of_day(reason: Refusal) -> bool {
    matches!(reason, Refusal::MessClosed | Refusal::MessCut | Refusal::NoActiveCycle)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use ulid::Ulid;

    use super::*;
    use crate::accounts::identity::Name;
    use crate::days::{MealDate, Meals, Period};
    use crate::ids::{AccountId, ClosureId, CutId, CycleId, MessId};
    use crate::meals::entitlement::{CODES_MAX, CycleState, OpenCut, OpenCycle};
    use crate::mess::{Mess, ZoneName};
    use crate::past::Past;
    use crate::staff::gate::{GraceHours, OpenClosure, PreviousKey, QrKeys};
    use crate::students::qr::{Code, Kid, MessKey, Nonce};

    /// All inputs of the checks.
    #[derive(Debug, Clone)]
    struct Scene {
        gate: Gate,
        qr_data: String,
        student: Option<Entitlement>,
        meal: Meal,
        at: Timestamp,
        offline: bool,
        by_staff: bool,
    }

    const NONCE: [u8; 9] = [7; 9];

    fn mess_id() -> MessId {
        MessId::parse("mess_demo").expect("an id")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    fn day(text: &str) -> Period {
        Period { from: date(text), to: date(text) }
    }

    fn code(kid: Kid, nonce: [u8; 9]) -> Code {
        let account_id = AccountId::from_ulid(Ulid(42));
        Code { account_id, kid, nonce: Nonce::from_random(nonce) }
    }

    fn signed(kid: Kid, nonce: [u8; 9]) -> String {
        MessKey::derive(b"secret", &mess_id(), kid).sign(&mess_id(), &code(kid, nonce))
    }

    impl Scene {
        /// A student who may eat, at lunch time on 15 January.
        fn good() -> Self {
            let zone = ZoneName::parse("Asia/Kolkata").expect("a zone");
            let name = Name::parse("Demo").expect("a name");
            let mess = Mess::with_defaults(mess_id(), name, zone);
            let month = Period { from: date("2026-01-01"), to: date("2026-01-31") };
            let paid = OpenCycle { period: month, state: CycleState::Verified };
            let student = Entitlement {
                status: AccountStatus::Active,
                qr_nonce: Nonce::from_random(NONCE),
                statuses: Past::default(),
                codes: Past::default(),
                cycles: BTreeMap::from([(CycleId::from_ulid(Ulid(1)), paid)]),
                cuts: BTreeMap::new(),
            };
            Self {
                gate: Gate {
                    mess,
                    schedules: Past::default(),
                    qr_keys: QrKeys::default(),
                    closures: BTreeMap::new(),
                },
                qr_data: signed(Kid::FIRST, NONCE),
                student: Some(student),
                meal: Meal::Lunch,
                at: at("2026-01-15T13:00:00+05:30"),
                offline: false,
                by_staff: false,
            }
        }

        /// The same scene, changed so that `reason` applies, as far as the existing faults
        /// allow.
        fn with(mut self, reason: Refusal) -> Self {
            match reason {
                Refusal::MalformedQr => self.qr_data = "hello".to_owned(),
                Refusal::UnknownKey => {
                    let no_grace = GraceHours::try_from(0).expect("in range");
                    self.gate.qr_keys = self.gate.qr_keys.rotate(no_grace, self.at);
                }
                Refusal::InvalidSignature => {
                    let foreign = MessKey::derive(b"another", &mess_id(), Kid::FIRST);
                    self.qr_data = foreign.sign(&mess_id(), &code(Kid::FIRST, NONCE));
                }
                Refusal::UnknownStudent => self.student = None,
                Refusal::RevokedQr => {
                    self.change(|student| student.qr_nonce = Nonce::from_random([8; 9]));
                }
                Refusal::NotApproved => {
                    self.change(|student| student.status = AccountStatus::PendingApproval);
                }
                Refusal::Blocked => {
                    self.change(|student| student.status = AccountStatus::Blocked);
                }
                Refusal::MessClosed => {
                    let closure = OpenClosure { period: day("2026-01-15"), meals: Meals::all() };
                    self.gate.closures.insert(ClosureId::from_ulid(Ulid(2)), closure);
                }
                Refusal::OutsideMealWindow => self.at = at("2026-01-15T15:00:00+05:30"),
                Refusal::MessCut => self.change(|student| {
                    let cut = OpenCut { period: day("2026-01-15"), meals: Meals::all() };
                    student.cuts.insert(CutId::from_ulid(Ulid(3)), cut);
                }),
                Refusal::NoActiveCycle => self.change(|student| student.cycles.clear()),
                Refusal::AlreadyScanned => {}
            }
            self
        }

        fn change(&mut self, change: impl FnOnce(&mut Entitlement)) {
            self.student.as_mut().map(change);
        }

        fn refusal(&self) -> Option<Refusal> {
            let read = ReadCode::parse(&self.qr_data).ok();
            let signed = read.as_ref().is_some_and(|read| {
                MessKey::derive(b"secret", &mess_id(), read.code.kid).verifies(&mess_id(), read)
            });
            let (gate, student, meal) = (&self.gate, self.student.as_ref(), self.meal);
            let Self { at, offline, .. } = *self;
            let named = match &read {
                _ if self.by_staff => Named::ByStaff,
                Some(read) => Named::ByCode { read, signed },
                None => Named::ByNoCode,
            };
            Shown { gate, named, student, meal, at, offline }.judge().refused
        }

        /// A second, independent version of the rules, in the order of the documentation.
        fn told(&self) -> Option<Refusal> {
            let Ok(read) = ReadCode::parse(&self.qr_data) else {
                return Some(Refusal::MalformedQr);
            };
            let keys = &self.gate.qr_keys;
            let old = keys.previous.as_ref().is_some_and(|previous| {
                previous.kid == read.code.kid && self.at < previous.valid_until
            });
            if read.code.kid != keys.current && !old {
                return Some(Refusal::UnknownKey);
            }
            let key = MessKey::derive(b"secret", &mess_id(), read.code.kid);
            if !key.verifies(&mess_id(), &read) {
                return Some(Refusal::InvalidSignature);
            }
            let known = self.student.as_ref().filter(|it| it.status != AccountStatus::Deleted);
            let Some(student) = known else { return Some(Refusal::UnknownStudent) };
            if student.qr_nonce != read.code.nonce {
                return Some(Refusal::RevokedQr);
            }
            match student.status {
                AccountStatus::PendingApproval | AccountStatus::Rejected => {
                    return Some(Refusal::NotApproved);
                }
                AccountStatus::Blocked => return Some(Refusal::Blocked),
                AccountStatus::Active | AccountStatus::Deleted => {}
            }
            if !self.gate.closures.is_empty() {
                return Some(Refusal::MessClosed);
            }
            if self.at >= at("2026-01-15T14:30:00+05:30") {
                return Some(Refusal::OutsideMealWindow);
            }
            if !student.cuts.is_empty() {
                return Some(Refusal::MessCut);
            }
            student.cycles.is_empty().then_some(Refusal::NoActiveCycle)
        }
    }

    /// Every reason that the plate does not decide.
    const ASKED: [Refusal; 11] = {
        let mut asked = [Refusal::MalformedQr; 11];
        let mut n = 0;
        while n < asked.len() {
            asked[n] = Refusal::ALL[n];
            n += 1;
        }
        asked
    };

    #[test]
    fn each_reason_alone_refuses_the_scan() {
        assert_eq!(Scene::good().refusal(), None);
        for reason in ASKED {
            assert_eq!(Scene::good().with(reason).refusal(), Some(reason));
        }
    }

    #[test]
    fn the_earlier_of_two_reasons_is_returned() {
        for (number, earlier) in ASKED.into_iter().enumerate() {
            for later in ASKED.into_iter().skip(number + 1) {
                let scene = Scene::good().with(later).with(earlier);
                assert_eq!(scene.refusal(), Some(earlier), "{earlier:?} and {later:?}");
            }
        }
    }

    #[test]
    fn a_student_named_by_staff_meets_every_check_but_those_of_codes() {
        use Refusal::{InvalidSignature, MalformedQr, RevokedQr, UnknownKey};
        for reason in ASKED {
            for offline in [false, true] {
                let scene = Scene { by_staff: true, offline, ..Scene::good().with(reason) };
                let of_code = [MalformedQr, UnknownKey, InvalidSignature, RevokedQr];
                // Offline, a closure counts if it was announced before; this one was.
                let expected = Some(reason).filter(|reason| !of_code.contains(reason));
                assert_eq!(scene.refusal(), expected, "{offline}");
            }
        }
    }

    #[test]
    fn a_reset_code_stays_valid_only_for_earlier_offline_scans() {
        let reset_at = Scene::good().at;
        let moment = SignedDuration::from_millis(1);
        let revoked = Some(Refusal::RevokedQr);
        for (offline, at, carried, expected) in [
            (true, reset_at - moment, NONCE, None),
            (true, reset_at, NONCE, revoked),
            (false, reset_at - moment, NONCE, revoked),
            (true, reset_at - moment, [9; 9], revoked),
        ] {
            let mut scene = Scene { at, offline, ..Scene::good() };
            scene.qr_data = signed(Kid::FIRST, carried);
            scene.change(|student| {
                let old = student.qr_nonce.clone();
                student.codes = student.codes.replaced(old, reset_at, CODES_MAX);
                student.qr_nonce = Nonce::from_random([8; 9]);
            });
            assert_eq!(scene.refusal(), expected, "{offline} {at}");
        }
    }

    proptest! {
        #[test]
        fn the_first_applicable_reason_is_returned(faults in proptest::collection::vec(0_usize..11, 0..6)) {
            let mut scene = Scene::good();
            for fault in faults {
                scene = scene.with(ASKED[fault]);
            }
            prop_assert_eq!(scene.refusal(), scene.told());
        }

        #[test]
        fn arbitrary_qr_data_is_refused_without_a_panic(qr_data in ".{0,300}") {
            let scene = Scene { qr_data, ..Scene::good() };
            prop_assert!(scene.refusal().is_some());
        }
    }

    #[test]
    fn a_rejected_student_is_refused_as_not_approved() {
        let mut scene = Scene::good();
        scene.change(|student| student.status = AccountStatus::Rejected);
        assert_eq!(scene.refusal(), Some(Refusal::NotApproved));
    }

    #[test]
    fn the_previous_key_is_accepted_until_its_grace_ends() {
        let mut scene = Scene::good();
        let valid_until = scene.at + SignedDuration::from_secs(1);
        let previous = PreviousKey { kid: Kid::FIRST, valid_until };
        scene.gate.qr_keys =
            QrKeys { current: Kid::FIRST.next(), previous: Some(previous), ..QrKeys::default() };
        assert_eq!(scene.refusal(), None);
        scene.at = valid_until;
        assert_eq!(scene.refusal(), Some(Refusal::UnknownKey));
    }

    #[test]
    fn only_a_verified_cycle_of_the_same_day_pays_for_a_meal() {
        for (period, state) in [
            (day("2026-01-15"), CycleState::Pending),
            (day("2026-01-14"), CycleState::Verified),
            (day("2026-01-16"), CycleState::Verified),
        ] {
            let mut scene = Scene::good().with(Refusal::NoActiveCycle);
            let cycle = OpenCycle { period, state };
            scene.change(|student| {
                student.cycles.insert(CycleId::from_ulid(Ulid(1)), cycle);
            });
            assert_eq!(scene.refusal(), Some(Refusal::NoActiveCycle));
        }
    }

    #[test]
    fn a_scan_without_a_time_may_belong_to_the_previous_day() {
        let gate = Scene::good().gate;
        let before = |now: &str| gate.sitting_before(Meal::Dinner, at(now)).map(|it| it.date);
        assert_eq!(before("2026-01-16T00:30:00+05:30"), Some(date("2026-01-15")));
        assert_eq!(before("2026-01-16T01:30:00+05:30"), None);
        assert_eq!(before("2026-01-15T20:00:00+05:30"), None);
    }
}
