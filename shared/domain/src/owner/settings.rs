//! How an owner changes the settings of a mess, and the bounds of the settings.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Unacceptable;
use crate::accounts::identity::Name;
use crate::mess::{Approval, Meal, MealWindow, Mess, Overrides, WallTime, ZoneName};
use crate::money::Paise;
use crate::phone::Region;
use crate::text::plain_schema;

/// The minimum price of a token in paise: the least amount that Razorpay accepts for an order.
pub const TOKEN_PRICE_PAISE_MIN: u64 = 100;

/// The maximum price of a token, in paise.
pub const TOKEN_PRICE_PAISE_MAX: u64 = 1_000_000;

/// The maximum validity of a token in days: two years.
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

/// For how many days a token is valid: 1 to [`TOKEN_VALIDITY_DAYS_MAX`].
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

/// The settings to change; absent settings stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessPatch {
    pub name: Option<Name>,
    pub time_zone: Option<ZoneName>,
    pub region: Option<Region>,
    /// The new serving times of the meals to change.
    pub meal_windows: BTreeMap<Meal, MealWindow>,
    pub token_price: Option<TokenPrice>,
    pub token_validity: Option<TokenValidity>,
    /// Whether students need an owner's approval.
    pub approval: Option<Approval>,
    /// Until when on the day before a cut it can be applied or cancelled.
    pub cut_cutoff: Option<WallTime>,
    /// Whether staff may admit students in spite of some refusals.
    pub overrides: Option<Overrides>,
}

/// Why a serving time is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowRefusal {
    /// The window would close in the minute in which it opens.
    #[error("must not close when it opens")]
    Empty(Meal),
}

impl WindowRefusal {
    #[must_use]
    pub const fn meal(self) -> Meal {
        match self {
            Self::Empty(meal) => meal,
        }
    }
}

impl MessPatch {
    /// The mess after the change.
    pub fn apply(&self, mess: &Mess) -> Result<Mess, WindowRefusal> {
        let patch = self.clone();
        let mess = mess.clone();
        Ok(Mess {
            meal_windows: self.windows(mess.meal_windows)?,
            name: patch.name.unwrap_or(mess.name),
            time_zone: patch.time_zone.unwrap_or(mess.time_zone),
            region: patch.region.unwrap_or(mess.region),
            token_price_paise: patch.token_price.map_or(mess.token_price_paise, |price| price.0),
            token_validity_days: patch
                .token_validity
                .map_or(mess.token_validity_days, |validity| validity.0),
            approval: patch.approval.unwrap_or(mess.approval),
            cut_cutoff: patch.cut_cutoff.unwrap_or(mess.cut_cutoff),
            overrides: patch.overrides.unwrap_or(mess.overrides),
            mess_id: mess.mess_id,
        })
    }

    /// All windows after the change. Windows of different meals may overlap, because a scan
    /// names its meal.
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
    fn only_the_named_settings_change() {
        assert_eq!(MessPatch::default().apply(&mess()), Ok(mess()));
        let patch = MessPatch { approval: Some(Approval::Automatic), ..MessPatch::default() };
        assert_eq!(patch.apply(&mess()), Ok(Mess { approval: Approval::Automatic, ..mess() }),);
    }

    #[test]
    fn a_new_window_changes_only_its_own_meal() {
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
    fn token_prices_and_validities_have_bounds() {
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
