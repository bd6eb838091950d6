//! Properties of offline scans: however the facts change after a scan, it is judged by those of its
//! time. The rules are written a second time here, over a log of everything that happened.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ulid::Ulid;

use crate::accounts::identity::{AccountStatus, Name};
use crate::days::{MealDate, Meals, Period};
use crate::ids::{AccountId, ClosureId, CutId, CycleId, MessId};
use crate::meals::entitlement::{
    CODES_MAX, CycleState, Entitlement, OpenCut, OpenCycle, STATUSES_MAX,
};
use crate::mess::{Meal, MealWindow, Mess, SCHEDULES_MAX, Schedule, WallTime, ZoneName};
use crate::past::Past;
use crate::staff::gate::{Gate, GraceHours, OpenClosure, QrKeys};
use crate::staff::refusals::Refusal;
use crate::staff::scanning::{Named, Shown, Verdict};
use crate::students::qr::{Code, Kid, MessKey, Nonce, ReadCode};

const SECRET: &[u8] = b"the deployment's secret";

/// How many hours a history has: five days, after which every scan in it can still arrive.
const HOURS: u8 = 120;

/// Something that a person changes.
#[derive(Debug, Clone)]
enum Event {
    Decided(AccountStatus),
    Reset,
    Rotated {
        grace_hours: u16,
    },
    /// Lunch is served from this hour on, for two hours.
    Rescheduled {
        opens: i8,
        zone: &'static str,
    },
    /// The mess is closed for lunch on this day.
    Closed {
        day: i32,
    },
    /// The student does not eat lunch on this day.
    Cut {
        day: i32,
    },
}

/// What happened, by hour and in this order.
type Log = BTreeMap<u8, Event>;

fn hour(hour: u8) -> Timestamp {
    Timestamp::constant(1_768_435_200, 0) + SignedDuration::from_hours(i64::from(hour))
}

fn day(number: i32) -> MealDate {
    MealDate::parse("2026-01-15").expect("a date").plus_days(number)
}

fn mess_id() -> MessId {
    MessId::parse("mess_demo").expect("an id")
}

fn zone(name: &str) -> ZoneName {
    ZoneName::parse(name).expect("a zone")
}

fn lunch(opens: i8) -> MealWindow {
    let at = |hour: i8| WallTime::constant(hour.rem_euclid(24), 0);
    MealWindow { opens: at(opens), closes: at(opens + 2) }
}

fn nonce(number: u8) -> Nonce {
    Nonce::from_random([number; 9])
}

fn kid(number: u8) -> Kid {
    (1..number).fold(Kid::FIRST, |kid, _| kid.next())
}

fn account() -> AccountId {
    AccountId::from_ulid(Ulid(42))
}

/// The mess and the student as the database has them.
#[derive(Debug, Clone)]
struct World {
    gate: Gate,
    student: Entitlement,
    resets: u8,
}

impl World {
    fn beginning() -> Self {
        let name = Name::parse("Demo").expect("a name");
        let mess = Mess::with_defaults(mess_id(), name, zone("UTC"));
        let month = Period { from: day(-10), to: day(20) };
        let paid = OpenCycle { period: month, state: CycleState::Verified };
        let gate = Gate {
            mess,
            schedules: Past::default(),
            qr_keys: QrKeys::default(),
            closures: BTreeMap::new(),
        };
        let student = Entitlement {
            status: AccountStatus::Active,
            statuses: Past::default(),
            qr_nonce: nonce(0),
            codes: Past::default(),
            cycles: BTreeMap::from([(CycleId::from_ulid(Ulid(1)), paid)]),
            cuts: BTreeMap::new(),
        };
        Self { gate, student, resets: 0 }
    }

    /// The world after the first events of a log, as the endpoints write it.
    fn after<'e>(events: impl Iterator<Item = (&'e u8, &'e Event)>) -> Self {
        let mut world = Self::beginning();
        for (at, event) in events {
            world.change(hour(*at), event);
        }
        world
    }

    fn change(&mut self, now: Timestamp, event: &Event) {
        let Self { gate, student, resets } = self;
        let millis = u64::try_from(now.as_millisecond()).expect("after 1970");
        let one = |number: i32| Period { from: day(number), to: day(number) };
        let meals = || Meals::try_from(vec![Meal::Lunch]).expect("one");
        match event {
            Event::Decided(status) if *status == student.status => {}
            Event::Decided(status) => {
                student.statuses = student.statuses.replaced(student.status, now, STATUSES_MAX);
                student.status = *status;
            }
            Event::Reset => {
                let old = student.qr_nonce.clone();
                student.codes = student.codes.replaced(old, now, CODES_MAX);
                *resets += 1;
                student.qr_nonce = nonce(*resets);
            }
            Event::Rotated { grace_hours } => {
                let grace = GraceHours::try_from(i64::from(*grace_hours)).expect("in range");
                gate.qr_keys = gate.qr_keys.rotate(grace, now);
            }
            Event::Rescheduled { opens, zone: name } => {
                let old = gate.mess.schedule();
                gate.schedules = gate.schedules.replaced(old, now, SCHEDULES_MAX);
                let windows = BTreeMap::from([(Meal::Lunch, lunch(*opens))]);
                let schedule = Schedule { time_zone: zone(name), meal_windows: windows };
                gate.mess = gate.mess.with_schedule(&schedule);
            }
            Event::Closed { day } => {
                let id = ClosureId::from_ulid(Ulid::from_parts(millis, 1));
                let closure = OpenClosure { period: one(*day), meals: meals() };
                gate.closures.insert(id, closure);
            }
            Event::Cut { day } => {
                let cut = OpenCut { period: one(*day), meals: meals() };
                student.cuts.insert(CutId::of(account(), now), cut);
            }
        }
    }

    fn judge(&self, code: &ReadCode, at: Timestamp, offline: bool) -> Verdict {
        let signed = MessKey::derive(SECRET, &mess_id(), code.code.kid).verifies(&mess_id(), code);
        let (named, student) = (Named::ByCode { read: code, signed }, Some(&self.student));
        let (gate, meal) = (&self.gate, Meal::Lunch);
        Shown { gate, named, student, meal, at, offline }.judge()
    }
}

/// The rules over the log, written a second time: everything until `at`, and nothing after it.
fn told(log: &Log, shown: (u8, u8), at: Timestamp) -> Option<Refusal> {
    let before: Vec<(Timestamp, &Event)> = log
        .iter()
        .map(|(when, event)| (hour(*when), event))
        .filter(|(when, _)| *when <= at)
        .collect();
    let rotations: Vec<(Timestamp, u16)> = before
        .iter()
        .filter_map(|(when, event)| match event {
            Event::Rotated { grace_hours } => Some((*when, *grace_hours)),
            _ => None,
        })
        .collect();
    let (shown_kid, shown_nonce) = shown;
    let current = u8::try_from(rotations.len()).expect("few") + 1;
    let in_grace = rotations.last().is_some_and(|(when, hours)| {
        shown_kid + 1 == current && at < *when + SignedDuration::from_hours(i64::from(*hours))
    });
    if shown_kid != current && !in_grace {
        return Some(Refusal::UnknownKey);
    }
    let decided = before.iter().rev().find_map(|(_, event)| match event {
        Event::Decided(status) => Some(*status),
        _ => None,
    });
    if decided == Some(AccountStatus::Deleted) {
        return Some(Refusal::UnknownStudent);
    }
    let resets = before.iter().filter(|(_, event)| matches!(event, Event::Reset)).count();
    if usize::from(shown_nonce) != resets {
        return Some(Refusal::RevokedQr);
    }
    let (mut status, mut opens, mut clock) = (AccountStatus::Active, None, "UTC");
    let (mut closed, mut cut) = (Vec::new(), Vec::new());
    for (_, event) in before {
        match event {
            Event::Decided(decided) => status = *decided,
            Event::Rescheduled { opens: hour, zone } => (opens, clock) = (Some(*hour), *zone),
            Event::Closed { day: number } => closed.push(day(*number)),
            Event::Cut { day: number } => cut.push(day(*number)),
            Event::Reset | Event::Rotated { .. } => {}
        }
    }
    match status {
        AccountStatus::Blocked => return Some(Refusal::Blocked),
        AccountStatus::Active | AccountStatus::Deleted => {}
        AccountStatus::PendingApproval | AccountStatus::Rejected => {
            return Some(Refusal::NotApproved);
        }
    }
    let local = at.to_zoned(jiff::tz::TimeZone::get(clock).expect("a zone"));
    // At first lunch is from 12:30 to 14:30, and later for two hours from the full hour on.
    let opens = opens.map_or(12 * 60 + 30, |opens| i32::from(opens) * 60);
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let since = (minute - opens).rem_euclid(24 * 60);
    let began_yesterday = since < 120 && minute < opens;
    let today = MealDate::from(local.date()).plus_days(-i32::from(began_yesterday));
    if closed.contains(&today) {
        Some(Refusal::MessClosed)
    } else if since >= 120 {
        Some(Refusal::OutsideMealWindow)
    } else if cut.contains(&today) {
        Some(Refusal::MessCut)
    } else {
        None
    }
}

fn event() -> impl Strategy<Value = Event> {
    let statuses = [
        AccountStatus::Active,
        AccountStatus::Blocked,
        AccountStatus::Rejected,
        AccountStatus::Deleted,
    ];
    let zones = ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"];
    prop_oneof![
        3 => prop::sample::select(statuses.to_vec()).prop_map(Event::Decided),
        1 => Just(Event::Reset),
        1 => (0_u16..40).prop_map(|grace_hours| Event::Rotated { grace_hours }),
        2 => (0_i8..24, prop::sample::select(zones.to_vec()))
            .prop_map(|(opens, zone)| Event::Rescheduled { opens, zone }),
        1 => (-1_i32..6).prop_map(|day| Event::Closed { day }),
        1 => (-1_i32..6).prop_map(|day| Event::Cut { day }),
    ]
}

/// A log, a time in it, and how many codes and keys before the current ones are shown. The student
/// is more often served if the time is one at which lunch could be served.
fn history(events: usize) -> impl Strategy<Value = (Log, i64, (u8, u8))> {
    let log = prop::collection::btree_map(0..HOURS, event(), 0..events);
    let minutes = i64::from(HOURS) * 60;
    (
        log,
        0..minutes,
        (prop_oneof![3 => Just(0_u8), 1 => 0_u8..3], prop_oneof![3 => Just(0_u8), 1 => 0_u8..3]),
    )
}

/// What the student shows: the number of the key and of the code, and the code.
fn shown(log: &Log, at: Timestamp, (keys_back, codes_back): (u8, u8)) -> (u8, u8, ReadCode) {
    let until = |is_such: fn(&Event) -> bool| {
        let such = log.iter().filter(|(when, event)| hour(**when) <= at && is_such(event));
        u8::try_from(such.count()).expect("few")
    };
    let current = until(|event| matches!(event, Event::Rotated { .. })) + 1;
    let resets = until(|event| matches!(event, Event::Reset));
    let key = current.saturating_sub(keys_back).max(1);
    let code = resets.saturating_sub(codes_back);
    let content = Code { account_id: account(), kid: kid(key), nonce: nonce(code) };
    let text = MessKey::derive(SECRET, &mess_id(), kid(key)).sign(&mess_id(), &content);
    (key, code, ReadCode::parse(&text).expect("a code"))
}

proptest! {
    #[test]
    fn an_offline_scan_is_judged_by_what_held_when_it_was_made(
        (log, minute, back) in history(10),
    ) {
        let at = hour(0) + SignedDuration::from_mins(minute);
        let (key, code, read) = shown(&log, at, back);
        let at_last = World::after(log.iter());
        let later = at_last.judge(&read, at, true);
        let then = World::after(log.iter().filter(|(when, _)| hour(**when) <= at));
        let standing = then.judge(&read, at, false);
        prop_assert_eq!(standing.refused, told(&log, (key, code), at));
        if was_cut_off(&at_last) {
            // Another reason may be the first one that is known.
            prop_assert!(later.refused.is_none() || standing.refused.is_some());
        } else {
            prop_assert_eq!(later, standing);
        }
    }

    #[test]
    fn a_longer_history_hides_no_reason_that_is_known((log, minute, back) in history(60)) {
        let at = hour(0) + SignedDuration::from_mins(minute);
        let (key, code, read) = shown(&log, at, back);
        let judged = World::after(log.iter()).judge(&read, at, true);
        let truth = told(&log, (key, code), at);
        prop_assert!(judged.past_unknown || judged.refused.is_none() || truth.is_some());
        prop_assert!(!(judged.past_unknown && judged.refused.is_some()));
        if truth.is_some() && !judged.past_unknown {
            prop_assert!(judged.refused.is_some(), "{:?} is not known as unknown", truth);
        }
    }
}

/// Whether a list was too short for all changes.
fn was_cut_off(world: &World) -> bool {
    let World { gate, student, .. } = world;
    student.statuses.entries().values().any(Option::is_none)
        || student.codes.entries().values().any(Option::is_none)
        || gate.schedules.entries().values().any(Option::is_none)
        || gate.qr_keys.lost_until.is_some()
}
