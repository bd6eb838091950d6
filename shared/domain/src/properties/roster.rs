//! Properties of the roster: a device that follows the documented rules over the roster says at any
//! time what a scan would say, as long as nothing changes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ulid::Ulid;

use crate::accounts::identity::{AccountStatus, Name, RoomNo};
use crate::days::{MealDate, Meals, Period};
use crate::ids::{AccountId, ClosureId, CutId, CycleId, MessId};
use crate::meals::entitlement::{CycleState, Entitlement, OpenCut, OpenCycle};
use crate::mess::{Meal, MealWindow, Mess, WallTime, ZoneName};
use crate::past::Past;
use crate::staff::gate::{Gate, OpenClosure, PreviousKey, QrKeys};
use crate::staff::refusals::Refusal;
use crate::staff::roster::{CodeHash, Listed, Roster, RosterStudent, is_listed, valid_until};
use crate::staff::scanning::{Named, Shown};
use crate::students::qr::{Code, Kid, MessKey, Nonce, ReadCode};

const SECRET: &[u8] = b"the deployment's secret";

/// Days around which the random days lie. The clocks of Europe change on the last two.
const ANCHORS: [&str; 3] = ["2026-01-15", "2026-03-29", "2026-10-25"];

fn mess_id() -> MessId {
    MessId::parse("mess_demo").expect("an id")
}

fn account() -> AccountId {
    AccountId::from_ulid(Ulid(42))
}

/// The mess and the student, and when the roster is made.
#[derive(Debug, Clone)]
struct World {
    gate: Gate,
    student: Entitlement,
    now: Timestamp,
}

fn wall_time() -> impl Strategy<Value = WallTime> {
    let quarter = prop_oneof![Just(0), Just(15), Just(30), Just(45)];
    // Most clock changes are in the first hours of a day.
    let hour = prop_oneof![0_i8..4, 0_i8..24];
    (hour, quarter).prop_map(|(hour, minute)| WallTime::constant(hour, minute))
}

fn windows() -> impl Strategy<Value = BTreeMap<Meal, MealWindow>> {
    let window = (wall_time(), wall_time())
        .prop_filter("a window is not empty", |(opens, closes)| opens != closes)
        .prop_map(|(opens, closes)| MealWindow { opens, closes });
    let meal = prop_oneof![Just(Meal::Breakfast), Just(Meal::Lunch), Just(Meal::Dinner)];
    proptest::collection::btree_map(meal, window, 1..=3)
}

fn period(anchor: MealDate) -> impl Strategy<Value = Period> {
    (-2_i32..5, 0_i32..3).prop_map(move |(first, days)| {
        let from = anchor.plus_days(first);
        Period { from, to: from.plus_days(days) }
    })
}

fn meals() -> impl Strategy<Value = Meals> {
    proptest::sample::subsequence(Meal::ALL.to_vec(), 1..=3)
        .prop_map(|meals| Meals::try_from(meals).expect("at least one"))
}

fn student(anchor: MealDate) -> impl Strategy<Value = Entitlement> {
    let state = prop_oneof![3 => Just(CycleState::Verified), 1 => Just(CycleState::Pending)];
    let cycle = (period(anchor), state).prop_map(|(period, state)| OpenCycle { period, state });
    let cut = (period(anchor), meals()).prop_map(|(period, meals)| OpenCut { period, meals });
    let status = prop_oneof![4 => Just(AccountStatus::Active), 1 => Just(AccountStatus::Blocked)];
    let cycles = proptest::collection::vec(cycle, 0..4);
    let cuts = proptest::collection::vec(cut, 0..3);
    (status, cycles, cuts).prop_map(|(status, cycles, cuts)| Entitlement {
        status,
        statuses: Past::default(),
        qr_nonce: Nonce::from_random([7; 9]),
        codes: Past::default(),
        cycles: (1..).map(|id| CycleId::from_ulid(Ulid(id))).zip(cycles).collect(),
        cuts: (1..).map(|id| CutId::from_ulid(Ulid(id))).zip(cuts).collect(),
    })
}

fn world() -> impl Strategy<Value = World> {
    let zone = prop_oneof![
        Just("Asia/Kolkata"),
        Just("Europe/Berlin"),
        Just("Europe/London"),
        Just("Pacific/Chatham"),
        Just("Asia/Beirut"),
    ];
    let anchor = proptest::sample::select(ANCHORS.to_vec());
    let anchor = anchor.prop_map(|day| MealDate::parse(day).expect("a date"));
    anchor.prop_flat_map(move |anchor| {
        let closure =
            (period(anchor), meals()).prop_map(|(period, meals)| OpenClosure { period, meals });
        let closures = proptest::collection::vec(closure, 0..3);
        let minutes = -1_440_i64..1_440;
        let grace_hours = proptest::option::of(-5_i64..60);
        (zone.clone(), windows(), closures, student(anchor), minutes, grace_hours).prop_map(
            move |(zone, windows, closures, student, minutes, grace_hours)| {
                let (name, zone) = (Name::parse("Demo"), ZoneName::parse(zone));
                let (name, zone) = (name.expect("a name"), zone.expect("a zone"));
                let mess = Mess::with_defaults(mess_id(), name, zone);
                let mess = Mess { meal_windows: windows, ..mess };
                let now = mess.day_begins(anchor) + SignedDuration::from_mins(minutes);
                let previous = grace_hours.map(|hours| PreviousKey {
                    kid: Kid::FIRST,
                    valid_until: now + SignedDuration::from_hours(hours),
                });
                let qr_keys = QrKeys { current: Kid::FIRST.next(), previous, ..QrKeys::default() };
                let ids = (1..).map(|id| ClosureId::from_ulid(Ulid(id)));
                let closures = ids.zip(closures).collect();
                let gate = Gate { mess, schedules: Past::default(), qr_keys, closures };
                World { gate, student, now }
            },
        )
    })
}

impl World {
    fn roster(&self) -> (Roster<'_>, RosterStudent) {
        let roster = Roster::of(&self.gate, SECRET, self.now);
        let name = Name::parse("Asha").expect("a name");
        let (account_id, student) = (account(), &self.student);
        let room = RoomNo::parse("A 12").expect("a room");
        let listed = Listed { account_id, name: &name, room_no: Some(&room), student };
        let row = roster.student(listed, |_| false);
        (roster, row)
    }

    /// What the server says of a code at `at`.
    fn scanned(&self, read: &ReadCode, meal: Meal, at: Timestamp) -> Option<Refusal> {
        let (gate, student) = (&self.gate, Some(&self.student));
        let named = Named::ByCode { read, signed: true };
        Shown { gate, named, student, meal, at, offline: false }.judge().refused
    }
}

fn code(kid: Kid) -> String {
    let code = Code { account_id: account(), kid, nonce: Nonce::from_random([7; 9]) };
    MessKey::derive(SECRET, &mess_id(), kid).sign(&mess_id(), &code)
}

/// What a device says, by the rules of `docs/behaviour.md`: `Err` for a code that is not in the
/// roster.
fn told(
    roster: &Roster<'_>,
    row: &RosterStudent,
    qr_data: &str,
    (meal, at): (Meal, Timestamp),
) -> Result<Option<Refusal>, ()> {
    let hash = CodeHash::of(qr_data);
    if row.previous_code_hash.as_ref() == Some(&hash) {
        if roster.previous_codes_until.is_some_and(|until| at >= until) {
            return Ok(Some(Refusal::UnknownKey));
        }
    } else if row.code_hash != hash {
        return Err(());
    }
    if row.refused.is_some() {
        return Ok(row.refused);
    }
    let mut spans = roster.days.iter().flat_map(|day| {
        let served = &day.meals[&meal];
        served.spans.iter().map(move |span| (day.date, served.closed, span))
    });
    let found = spans.find(|(.., span)| span.from <= at && at < span.until);
    let (date, closed, span) = found.expect("every moment belongs to a day");
    Ok(if closed {
        Some(Refusal::MessClosed)
    } else if !span.served {
        Some(Refusal::OutsideMealWindow)
    } else {
        row.meals.get(&date).and_then(|meals| meals.get(&meal)).copied()
    })
}

proptest! {
    #[test]
    fn an_offline_device_says_what_the_server_would_say(
        world in world(), moments in proptest::collection::vec(0_i64..4_320, 1..12),
    ) {
        let (roster, row) = world.roster();
        let today = world.gate.mess.date_at(world.now);
        let end = world.gate.mess.day_begins(today.plus_days(3));
        prop_assert!(valid_until(world.now) < end, "the roster has all days while it is valid");
        for minutes in moments {
            let at = world.now + SignedDuration::from_mins(minutes);
            if at >= end {
                continue;
            }
            for (meal, kid) in
                Meal::ALL.into_iter().flat_map(|meal| [1, 2].map(|number| (meal, number)))
            {
                let kid = if kid == 1 { Kid::FIRST } else { Kid::FIRST.next() };
                let qr_data = code(kid);
                let read = ReadCode::parse(&qr_data).expect("a code");
                let by_server = world.scanned(&read, meal, at);
                let by_device = told(&roster, &row, &qr_data, (meal, at));
                let by_device = by_device.unwrap_or(Some(Refusal::UnknownKey));
                prop_assert_eq!(by_device, by_server, "{} {:?}", at, meal);
            }
        }
    }

    #[test]
    fn a_blocked_students_room_and_meals_are_not_told(world in world()) {
        let (_, row) = world.roster();
        let blocked = world.student.status == AccountStatus::Blocked;
        prop_assert_eq!(row.refused, blocked.then_some(Refusal::Blocked));
        prop_assert_eq!(row.room_no.is_none(), blocked);
        prop_assert!(!blocked || row.meals.is_empty());
    }

    #[test]
    fn no_moment_belongs_to_two_days(world in world()) {
        let (roster, _) = world.roster();
        for meal in Meal::ALL {
            let mut spans: Vec<_> =
                roster.days.iter().flat_map(|day| day.meals[&meal].spans.clone()).collect();
            spans.sort_by_key(|span| span.from);
            prop_assert!(spans.iter().all(|span| span.from < span.until));
            prop_assert!(spans.windows(2).all(|pair| pair[0].until <= pair[1].from));
        }
    }
}

#[test]
fn only_students_who_can_have_a_code_are_listed() {
    let listed = AccountStatus::ALL.iter().copied().filter(|status| is_listed(*status));
    assert_eq!(listed.collect::<Vec<_>>(), [AccountStatus::Active, AccountStatus::Blocked]);
}
