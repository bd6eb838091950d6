//! How a scan is identified: by its id, which names its plate, and by its key within the plate,
//! which is the same for every repetition of the scan.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::Unacceptable;
use crate::days::MealDate;
use crate::ids::AccountId;
use crate::meals::meal_times::Sitting;
use crate::mess::Meal;
use crate::text::plain_schema;

/// The id of a scan: `scn_<date><B, L or D>_<ULID>`, followed by `_` and the account part of
/// ids if the code belongs to a student. So the id names the scan's plate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanId {
    date: MealDate,
    meal: Meal,
    ulid: Ulid,
    account_part: Option<String>,
}

plain_schema!(
    ScanId: String,
    pattern = "^scn_2[01][0-9]{6}[BLD]_[0-7][0-9A-HJKMNP-TV-Z]{25}(_[0-9A-HJKMNP-TV-Z]{16})?$",
);

impl ScanId {
    /// The id of a scan that arrived at the time of `ulid`.
    #[must_use]
    pub fn new(sitting: Sitting, ulid: Ulid, account: Option<AccountId>) -> Self {
        let Sitting { date, meal } = sitting;
        Self { date, meal, ulid, account_part: account.map(AccountId::account_part) }
    }

    #[must_use]
    pub const fn sitting(&self) -> Sitting {
        Sitting { date: self.date, meal: self.meal }
    }

    /// The account part of the student's ids; `None` if the code belongs to no student.
    #[must_use]
    pub fn account_part(&self) -> Option<&str> {
        self.account_part.as_deref()
    }

    /// Parses the printed form.
    pub fn parse(text: &str) -> Result<Self, Unacceptable> {
        Self::read(text)
            .filter(|id| id.to_string() == text)
            .ok_or_else(|| Unacceptable::new("must be the id of a scan, scn_…"))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("scn_")?.splitn(3, '_');
        let (day, meal) = parts.next()?.split_at_checked(8)?;
        let day = (day.get(..4)?, day.get(4..6)?, day.get(6..)?);
        let date = MealDate::parse(&format!("{}-{}-{}", day.0, day.1, day.2)).ok()?;
        let meal = Meal::ALL.into_iter().find(|it| it.as_str().get(..1) == Some(meal))?;
        let ulid = Ulid::from_string(parts.next()?).ok()?;
        let account_part = match parts.next() {
            None => None,
            // An account part is the random part of a ULID, with the same spelling.
            Some(part) if part.len() == 16 => {
                let whole = Ulid::from_string(&format!("0000000000{part}")).ok()?;
                Some(whole.to_string().split_off(10))
            }
            Some(_) => return None,
        };
        Some(Self { date, meal, ulid, account_part })
    }
}

impl std::fmt::Display for ScanId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let day = self.date.to_string().replace('-', "");
        write!(f, "scn_{day}{}_{}", &self.meal.as_str()[..1], self.ulid)?;
        self.account_part.as_ref().map_or(Ok(()), |part| write!(f, "_{part}"))
    }
}

impl std::str::FromStr for ScanId {
    type Err = Unacceptable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ScanId {
    type Error = Unacceptable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ScanId> for String {
    fn from(id: ScanId) -> Self {
        id.to_string()
    }
}

/// The key of a scan within its plate: the same for every repetition of the scan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScanKey(String);

impl ScanKey {
    /// How many bytes of the digest are kept. These are enough, because a device has few nonces
    /// for one plate.
    const BYTES: usize = 12;

    /// The key of a scan with a nonce from its device: `(device_id, device)` as in
    /// [`crate::staff::plates::Scan`]. Two phones that share a staff token have separate
    /// nonces.
    #[must_use]
    pub fn of_nonce((device_id, device): (&str, &str), nonce: &str) -> Self {
        // The length is included, because a device name and a nonce may both contain a `|`.
        let length = device.len();
        let digest = Sha256::digest(format!("{device_id}|{length}|{device}|{nonce}"));
        Self(URL_SAFE_NO_PAD.encode(&digest[..Self::BYTES]))
    }

    /// The key of an uploaded scan without a nonce. A repeated upload has the same device,
    /// code, meal and time, and so the same key.
    #[must_use]
    pub fn of_upload(
        device: (&str, &str),
        qr_data: &str,
        meal: Meal,
        scanned_at: Timestamp,
    ) -> Self {
        let code = URL_SAFE_NO_PAD.encode(Sha256::digest(qr_data));
        let (meal, at) = (meal.as_str(), scanned_at.as_millisecond());
        // Longer than any nonce that a client can send.
        Self::of_nonce(device, &format!("upload of {code} for {meal} at {at:013}"))
    }

    /// The key of an online scan without a nonce. Such a scan cannot be repeated.
    #[must_use]
    pub fn of_scan(ulid: Ulid) -> Self {
        Self(ulid.to_string())
    }

    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const NOON: Timestamp = Timestamp::constant(1_772_262_000, 0);

    fn sitting() -> Sitting {
        Sitting { date: MealDate::parse("2026-02-28").expect("a date"), meal: Meal::Lunch }
    }

    #[test]
    fn a_scan_id_names_its_plate() {
        let account = AccountId::from_ulid(Ulid(0xabcd_ef01));
        for owner in [Some(account), None] {
            let id = ScanId::new(sitting(), Ulid(5 << 80 | 9), owner);
            let read = ScanId::parse(&id.to_string()).expect("an id");
            assert_eq!(read, id);
            assert_eq!(read.sitting(), sitting());
            assert_eq!(read.account_part(), owner.map(AccountId::account_part).as_deref());
        }
        for refused in ["scn_", "scn_20260229L_x", "scn_20260228X_00000000000000000000000009"] {
            assert!(ScanId::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn only_a_repeated_upload_without_a_nonce_gets_the_same_key() {
        let key = |device, code, meal, second| {
            let at = NOON + SignedDuration::from_secs(second);
            ScanKey::of_upload(device, code, meal, at)
        };
        let first = key(("a", "Gate"), "code", Meal::Lunch, 1);
        assert_eq!(first, key(("a", "Gate"), "code", Meal::Lunch, 1));
        for other in [
            key(("b", "Gate"), "code", Meal::Lunch, 1),
            key(("a", "Door"), "code", Meal::Lunch, 1),
            key(("a", "Gate"), "other", Meal::Lunch, 1),
            key(("a", "Gate"), "code", Meal::Dinner, 1),
            key(("a", "Gate"), "code", Meal::Lunch, 2),
        ] {
            assert_ne!(first, other);
        }
    }
}
