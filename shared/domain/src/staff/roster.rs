//! The roster: what a device must know to judge scans while it is offline. It is made of the
//! verdicts of [`Shown::judge`], so that a device says what the server would have said.
//!
//! A device cannot verify a signature, because nothing in the roster can make a code. It compares
//! the hash of what it read with the hashes of all valid codes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::accounts::identity::{AccountStatus, Name, RoomNo};
use crate::days::{MealDate, Period};
use crate::ids::AccountId;
use crate::meals::entitlement::Entitlement;
use crate::meals::meal_times::Sitting;
use crate::mess::{Meal, Mess, WallTime};
use crate::staff::gate::Gate;
use crate::staff::refusals::Refusal;
use crate::staff::scanning::{Named, Shown};
use crate::students::qr::{Code, MessKey, ReadCode};
use crate::text::plain_schema;

/// For how many days from today on a roster has the meals.
const DAYS: i32 = 3;

/// How long a roster is valid at most.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How many bytes of a code's SHA-256 are its hash. Nobody can find another text with the same
/// sixteen bytes.
const HASH_BYTES: usize = 16;

/// The hash of a code: the first 16 bytes of the SHA-256 of its text, in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct CodeHash(String);

plain_schema!(CodeHash: String, pattern = "^[A-Za-z0-9_-]{22}$");

impl CodeHash {
    #[must_use]
    pub fn of(qr_data: &str) -> Self {
        let digest = Sha256::digest(qr_data.as_bytes());
        Self(URL_SAFE_NO_PAD.encode(&digest[..HASH_BYTES]))
    }
}

/// A day of the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RosterDay {
    pub date: MealDate,
    /// The day's meals.
    pub meals: BTreeMap<Meal, RosterMeal>,
}

/// A meal of a day, for all students.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RosterMeal {
    /// Whether the mess is closed for it.
    pub closed: bool,
    /// When a scan for this meal belongs to this day, in order. A meal after midnight belongs to
    /// the day before.
    pub spans: Vec<RosterSpan>,
}

/// A time in which scans for a meal belong to one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct RosterSpan {
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The end, exclusive.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Whether the meal is served in this time.
    pub served: bool,
}

/// A student of the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RosterStudent {
    pub code_hash: CodeHash,
    /// The hash of the same code under the mess's previous key, until `previous_codes_until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_code_hash: Option<CodeHash>,
    pub account_id: AccountId,
    pub name: Name,
    /// Absent also if the student is `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_no: Option<RoomNo>,
    /// Why every scan of the student is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// The meals that the student may not have, and why, by day: `mess_cut`, `no_active_cycle`, or
    /// `already_scanned` for a meal that the student has had. All other meals of `days` are the
    /// student's.
    pub meals: BTreeMap<MealDate, BTreeMap<Meal, Refusal>>,
}

/// A student as the counter knows them, for the roster.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    pub account_id: AccountId,
    pub name: &'a Name,
    pub room_no: Option<&'a RoomNo>,
    pub student: &'a Entitlement,
}

/// The part of a roster that is the same for all students.
pub struct Roster<'a> {
    gate: &'a Gate,
    now: Timestamp,
    pub days: Vec<RosterDay>,
    /// Until when codes of the mess's previous key are valid, if they are.
    pub previous_codes_until: Option<Timestamp>,
    key: MessKey,
    previous_key: Option<MessKey>,
}

/// Whether students with this status are in the roster: only they can have a code. A student who
/// waits for approval or was rejected was never given one.
#[must_use]
pub const fn is_listed(status: AccountStatus) -> bool {
    match status {
        AccountStatus::Active | AccountStatus::Blocked => true,
        AccountStatus::PendingApproval | AccountStatus::Rejected | AccountStatus::Deleted => false,
    }
}

/// Until when a roster that was made at `now` is valid. Whole hours, so that an unchanged roster
/// stays the same for an hour.
#[must_use]
pub fn valid_until(now: Timestamp) -> Timestamp {
    let past_the_hour = SignedDuration::from_millis(now.as_millisecond().rem_euclid(3_600_000));
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    now - past_the_hour + VALID_FOR
}

impl<'a> Roster<'a> {
    /// The roster of a mess at `now`. `secret` is the deployment's secret for codes.
    #[must_use]
    pub fn of(gate: &'a Gate, secret: &[u8], now: Timestamp) -> Self {
        let (mess, keys) = (&gate.mess, &gate.qr_keys);
        let previous = keys.previous.as_ref().filter(|previous| now < previous.valid_until);
        let key = |kid| MessKey::derive(secret, &mess.mess_id, kid);
        Self {
            gate,
            now,
            days: days(gate, now),
            previous_codes_until: previous.map(|previous| previous.valid_until),
            key: key(keys.current),
            previous_key: previous.map(|previous| key(previous.kid)),
        }
    }

    /// The sittings that are not over and at which students may have been admitted already: those
    /// of today, even before their windows, because a refusal can be overruled.
    pub fn sittings_begun(&self) -> impl Iterator<Item = Sitting> {
        let today = self.gate.mess.date_at(self.now);
        let begun = self.days.iter().filter(move |day| day.date <= today);
        begun.flat_map(|RosterDay { date, meals }| {
            let open = |meal: &RosterMeal| {
                meal.spans.iter().any(|span| span.served && self.now < span.until)
            };
            let open = meals.iter().filter(move |(_, served)| open(served));
            open.map(|(meal, _)| Sitting { date: *date, meal: *meal })
        })
    }

    /// A student's part. `has_eaten` says whether the student was admitted at a sitting.
    #[must_use]
    pub fn student(
        &self,
        listed: Listed<'_>,
        has_eaten: impl Fn(Sitting) -> bool,
    ) -> RosterStudent {
        let Listed { account_id, name, room_no, student } = listed;
        let (mess, keys) = (&self.gate.mess, &self.gate.qr_keys);
        let nonce = student.qr_nonce.clone();
        let code = Code { account_id, kid: keys.current, nonce };
        let qr_data = self.key.sign(&mess.mess_id, &code);
        let previous = self.previous_key.as_ref().zip(keys.previous.as_ref());
        let previous_code_hash = previous.map(|(key, previous)| {
            CodeHash::of(&key.sign(&mess.mess_id, &Code { kid: previous.kid, ..code.clone() }))
        });
        let read = ReadCode::parse(&qr_data).expect("a signed code is a code");
        let judge = |meal, at| {
            let named = Named::ByCode { read: &read, signed: true };
            let student = Some(student);
            Shown { gate: self.gate, named, student, meal, at, offline: false }.judge().refused
        };
        let refused = judge(Meal::ALL[0], self.now)
            .filter(|reason| matches!(reason, Refusal::NotApproved | Refusal::Blocked));
        let meals = match refused {
            Some(_) => BTreeMap::new(),
            None => self.refused_meals(judge, has_eaten),
        };
        RosterStudent {
            code_hash: CodeHash::of(&qr_data),
            previous_code_hash,
            account_id,
            name: name.clone(),
            room_no: room_no.filter(|_| refused.is_none()).cloned(),
            refused,
            meals,
        }
    }

    /// The reasons that are the student's own, and not the mess's, by meal.
    fn refused_meals(
        &self,
        judge: impl Fn(Meal, Timestamp) -> Option<Refusal>,
        has_eaten: impl Fn(Sitting) -> bool,
    ) -> BTreeMap<MealDate, BTreeMap<Meal, Refusal>> {
        let mut refused = BTreeMap::<MealDate, BTreeMap<Meal, Refusal>>::new();
        for RosterDay { date, meals } in &self.days {
            for (meal, served) in meals {
                // Outside of its window, a meal is refused to everybody.
                let Some(span) = served.spans.iter().find(|span| span.served) else { continue };
                let reason = match judge(*meal, span.from) {
                    Some(Refusal::MessClosed) => None,
                    None if has_eaten(Sitting { date: *date, meal: *meal }) => {
                        Some(Refusal::AlreadyScanned)
                    }
                    reason => reason,
                };
                if let Some(reason) = reason {
                    refused.entry(*date).or_default().insert(*meal, reason);
                }
            }
        }
        refused
    }
}

/// The days of a roster: today and the next ones, and yesterday while a scan can belong to it.
fn days(gate: &Gate, now: Timestamp) -> Vec<RosterDay> {
    let mess = &gate.mess;
    let today = mess.date_at(now);
    let period = Period { from: today.plus_days(-1), to: today.plus_days(DAYS - 1) };
    let mut spans = BTreeMap::<(MealDate, Meal), Vec<RosterSpan>>::new();
    for meal in Meal::ALL {
        for (date, span) in spans_of(mess, meal, period) {
            spans.entry((date, meal)).or_default().push(span);
        }
    }
    let meal_of = |date, meal| RosterMeal {
        closed: gate.is_closed(Sitting { date, meal }),
        spans: spans.get(&(date, meal)).cloned().unwrap_or_default(),
    };
    let day =
        |date| RosterDay { date, meals: Meal::ALL.map(|meal| (meal, meal_of(date, meal))).into() };
    let is_over = |day: &RosterDay| {
        day.meals.values().flat_map(|meal| &meal.spans).all(|span| span.until <= now)
    };
    period.dates().map(day).filter(|day| !is_over(day)).collect()
}

/// When scans for a meal belong to the days of `period`. Between two neighbouring moments at which
/// the mess's clock shows midnight or an end of the window, or is changed, nothing changes. So
/// [`Mess::sitting`] is asked once for each of these times.
fn spans_of(mess: &Mess, meal: Meal, period: Period) -> Vec<(MealDate, RosterSpan)> {
    let begin = mess.day_begins(period.from);
    // The last day's meals may end on the day after.
    let end = mess.day_begins(period.to.plus_days(2));
    let moments = moments(mess, meal, period, (begin, end));
    let mut spans: Vec<(MealDate, RosterSpan)> = Vec::new();
    for (from, until) in moments.iter().zip(moments.iter().skip(1)) {
        let (sitting, served) = mess.sitting(meal, *from);
        match spans.last_mut() {
            Some((date, last)) if (*date, last.served) == (sitting.date, served) => {
                last.until = *until;
            }
            _ => spans.push((sitting.date, RosterSpan { from: *from, until: *until, served })),
        }
    }
    spans.retain(|(date, _)| period.contains(*date));
    spans
}

/// The moments from `begin` to `end`, both included, at which the day or the window of a meal may
/// begin or end.
fn moments(
    mess: &Mess,
    meal: Meal,
    period: Period,
    (begin, end): (Timestamp, Timestamp),
) -> Vec<Timestamp> {
    let zone: TimeZone = mess.zone();
    let window = mess.meal_windows.get(&meal);
    let times: Vec<Time> = [WallTime::constant(0, 0)]
        .into_iter()
        .chain(window.into_iter().flat_map(|window| [window.opens, window.closes]))
        .map(Time::from)
        .collect();
    let dates = Period { from: period.from.plus_days(-1), to: period.to.plus_days(2) };
    let shown = dates.dates().flat_map(|date| {
        let at = |time: &Time| {
            // A clock that is set back shows a time twice.
            let local = zone.to_ambiguous_timestamp(date.civil().to_datetime(*time));
            [local.earlier(), local.later()].into_iter().flatten()
        };
        times.iter().flat_map(at).collect::<Vec<_>>()
    });
    let changed = zone.following(begin).map(|change| change.timestamp());
    let mut moments: Vec<Timestamp> = shown
        .chain(changed.take_while(|at| *at < end))
        .filter(|at| begin < *at && *at < end)
        .chain([begin, end])
        .collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_hash_is_sixteen_bytes_of_sha_256_in_base64url() {
        // printf v1 | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
        assert_eq!(CodeHash::of("v1"), CodeHash("O_wmlZTvZJIo6adLqwDwQg".to_owned()));
    }

    #[test]
    fn a_roster_is_valid_for_a_day_from_the_last_full_hour() {
        let at = |text: &str| -> Timestamp { text.parse().expect("a time") };
        for (now, until) in [
            ("2026-01-15T07:00:00Z", "2026-01-16T07:00:00Z"),
            ("2026-01-15T07:59:59.999Z", "2026-01-16T07:00:00Z"),
        ] {
            assert_eq!(valid_until(at(now)), at(until), "{now}");
        }
    }
}
