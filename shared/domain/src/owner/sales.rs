//! Sales of tokens by day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::days::{MealDate, Period};
use crate::mess::Mess;
use crate::money::Paise;

/// How many days one report has at most.
pub const SALES_DAYS_MAX: i32 = 92;

/// A purchase that was paid, as far as reports need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    pub captured_at: Timestamp,
    pub tokens: u16,
    /// The price of all its tokens.
    pub amount: Paise,
    /// The price of the tokens that are refunded or reserved for a refund.
    pub refunded: Paise,
}

/// The purchases that were paid on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct DaySales {
    pub date: MealDate,
    /// How many purchases were paid.
    pub purchases: u32,
    /// How many tokens were bought.
    pub tokens: u64,
    /// The price of these tokens.
    pub amount_paise: Paise,
    /// What of that has been given back since, or is being given back.
    pub refunded_paise: Paise,
}

impl DaySales {
    const fn none(date: MealDate) -> Self {
        let nothing = Paise::new(0);
        Self { date, purchases: 0, tokens: 0, amount_paise: nothing, refunded_paise: nothing }
    }

    fn add(&mut self, sale: &Sale) {
        let sum = |one: Paise, other: Paise| Paise::new(one.get().saturating_add(other.get()));
        self.purchases += 1;
        self.tokens += u64::from(sale.tokens);
        self.amount_paise = sum(self.amount_paise, sale.amount);
        self.refunded_paise = sum(self.refunded_paise, sale.refunded);
    }
}

/// The sales of each day of a period, in the time zone that the mess has now. Days without sales
/// are included, sales of other days are not.
#[must_use]
pub fn by_day(mess: &Mess, days: Period, sales: &[Sale]) -> Vec<DaySales> {
    let mut by_day: BTreeMap<MealDate, DaySales> =
        days.dates().map(|date| (date, DaySales::none(date))).collect();
    for sale in sales {
        if let Some(day) = by_day.get_mut(&mess.date_at(sale.captured_at)) {
            day.add(sale);
        }
    }
    by_day.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::identity::Name;
    use crate::ids::MessId;
    use crate::mess::ZoneName;

    fn date(text: &str) -> MealDate {
        MealDate::parse(text).expect("a date")
    }

    fn sale(at: &str, tokens: u16, refunded: u64) -> Sale {
        let amount = Paise::new(u64::from(tokens) * 5_000);
        let captured_at = at.parse().expect("a time");
        Sale { captured_at, tokens, amount, refunded: Paise::new(refunded) }
    }

    #[test]
    fn sales_count_for_the_day_on_which_they_were_paid_at_the_mess() {
        let (id, name) = (MessId::parse("mess_demo"), Name::parse("Demo"));
        let zone = ZoneName::parse("Asia/Kolkata").expect("a zone");
        let mess = Mess::with_defaults(id.expect("an id"), name.expect("a name"), zone);
        let days = Period { from: date("2026-01-14"), to: date("2026-01-16") };
        let sales = [
            sale("2026-01-13T23:59:59+05:30", 1, 0),
            sale("2026-01-14T00:00:00+05:30", 2, 5_000),
            sale("2026-01-14T23:59:59+05:30", 4, 0),
            sale("2026-01-16T23:59:59+05:30", 8, 40_000),
            sale("2026-01-17T00:00:00+05:30", 16, 0),
        ];
        let figures = |day: &DaySales| {
            (day.purchases, day.tokens, day.amount_paise.get(), day.refunded_paise.get())
        };
        let found: Vec<_> = by_day(&mess, days, &sales).iter().map(figures).collect();
        assert_eq!(found, [(2, 6, 30_000, 5_000), (0, 0, 0, 0), (1, 8, 40_000, 40_000)]);
    }
}
