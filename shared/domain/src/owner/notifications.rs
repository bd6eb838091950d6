//! Notifications to the owners of a mess, and the rules that trigger some of them.

#![expect(clippy::large_stack_arrays, reason = "the schema of the news, which a macro builds")]

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;
use utoipa::ToSchema;

use crate::accounts::identity::{Name, RollNo};
use crate::days::MealDate;
use crate::ids::{
    AccountId, CycleId, MessId, NotificationId, OrderId, RazorpayOrderId, RazorpayPaymentId,
    SubmissionId,
};
use crate::mess::Meal;
use crate::money::Paise;
use crate::orders::menu::{ItemName, Sku};
use crate::payments::mismatches::MismatchReason;
use crate::staff::overrides::OverrideReason;
use crate::staff::plates::{Conflict, ConflictReason, Plate, Scan};
use crate::staff::refusals::Refusal;
use crate::staff::scan_ids::ScanId;

/// How long a notification is kept.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// The number of portions below which an item's stock is low.
pub const LOW_STOCK: u32 = 10;

/// An event. A name is absent if it was not known in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum News {
    /// A student has bought tokens.
    TokenBought {
        /// The purchase.
        order_id: RazorpayOrderId,
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// How many tokens.
        count: u16,
        /// What they cost.
        amount_paise: Paise,
    },
    /// A payment was taken and does not pay for its purchase; an owner must accept or refund it.
    PaymentMismatch {
        /// The purchase.
        order_id: RazorpayOrderId,
        /// The payment.
        payment_id: RazorpayPaymentId,
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// What was paid, in the smallest unit of the currency.
        amount_paise: Paise,
        /// The currency of the payment.
        currency: String,
        /// What the purchase costs.
        price_paise: Paise,
        /// Why the payment does not pay for the purchase.
        reason: MismatchReason,
    },
    /// A student has redeemed tokens.
    TokensSubmitted {
        /// The submission.
        submission_id: SubmissionId,
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// How many tokens.
        count: u16,
    },
    /// An order was paid with tokens.
    OrderProcessed {
        /// The order.
        order_id: OrderId,
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// How many tokens it cost.
        count: u16,
    },
    /// A student uploaded a payment for a cycle; an owner must verify it.
    PaymentUploaded {
        // In the API and in stored items a cycle is a payment.
        /// The payment.
        #[serde(rename = "payment_id")]
        cycle_id: CycleId,
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// The roll number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roll_no: Option<RollNo>,
        /// The first day.
        from: MealDate,
        /// The last day.
        to: MealDate,
        /// How much money.
        amount_paise: Paise,
    },
    /// A student has deleted the account. Nothing is told of who it was.
    AccountDeleted {
        /// The account.
        account_id: AccountId,
    },
    /// The payment for tokens arrived after the student had deleted the account; an owner can
    /// refund it.
    PaidAfterDeletion {
        /// The purchase.
        order_id: RazorpayOrderId,
        /// The deleted account.
        account_id: AccountId,
        /// How many tokens.
        count: u16,
        /// What was paid.
        amount_paise: Paise,
    },
    /// A student waits for approval.
    StudentWaiting {
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// The roll number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roll_no: Option<RollNo>,
    },
    /// A scan that was uploaded later admitted a student whom another device had already admitted
    /// to the meal, or of whom nobody knows any more whether that was right.
    ScanConflict {
        /// Which of the two.
        #[serde(default)]
        reason: ConflictReason,
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// The roll number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roll_no: Option<RollNo>,
        /// The day of the meal.
        date: MealDate,
        /// The meal.
        meal: Meal,
        /// The scan that was uploaded later. It does not count if there is a `previous` one.
        scan: ScanTold,
        /// The scan that had already admitted the student.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<ScanTold>,
    },
    /// Staff admitted a student in spite of a refusal.
    ScanOverridden {
        /// The student.
        account_id: AccountId,
        /// The student's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// The roll number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        roll_no: Option<RollNo>,
        /// The day of the meal.
        date: MealDate,
        /// The meal.
        meal: Meal,
        /// The scan that was refused and then overridden.
        scan: ScanTold,
        /// Why it had been refused.
        refused: Refusal,
        /// Why staff overrode it.
        reason: OverrideReason,
        /// Who overrode it: a staff token, or an account of staff.
        by: String,
        /// The name of the account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_name: Option<Name>,
    },
    /// There are fewer than [`LOW_STOCK`] portions of an item left.
    StockLow {
        /// The item.
        sku: Sku,
        /// What it is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<ItemName>,
        /// How many portions there are.
        stock: u32,
    },
}

/// A student in the news: the account, the name, and the roll number in news that contain one.
type NamedStudent<'a> = (AccountId, &'a mut Option<Name>, Option<&'a mut Option<RollNo>>);

impl News {
    /// Whether the news contains the name or the roll number of this student.
    #[must_use]
    pub fn names(&self, student: AccountId) -> bool {
        self.named_student() == Some(student)
    }

    /// The student whose name or roll number the news contains.
    #[must_use]
    pub fn named_student(&self) -> Option<AccountId> {
        let mut news = self.clone();
        let (student, name, roll_no) = news.student_mut()?;
        let is_named = name.is_some() || roll_no.is_some_and(|roll_no| roll_no.is_some());
        is_named.then_some(student)
    }

    /// The news without the student's name and roll number.
    #[must_use]
    pub fn without_names(mut self) -> Self {
        if let Some((_, name, roll_no)) = self.student_mut() {
            *name = None;
            if let Some(roll_no) = roll_no {
                *roll_no = None;
            }
        }
        self
    }

    /// The student whom the news is about, with what it contains of them.
    const fn student_mut(&mut self) -> Option<NamedStudent<'_>> {
        match self {
            Self::TokenBought { account_id, name, .. }
            | Self::PaymentMismatch { account_id, name, .. }
            | Self::TokensSubmitted { account_id, name, .. }
            | Self::OrderProcessed { account_id, name, .. } => Some((*account_id, name, None)),
            Self::PaymentUploaded { account_id, name, roll_no, .. }
            | Self::StudentWaiting { account_id, name, roll_no }
            | Self::ScanOverridden { account_id, name, roll_no, .. }
            | Self::ScanConflict { account_id, name, roll_no, .. } => {
                Some((*account_id, name, Some(roll_no)))
            }
            Self::AccountDeleted { .. }
            | Self::PaidAfterDeletion { .. }
            | Self::StockLow { .. } => None,
        }
    }
}

/// A scan in the news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScanTold {
    /// The scan.
    pub scan_id: ScanId,
    /// The device's name.
    pub device: String,
    /// When the code was scanned, according to the device.
    #[schema(value_type = String, format = DateTime)]
    pub scanned_at: Timestamp,
}

impl From<&Scan> for ScanTold {
    fn from(scan: &Scan) -> Self {
        let Scan { scan_id, device, scanned_at, .. } = scan.clone();
        Self { scan_id, device, scanned_at }
    }
}

/// A notification to the owners of a mess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub notification_id: NotificationId,
    pub mess_id: MessId,
    /// When the event happened.
    pub at: Timestamp,
    /// When an owner read the notification.
    pub read_at: Option<Timestamp>,
    pub news: News,
}

impl NotificationId {
    /// The id of the notification about a change: the time of the change, and a hash of the
    /// event's id. So a repeated event gives the same notification.
    #[must_use]
    pub fn of_change(event_id: &str, at: Timestamp) -> Self {
        let digest = Sha256::digest(event_id.as_bytes());
        let random = digest[..10].iter().fold(0, |all, byte| all << 8 | u128::from(*byte));
        Self::from_ulid(Ulid::from_parts(millis(at), random))
    }

    /// The lowest id for this time. The ids of all earlier notifications are lower.
    #[must_use]
    pub fn first_of(at: Timestamp) -> Self {
        Self::from_ulid(Ulid::from_parts(millis(at), 0))
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

/// Whether a change took the stock below [`LOW_STOCK`].
#[must_use]
pub const fn fell_below_low_stock(before: u32, after: u32) -> bool {
    before >= LOW_STOCK && after < LOW_STOCK
}

/// Returns the conflict to report after a plate changed from `before` to `after`: a late upload
/// passed all checks, but another device had already admitted the student, who may have eaten
/// twice. Or the upload passed only because the past is unknown. A repeated scan by the same
/// device is no conflict. Two phones that share a staff token are two devices.
#[must_use]
pub fn scan_conflict(before: Option<&Plate>, after: &Plate) -> Option<News> {
    let diner = after.diner.as_ref()?;
    let is_new = |key| before.is_none_or(|before| !before.scans.contains_key(key));
    let new = after.scans.iter().filter(|(key, _)| is_new(*key));
    let (late, conflict) =
        new.map(|(_, scan)| (scan, after.conflict_of(scan))).find(|(_, it)| it.is_some())?;
    let Conflict { reason, first } = conflict?;
    Some(News::ScanConflict {
        reason,
        account_id: diner.account_id,
        name: Some(diner.name.clone()),
        roll_no: diner.roll_no.clone(),
        date: after.sitting.date,
        meal: after.sitting.meal,
        scan: late.into(),
        previous: first.map(ScanTold::from),
    })
}

/// Returns the override to report after a plate changed from `before` to `after`.
#[must_use]
pub fn scan_overridden(before: Option<&Plate>, after: &Plate) -> Option<News> {
    let diner = after.diner.as_ref()?;
    let was_overridden = |key| {
        let earlier = before.and_then(|before| before.scans.get(key));
        earlier.is_some_and(|scan| scan.overridden.is_some())
    };
    let mut new = after.scans.iter().filter(|(key, _)| !was_overridden(*key));
    let (scan, made) = new.find_map(|(_, scan)| Some((scan, scan.overridden.clone()?)))?;
    Some(News::ScanOverridden {
        account_id: diner.account_id,
        name: Some(diner.name.clone()),
        roll_no: diner.roll_no.clone(),
        date: after.sitting.date,
        meal: after.sitting.meal,
        scan: scan.into(),
        refused: scan.refused?,
        reason: made.reason,
        by: made.by,
        by_name: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meals::meal_times::Sitting;
    use crate::staff::plates::Diner;
    use crate::staff::refusals::Refusal;
    use crate::staff::scan_ids::ScanKey;

    fn now() -> Timestamp {
        Timestamp::constant(1_767_225_600, 0)
    }

    fn sitting() -> Sitting {
        Sitting { date: MealDate::parse("2026-01-15").expect("a date"), meal: Meal::Lunch }
    }

    fn scan(number: u128, device: &str, offline: bool) -> (ScanKey, Scan) {
        let ulid = Ulid(number);
        let scan = Scan {
            scan_id: ScanId::new(sitting(), ulid, Some(AccountId::from_ulid(Ulid(7)))),
            device_id: device.to_owned(),
            device: format!("{device}'s phone"),
            scanned_at: now(),
            arrived_at: now(),
            offline,
            manual: false,
            refused: None,
            past_unknown: false,
            undone_at: None,
            overridden: None,
        };
        (ScanKey::of_scan(ulid), scan)
    }

    fn plate(admitted: Option<&Scan>, scans: &[(ScanKey, Scan)]) -> Plate {
        Plate {
            mess_id: MessId::parse("mess_demo").expect("an id"),
            sitting: sitting(),
            diner: Some(Diner {
                account_id: AccountId::from_ulid(Ulid(7)),
                name: Name::parse("Asha").expect("a name"),
                roll_no: None,
                room_no: None,
            }),
            admitted: admitted.map(|scan| scan.scan_id.clone()),
            scans: scans.iter().cloned().collect(),
        }
    }

    #[test]
    fn a_late_scan_conflict_with_another_device_is_reported_once() {
        let (first, late) = (scan(1, "gate-1", false), scan(2, "gate-2", true));
        let before = plate(Some(&first.1), std::slice::from_ref(&first));
        let after = plate(Some(&first.1), &[first.clone(), late.clone()]);
        let Some(News::ScanConflict { scan: told, previous, .. }) =
            scan_conflict(Some(&before), &after)
        else {
            panic!("two devices admitted Asha");
        };
        assert_eq!(told, ScanTold::from(&late.1));
        assert_eq!(previous, Some(ScanTold::from(&first.1)));
        // The next scan of the plate does not report the conflict again.
        let third = scan(3, "gate-1", false);
        let later = plate(Some(&first.1), &[first.clone(), late, third]);
        assert_eq!(scan_conflict(Some(&after), &later), None);
    }

    #[test]
    fn refused_scans_online_scans_and_scans_by_the_same_device_never_conflict() {
        let first = scan(1, "gate-1", true);
        let before = plate(Some(&first.1), std::slice::from_ref(&first));
        assert_eq!(scan_conflict(None, &before), None, "the first scan takes the place");
        let mut refused = scan(2, "gate-2", true);
        refused.1.refused = Some(Refusal::MessCut);
        for no_conflict in [refused, scan(2, "gate-2", false), scan(2, "gate-1", true)] {
            let after = plate(Some(&first.1), &[first.clone(), no_conflict]);
            assert_eq!(scan_conflict(Some(&before), &after), None, "{after:?}");
        }
        let after = plate(None, &[first.clone(), scan(2, "gate-2", true)]);
        assert_eq!(scan_conflict(Some(&before), &after), None, "nobody holds the place");
    }

    #[test]
    fn an_admission_by_an_unknown_past_is_reported_once() {
        let mut doubtful = scan(1, "gate-1", true);
        doubtful.1.past_unknown = true;
        let after = plate(Some(&doubtful.1), std::slice::from_ref(&doubtful));
        let told = scan_conflict(None, &after);
        let Some(News::ScanConflict { reason, scan: late, previous, .. }) = told else {
            panic!("nobody knows whether Asha could eat");
        };
        assert_eq!((reason, previous), (ConflictReason::PastUnknown, None));
        assert_eq!(late, ScanTold::from(&doubtful.1));
        let second = scan(2, "gate-1", true);
        let later = plate(Some(&doubtful.1), &[doubtful.clone(), second]);
        assert_eq!(scan_conflict(Some(&after), &later), None);
    }

    #[test]
    fn two_phones_that_share_a_staff_token_can_conflict() {
        let (first, mut late) = (scan(1, "gate-1", false), scan(2, "gate-1", true));
        late.1.device = "gate-1's other phone".to_owned();
        let before = plate(Some(&first.1), std::slice::from_ref(&first));
        let after = plate(Some(&first.1), &[first.clone(), late]);
        assert!(scan_conflict(Some(&before), &after).is_some());
    }

    #[test]
    fn a_change_has_one_notification_id_which_sorts_by_time() {
        let (one, other) = (now(), now() + SignedDuration::from_millis(1));
        let id = NotificationId::of_change("event-1", one);
        assert_eq!(id, NotificationId::of_change("event-1", one));
        assert_ne!(id, NotificationId::of_change("event-2", one));
        assert!(NotificationId::first_of(one) < id && id < NotificationId::first_of(other));
    }

    #[test]
    fn low_stock_is_reported_only_when_the_threshold_is_crossed() {
        let told = [(10, 9), (50, 0), (10, 10), (9, 8), (3, 12), (11, 10)];
        let told = told.map(|(before, after)| fell_below_low_stock(before, after));
        assert_eq!(told, [true, true, false, false, false, false]);
    }

    #[test]
    fn a_notification_names_its_kind_in_json() {
        let sku = Sku::parse("veg-thali").expect("a SKU");
        let news = News::StockLow { sku, name: None, stock: 9 };
        let json = serde_json::json!({ "kind": "stock_low", "sku": "veg-thali", "stock": 9 });
        assert_eq!(serde_json::to_value(&news).expect("json"), json);
        assert_eq!(serde_json::from_value::<News>(json).expect("news"), news);
    }
}
