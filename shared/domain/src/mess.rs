//! The settings of a mess (tenant). The owner changes them; a rule that depends on them takes a
//! [`Mess`] as an argument.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

use crate::Unacceptable;
use crate::accounts::identity::{AccountStatus, Name, Role};
use crate::ids::MessId;
use crate::money::Paise;
use crate::phone::Region;
use crate::text::{plain_schema, text_newtype};

/// A meal of the day.
// Deserialised from text, for the reason given at `Role`.
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
)]
#[serde(rename_all = "UPPERCASE", try_from = "String")]
#[strum(serialize_all = "UPPERCASE", const_into_str)]
pub enum Meal {
    /// The morning meal.
    Breakfast,
    /// The midday meal.
    Lunch,
    /// The evening meal.
    Dinner,
}

impl Meal {
    /// Every meal, in the order of the day.
    pub const ALL: [Self; 3] = [Self::Breakfast, Self::Lunch, Self::Dinner];

    /// The meal's name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl std::str::FromStr for Meal {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|meal| meal.as_str() == text);
        found.ok_or_else(|| Unacceptable::new("must be BREAKFAST, LUNCH or DINNER"))
    }
}

impl TryFrom<String> for Meal {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A wall-clock time in the mess's time zone, printed as `07:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime(Time);

plain_schema!(WallTime: String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$");

impl WallTime {
    /// Makes a time of day.
    ///
    /// # Panics
    ///
    /// Panics if `hour` or `minute` is out of range; meant for constants.
    #[must_use]
    pub const fn constant(hour: i8, minute: i8) -> Self {
        Self(Time::constant(hour, minute, 0, 0))
    }

    /// Parses `HH:MM`.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        let refused = || Unacceptable::new("must be a time of day such as 07:30");
        let time = Time::strptime("%H:%M", text).map(Self).map_err(|_| refused())?;
        // strptime also accepts spaces and missing zeros; only one spelling is valid here.
        if String::from(time) == text { Ok(time) } else { Err(refused()) }
    }
}

impl From<Time> for WallTime {
    fn from(time: Time) -> Self {
        Self(time)
    }
}

impl From<WallTime> for Time {
    fn from(time: WallTime) -> Self {
        time.0
    }
}

impl TryFrom<String> for WallTime {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> Self {
        time.0.strftime("%H:%M").to_string()
    }
}

/// When a meal is served. If `closes` is before `opens`, serving ends after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MealWindow {
    /// The first minute of serving.
    pub opens: WallTime,
    /// The first minute after serving (exclusive end).
    pub closes: WallTime,
}

impl MealWindow {
    /// Whether the meal is being served at `time`.
    #[must_use]
    pub fn contains(self, time: WallTime) -> bool {
        if self.opens <= self.closes {
            self.opens <= time && time < self.closes
        } else {
            self.opens <= time || time < self.closes
        }
    }
}

/// Names in the IANA database that stand for "not set".
const UNSET_ZONES: [&str; 2] = ["Factory", "Etc/Unknown"];

/// A time zone by its IANA name, such as `Asia/Kolkata`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName(String);

impl ZoneName {
    /// Accepts the name of a zone in the IANA database.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        match TimeZone::get(text) {
            Ok(_) if UNSET_ZONES.contains(&text) => {
                Err(Unacceptable::new("must be the time zone of a place"))
            }
            Ok(zone) => Ok(Self(zone.iana_name().unwrap_or(text).to_owned())),
            Err(_) => Err(Unacceptable::new("must be a time zone such as Asia/Kolkata")),
        }
    }
}
text_newtype!(ZoneName);
plain_schema!(ZoneName: String, min_length = 1, max_length = 64);

/// Whether a verified student can use the mess without an owner's approval.
// Deserialised from text, for the reason given at `Role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Approval {
    /// An owner approves each student.
    Required,
    /// A verified e-mail address is enough.
    Automatic,
}

impl TryFrom<String> for Approval {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "required" => Ok(Self::Required),
            "automatic" => Ok(Self::Automatic),
            _ => Err(Unacceptable::new("must be required or automatic")),
        }
    }
}

/// Whether staff may admit students in spite of some refusals.
// Deserialised from text, for the reason given at `Role`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum Overrides {
    /// Staff may, and the owner is told.
    Allowed,
    /// A refusal stands.
    #[default]
    Forbidden,
}

impl TryFrom<String> for Overrides {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "allowed" => Ok(Self::Allowed),
            "forbidden" => Ok(Self::Forbidden),
            _ => Err(Unacceptable::new("must be allowed or forbidden")),
        }
    }
}

/// A mess and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mess {
    /// Its id.
    pub mess_id: MessId,
    /// The name that students see.
    pub name: Name,
    /// The time zone of all dates and wall-clock times of the mess.
    pub time_zone: ZoneName,
    /// The country whose telephone numbers may be typed without a calling code.
    #[serde(default)]
    #[schema(required)]
    pub region: Region,
    /// When each meal is served.
    pub meal_windows: BTreeMap<Meal, MealWindow>,
    /// The price of one meal token.
    pub token_price_paise: Paise,
    /// For how many days a token is valid after the capture of its payment.
    pub token_validity_days: u16,
    /// Whether students need an owner's approval.
    pub approval: Approval,
    /// The time on the day before a mess cut until which it can be applied or cancelled
    /// (exclusive).
    pub cut_cutoff: WallTime,
    /// Whether staff may admit students in spite of some refusals.
    #[serde(default)]
    #[schema(required)]
    pub overrides: Overrides,
}

/// When the meals are served, by which clock: the settings that decide to which meal a time
/// belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub time_zone: ZoneName,
    pub meal_windows: BTreeMap<Meal, MealWindow>,
}

/// The maximum number of earlier schedules in the mess's item. It keeps the item below four
/// kilobytes, the size of one read unit.
pub const SCHEDULES_MAX: usize = 4;

impl Mess {
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        let Self { time_zone, meal_windows, .. } = self.clone();
        Schedule { time_zone, meal_windows }
    }

    /// The mess with another schedule.
    #[must_use]
    pub fn with_schedule(&self, schedule: &Schedule) -> Self {
        let Schedule { time_zone, meal_windows } = schedule.clone();
        Self { time_zone, meal_windows, ..self.clone() }
    }

    /// A mess with the usual settings: in India, three meals, tokens at ₹50 for 90 days, approval
    /// required, cuts until 23:00.
    #[must_use]
    pub fn with_defaults(mess_id: MessId, name: Name, time_zone: ZoneName) -> Self {
        let window = |opens, closes| MealWindow { opens, closes };
        let time = WallTime::constant;
        Self {
            mess_id,
            name,
            time_zone,
            region: Region::INDIA,
            meal_windows: BTreeMap::from([
                (Meal::Breakfast, window(time(7, 30), time(9, 30))),
                (Meal::Lunch, window(time(12, 30), time(14, 30))),
                (Meal::Dinner, window(time(19, 30), time(21, 30))),
            ]),
            token_price_paise: Paise::new(5_000),
            token_validity_days: 90,
            approval: Approval::Required,
            cut_cutoff: time(23, 0),
            overrides: Overrides::Forbidden,
        }
    }

    /// The status of an account right after its e-mail address was verified. The invitation of
    /// staff and owners already counts as approval.
    #[must_use]
    pub const fn status_after_verification(&self, role: Role) -> AccountStatus {
        match (role, self.approval) {
            (Role::Student, Approval::Required) => AccountStatus::PendingApproval,
            _ => AccountStatus::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mess() -> Mess {
        let zone = ZoneName::parse("Asia/Kolkata").expect("a zone");
        let id = MessId::parse("mess_demo").expect("an id");
        Mess::with_defaults(id, Name::parse("Demo").expect("a name"), zone)
    }

    #[test]
    fn only_students_wait_for_approval_and_only_if_the_mess_requires_it() {
        let mut mess = mess();
        assert_eq!(mess.status_after_verification(Role::Student), AccountStatus::PendingApproval);
        assert_eq!(mess.status_after_verification(Role::Staff), AccountStatus::Active);
        mess.approval = Approval::Automatic;
        assert_eq!(mess.status_after_verification(Role::Student), AccountStatus::Active);
    }

    #[test]
    fn mess_settings_survive_a_json_round_trip() {
        let json = serde_json::to_value(mess()).expect("serialises");
        assert_eq!(json["meal_windows"]["BREAKFAST"]["opens"], "07:30");
        assert_eq!(json["cut_cutoff"], "23:00");
        assert_eq!(json["approval"], "required");
        assert_eq!(serde_json::from_value::<Mess>(json).expect("parses"), mess());
    }

    #[test]
    fn a_mess_stored_without_a_region_is_in_india() {
        let mut json = serde_json::to_value(mess()).expect("serialises");
        assert!(json.as_object_mut().expect("an object").remove("region").is_some());
        assert_eq!(serde_json::from_value::<Mess>(json).expect("parses").region, Region::INDIA);
    }

    #[test]
    fn an_unknown_time_zone_and_a_malformed_time_are_refused() {
        for refused in ["Asia/Thali", "Factory", "Etc/Unknown"] {
            assert!(ZoneName::parse(refused).is_err(), "{refused}");
        }
        for refused in ["7:30", " 7:30", "7: 30", "24:00", "12:60", "12:30:00", "noon!"] {
            assert!(WallTime::parse(refused).is_err(), "{refused}");
        }
    }
}
