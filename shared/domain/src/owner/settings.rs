//! How an owner changes the settings of a mess, within which bounds.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Unacceptable;
use crate::accounts::identity::Name;
use crate::mess::{Approval, Meal, MealWindow, Mess, WallTime, ZoneName};
use crate::money::Paise;
use crate::text::plain_schema;

/// The least that a token costs, in paise: the least that Razorpay takes for an order.
pub const TOKEN_PRICE_PAISE_MIN: u64 = 100;

/// The most that a token costs, in paise.
pub const TOKEN_PRICE_PAISE_MAX: u64 = 1_000_000;

/// The most days that a token is good for: two years.
pub const TOKEN_VALIDITY_DAYS_MAX: u16 = 730;

/// The price of a token: [`TOKEN_PRICE_PAISE_MIN`] to [`TOKEN_PRICE_PAISE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct TokenPrice(Paise);

plain_schema!(
    TokenPrice: Integer,
    minimum = TOKEN_PRICE_PAISE_MIN,
    maximum = TOKEN_PRICE_PAISE_MAX,
);

impl TryFrom<i64> for TokenPrice {
    type Error = Unacceptable;

    fn try_from(paise: i64) -> Result<Self, Self::Error> {
        let bounds = TOKEN_PRICE_PAISE_MIN..=TOKEN_PRICE_PAISE_MAX;
        let paise = u64::try_from(paise).ok().filter(|paise| bounds.contains(paise));
        paise.map(|paise| Self(Paise::new(paise))).ok_or_else(|| {
            Unacceptable::new(format!(
                "must be {TOKEN_PRICE_PAISE_MIN} to {TOKEN_PRICE_PAISE_MAX} paise"
            ))
        })
    }
}

/// For how many days a token is good: 1 to [`TOKEN_VALIDITY_DAYS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct TokenValidity(u16);

plain_schema!(TokenValidity: Integer, minimum = 1, maximum = TOKEN_VALIDITY_DAYS_MAX);

impl TryFrom<i64> for TokenValidity {
    type Error = Unacceptable;

    fn try_from(days: i64) -> Result<Self, Self::Error> {
        let bounds = 1..=TOKEN_VALIDITY_DAYS_MAX;
        let days = u16::try_from(days).ok().filter(|days| bounds.contains(days));
        let refused = || Unacceptable::new(format!("must be 1 to {TOKEN_VALIDITY_DAYS_MAX} days"));
        days.map(Self).ok_or_else(refused)
    }
}

/// The settings that are to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessPatch {
    /// The name.
    pub name: Option<Name>,
    /// The time zone.
    pub time_zone: Option<ZoneName>,
    /// The windows of the meals that are served at other times from now on.
    pub meal_windows: BTreeMap<Meal, MealWindow>,
    /// The price of a token.
    pub token_price: Option<TokenPrice>,
    /// For how long a token is good.
    pub token_validity: Option<TokenValidity>,
    /// Whether students need an owner's approval.
    pub approval: Option<Approval>,
    /// Until when on the day before a mess cut is taken.
    pub cut_cutoff: Option<WallTime>,
}

/// Why a meal cannot be served when it was to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowRefusal {
    /// It would close at the minute at which it opens.
    #[error("must not close when it opens")]
    Empty(Meal),
}

impl WindowRefusal {
    /// The meal whose window is refused.
    #[must_use]
    pub const fn meal(self) -> Meal {
        match self {
            Self::Empty(meal) => meal,
        }
    }
}

impl MessPatch {
    /// The mess as it is after the change.
    pub fn apply(&self, mess: &Mess) -> Result<Mess, WindowRefusal> {
        let patch = self.clone();
        let mess = mess.clone();
        Ok(Mess {
            meal_windows: self.windows(mess.meal_windows)?,
            name: patch.name.unwrap_or(mess.name),
            time_zone: patch.time_zone.unwrap_or(mess.time_zone),
            token_price_paise: patch.token_price.map_or(mess.token_price_paise, |price| price.0),
            token_validity_days: patch
                .token_validity
                .map_or(mess.token_validity_days, |validity| validity.0),
            approval: patch.approval.unwrap_or(mess.approval),
            cut_cutoff: patch.cut_cutoff.unwrap_or(mess.cut_cutoff),
            mess_id: mess.mess_id,
        })
    }

    /// All windows, the changed ones as they are to be. Windows of different meals may
    /// overlap: a scan names its meal.
    fn windows(
        &self,
        mut windows: BTreeMap<Meal, MealWindow>,
    ) -> Result<BTreeMap<Meal, MealWindow>, WindowRefusal> {
        windows.extend(&self.meal_windows);
        for (meal, window) in &self.meal_windows {
            if window.opens == window.closes {
                return Err(WindowRefusal::Empty(*meal));
            }
        }
        Ok(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MessId;

    fn mess() -> Mess {
        let id = MessId::parse("mess_demo").expect("an id");
        let name = Name::parse("Demo").expect("a name");
        Mess::with_defaults(id, name, ZoneName::parse("Asia/Kolkata").expect("a zone"))
    }

    fn window(opens: &str, closes: &str) -> MealWindow {
        let time = |text| WallTime::parse(text).expect("a time");
        MealWindow { opens: time(opens), closes: time(closes) }
    }

    fn serving<const N: usize>(windows: [(Meal, MealWindow); N]) -> MessPatch {
        MessPatch { meal_windows: windows.into(), ..MessPatch::default() }
    }

    #[test]
    fn nothing_changes_but_what_is_named() {
        assert_eq!(MessPatch::default().apply(&mess()), Ok(mess()));
        let patch = MessPatch { approval: Some(Approval::Automatic), ..MessPatch::default() };
        assert_eq!(patch.apply(&mess()), Ok(Mess { approval: Approval::Automatic, ..mess() }),);
    }

    #[test]
    fn a_window_replaces_that_meal_s_alone() {
        let late = window("21:00", "23:30");
        let changed = serving([(Meal::Dinner, late)]).apply(&mess()).expect("it fits");
        assert_eq!(changed.meal_windows[&Meal::Dinner], late);
        assert_eq!(changed.meal_windows[&Meal::Lunch], mess().meal_windows[&Meal::Lunch]);
    }

    #[test]
    fn a_window_may_cross_midnight_and_overlap_others_but_not_be_empty() {
        use Meal::{Breakfast, Dinner, Lunch};
        for accepted in [
            serving([(Dinner, window("22:00", "01:00"))]),
            serving([(Dinner, window("22:00", "08:00"))]),
            serving([(Lunch, window("09:00", "15:00"))]),
            serving([(Breakfast, window("06:00", "22:00")), (Lunch, window("06:00", "22:00"))]),
        ] {
            assert!(accepted.apply(&mess()).is_ok(), "{accepted:?}");
        }
        let refused = serving([(Lunch, window("12:00", "12:00"))]).apply(&mess());
        assert_eq!(refused, Err(WindowRefusal::Empty(Lunch)));
        assert_eq!(WindowRefusal::Empty(Lunch).meal(), Lunch);
    }

    #[test]
    fn prices_and_validities_have_bounds() {
        for (paise, accepted) in [(99, false), (100, true), (1_000_000, true), (1_000_001, false)] {
            assert_eq!(TokenPrice::try_from(paise).is_ok(), accepted, "{paise}");
        }
        for (days, accepted) in [(0, false), (1, true), (730, true), (731, false), (65_537, false)]
        {
            assert_eq!(TokenValidity::try_from(days).is_ok(), accepted, "{days}");
        }
        assert!(TokenPrice::try_from(-5_000).is_err() && TokenValidity::try_from(-1).is_err());
    }
}
