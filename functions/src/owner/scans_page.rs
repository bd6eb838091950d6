//! A page of the file of scans: the place where it begins, and its rows. The reads are in
//! [`super::scans_csv`].

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use thali_domain::Unacceptable;
use thali_domain::days::MealDate;
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::spreadsheet::{BYTE_ORDER_MARK, harmless};
use thali_domain::staff::plates::{Outcome, Plate, Scan};
use thali_domain::staff::refusals::Refusal;
use thali_platform::store::keys::{PLATES, STRAYS};

/// About how many rows a page holds. It may hold more, because all plates of the read that fills
/// the page are added.
const ROWS_MAX: usize = 5_000;

/// About how many bytes a page holds. One read returns at most a megabyte, so a page is below
/// Lambda's 6 MB even if all its quotes are escaped twice, as CSV and as JSON.
const BYTES_MAX: usize = 1_500_000;

/// The maximum number of plates in one read.
const PLATES_MAX: usize = 500;

const COLUMNS: [&str; 17] = [
    "date",
    "meal",
    "scanned_at",
    "arrived_at",
    "result",
    "reason",
    "name",
    "roll_no",
    "room_no",
    "account_id",
    "device",
    "offline",
    "undone_at",
    "scan_id",
    "manual",
    "overridden",
    "override_reason",
];

/// A position in the file: a meal, and the last plate that is already written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sitting: Sitting,
    /// The sort key of the plate before this place; `None` at the beginning of the meal.
    pub(super) after: Option<String>,
}

impl Place {
    /// The place before a day's first meal.
    pub(super) const fn beginning(date: MealDate) -> Self {
        Self { sitting: Sitting { date, meal: Meal::ALL[0] }, after: None }
    }

    /// The place before the next meal.
    pub(super) fn next_meal(&self) -> Self {
        let Sitting { date, meal } = self.sitting;
        match Meal::ALL.into_iter().find(|next| *next > meal) {
            Some(meal) => Self { sitting: Sitting { date, meal }, after: None },
            None => Self::beginning(date.plus_days(1)),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { sitting: Sitting { date, meal }, after } = self;
        write!(f, "{date}#{}#{}", meal.as_str(), after.as_deref().unwrap_or_default())
    }
}

impl FromStr for Place {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || Unacceptable("is no place in a file of scans".to_owned());
        let mut parts = text.splitn(3, '#');
        let mut part = || parts.next().ok_or_else(refused);
        let (date, meal, after) = (part()?, part()?, part()?);
        let date = MealDate::parse(date)?;
        let meal = Meal::ALL.into_iter().find(|it| it.as_str() == meal).ok_or_else(refused)?;
        let after = match after {
            "" => None,
            after if after.starts_with(PLATES) || after.starts_with(STRAYS) => {
                Some(after.to_owned())
            }
            _ => return Err(refused()),
        };
        Ok(Self { sitting: Sitting { date, meal }, after })
    }
}

/// The rows of a page.
pub(super) struct Table {
    zone: TimeZone,
    rows: usize,
    writer: csv::Writer<Vec<u8>>,
}

impl Table {
    /// An empty page of a mess in this time zone. The first page of a file begins with the byte
    /// order mark and the columns' names.
    pub(super) fn new(zone: TimeZone, is_first: bool) -> Self {
        let lines = csv::Terminator::CRLF;
        let start = if is_first { BYTE_ORDER_MARK } else { "" };
        let writer = csv::WriterBuilder::new().terminator(lines).from_writer(start.into());
        let mut table = Self { zone, rows: 0, writer };
        if is_first {
            table.write(&COLUMNS.map(Cow::Borrowed));
        }
        table
    }

    /// How many plates to read next.
    pub(super) fn room(&self) -> usize {
        ROWS_MAX.saturating_sub(self.rows).clamp(1, PLATES_MAX)
    }

    pub(super) fn is_full(&mut self) -> bool {
        self.writer.flush().expect("a write to memory does not fail");
        self.rows >= ROWS_MAX || self.writer.get_ref().len() >= BYTES_MAX
    }

    /// Adds all scans of a plate, in the order of their arrival.
    pub(super) fn add(&mut self, plate: &Plate) {
        let mut scans: Vec<&Scan> = plate.scans.values().collect();
        scans.sort_by_key(|scan| (scan.arrived_at, &scan.scan_id));
        for scan in scans {
            self.rows += 1;
            self.write(&row(plate, scan, &self.zone));
        }
    }

    pub(super) fn into_text(self) -> String {
        let bytes = self.writer.into_inner().expect("a write to memory does not fail");
        String::from_utf8(bytes).expect("all cells are UTF-8")
    }

    fn write(&mut self, cells: &[Cow<'_, str>; COLUMNS.len()]) {
        let cells = cells.iter().map(|cell| harmless(cell).into_owned());
        self.writer.write_record(cells).expect("a write to memory does not fail");
    }
}

/// A scan's cells, in the order of [`COLUMNS`].
fn row<'a>(plate: &'a Plate, scan: &'a Scan, zone: &TimeZone) -> [Cow<'a, str>; COLUMNS.len()] {
    let local =
        |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let (result, reason) = match plate.outcome(scan) {
        // Why an owner should look at the admission.
        Outcome::Admitted if scan.past_unknown => ("admitted", "past_unknown"),
        Outcome::Admitted => ("admitted", ""),
        Outcome::Refused(refusal) => ("refused", refusal.as_str()),
        Outcome::AlreadyScanned { .. } => ("refused", Refusal::AlreadyScanned.as_str()),
    };
    let diner = plate.diner.as_ref();
    let of_diner = |text: Option<String>| Cow::Owned(text.unwrap_or_default());
    [
        plate.sitting.date.to_string().into(),
        plate.sitting.meal.as_str().into(),
        local(scan.scanned_at).into(),
        local(scan.arrived_at).into(),
        result.into(),
        reason.into(),
        of_diner(diner.map(|diner| diner.name.to_string())),
        of_diner(diner.and_then(|diner| Some(diner.roll_no.as_ref()?.to_string()))),
        of_diner(diner.and_then(|diner| Some(diner.room_no.as_ref()?.to_string()))),
        of_diner(diner.map(|diner| diner.account_id.to_string())),
        scan.device.as_str().into(),
        told(scan.offline).into(),
        scan.undone_at.map(local).unwrap_or_default().into(),
        scan.scan_id.to_string().into(),
        told(scan.manual).into(),
        scan.overridden.as_ref().and(scan.refused).map_or("", Refusal::as_str).into(),
        scan.overridden.as_ref().map_or("", |made| made.reason.as_str()).into(),
    ]
}

const fn told(holds: bool) -> &'static str {
    if holds { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_parsed_back_and_steps_from_meal_to_meal() {
        let mut place = Place::beginning(MealDate::parse("2026-12-31").expect("a date"));
        place.after = Some(format!("{PLATES}0123456789ABCDEF"));
        assert_eq!(place.to_string().parse(), Ok(place.clone()));
        let dinner = place.next_meal().next_meal();
        assert_eq!(dinner.to_string(), "2026-12-31#DINNER#");
        assert_eq!(dinner.next_meal().to_string(), "2027-01-01#BREAKFAST#");
        assert_eq!(dinner.to_string().parse(), Ok(dinner));
        for refused in ["", "2026-12-31", "2026-12-31#DINNER", "2026-12-31#BRUNCH#", "x#LUNCH#"] {
            assert!(refused.parse::<Place>().is_err(), "{refused}");
        }
        assert!("2026-12-31#DINNER#mess".parse::<Place>().is_err());
    }
}
