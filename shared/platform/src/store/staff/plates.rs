//! Plates: one item for each student's meal, and one for each scan of a code that belongs to no
//! student. Each scan of a plate is an attribute of its own, `scan#<key>`, so that one update adds
//! a scan under the condition that it is not there yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use thali_domain::accounts::deletion;
use thali_domain::days::MealDate;
use thali_domain::ids::{AccountId, MessId};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::mess::Meal;
use thali_domain::staff::overrides::{Override, OverrideReason};
use thali_domain::staff::plates::{Diner, Plate, Scan};
use thali_domain::staff::refusals::Refusal;
use thali_domain::staff::scan_ids::{ScanId, ScanKey};

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::{ERASED_AT, Trail};
use crate::store::{
    Attributes, Consistency, STAMPED, Stamp, Store, StoreError, condition_failed, item, keys,
    none_if_condition_failed, number, text, values,
};

/// The prefix of the attributes that hold a plate's scans.
const SCANS: &str = "scan#";

/// The most scans that a plate stores. Further refused scans get an answer but are not stored, so
/// that no device can fill a plate. Nobody would read more of them.
const SCANS_MAX: u32 = 200;

/// The storage format of a scan.
#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
#[serde(remote = "Scan")]
struct ScanAttribute {
    scan_id: ScanId,
    device_id: String,
    device: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    scanned_at: Timestamp,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    arrived_at: Timestamp,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    offline: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    manual: bool,
    refused: Option<Refusal>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    past_unknown: bool,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    undone_at: Option<Timestamp>,
    #[serde(default, with = "overridden")]
    overridden: Option<Override>,
}

/// The storage format of an override.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Override")]
struct OverrideAttribute {
    reason: OverrideReason,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    at: Timestamp,
    by: String,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct StoredOverride(#[serde(with = "OverrideAttribute")] Override);

/// The storage format of an optional override.
mod overridden {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Override, StoredOverride};

    #[expect(clippy::ref_option, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(
        overridden: &Option<Override>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        overridden.clone().map(StoredOverride).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Override>, D::Error> {
        let stored = Option::<StoredOverride>::deserialize(deserializer)?;
        Ok(stored.map(|StoredOverride(overridden)| overridden))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct StoredScan(#[serde(with = "ScanAttribute")] Scan);

/// The storage format of a plate, without its scans.
#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Frame {
    mess_id: MessId,
    date: MealDate,
    meal: Meal,
    diner: Option<Diner>,
    admitted: Option<ScanId>,
}

/// What the audit trail shows of plates and strays. A plate may hold hundreds of scans, so a
/// record shows only those that the change is about.
const TRAIL: Trail =
    Trail::shows(&["mess_id", "date", "meal", "diner", "admitted", "tries", ERASED_AT])
        .shows_changed(SCANS);

impl Stored for Frame {
    type Read = Plate;
    const KIND: Kind = Kind::Plate;
    const TRAIL: Trail = TRAIL;

    fn read(attributes: Attributes) -> Result<Plate, StoreError> {
        plate_of(attributes)
    }
}

/// A scan whose code belongs to no student, stored as a plate of its own.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::store) struct Stray(Frame);

impl Stored for Stray {
    type Read = Plate;
    const KIND: Kind = Kind::Stray;
    const TRAIL: Trail = TRAIL;

    fn read(attributes: Attributes) -> Result<Plate, StoreError> {
        plate_of(attributes)
    }
}

impl From<Frame> for Plate {
    fn from(frame: Frame) -> Self {
        let Frame { mess_id, date, meal, diner, admitted } = frame;
        let scans = BTreeMap::new();
        Self { mess_id, sitting: Sitting { date, meal }, diner, admitted, scans }
    }
}

impl From<Stray> for Plate {
    fn from(Stray(frame): Stray) -> Self {
        frame.into()
    }
}

/// A scan to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct NewScan<'a> {
    pub mess_id: &'a MessId,
    pub sitting: Sitting,
    /// The student whose code was scanned, as proven by the code's signature, or whom staff named.
    pub account_id: Option<AccountId>,
    /// The student's name and numbers, if the mess knows the student.
    pub diner: Option<&'a Diner>,
    /// Identifies the scan, so that a repetition is recognised.
    pub key: &'a ScanKey,
    pub scan: &'a Scan,
}

/// The result of recording a scan.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The plate, including the scan.
    pub plate: Plate,
    /// The scan, or the first one if this scan was a repetition.
    pub scan: Scan,
}

/// One page of a meal's plates.
pub struct PlatesPage {
    /// First the scans of codes that belong to no student, then the students' plates.
    pub plates: Vec<Plate>,
    /// The sort key of the last plate, or `None` if there are no more.
    pub next: Option<String>,
}

impl Store {
    /// At most `limit` plates of a meal whose sort key comes after `after`. The read may be a
    /// moment behind.
    pub async fn plates_page(
        &self,
        mess: &MessId,
        sitting: Sitting,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PlatesPage, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .expression_attribute_values(":pk", text(keys::meal(mess, sitting)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let request = match after {
            None => request.key_condition_expression("pk = :pk"),
            Some(after) => request
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", text(after)),
        };
        let answer = request.send().await?;
        let next = answer.last_evaluated_key.as_ref().and_then(keys::Key::of).map(|key| key.sk);
        let found = answer.items.unwrap_or_default().into_iter();
        Ok(PlatesPage { plates: found.map(plate_of).collect::<Result<_, _>>()?, next })
    }

    /// The students who were admitted at a sitting, as the part of their account that is in ids.
    /// The read may be a moment behind.
    pub async fn plates_admitted(
        &self,
        mess: &MessId,
        sitting: Sitting,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.meals)
            .key_condition_expression("pk = :pk AND begins_with(sk, :plates)")
            .filter_expression("attribute_exists(admitted)")
            .projection_expression("pk, sk")
            .expression_attribute_values(":pk", text(keys::meal(mess, sitting)))
            .expression_attribute_values(":plates", text(keys::PLATES))
            .into_paginator()
            .send();
        let mut admitted = BTreeSet::new();
        while let Some(page) = pages.next().await {
            let found = page?.items.unwrap_or_default();
            let keys = found.iter().filter_map(keys::Key::of);
            admitted.extend(keys.filter_map(|key| Some(key.sk.strip_prefix(keys::PLATES)?.into())));
        }
        Ok(admitted)
    }

    /// Reads a student's plate, or `None` if it has no scans. All ids of the student's records end
    /// with `account_part`.
    pub async fn plate_get(
        &self,
        mess: &MessId,
        sitting: Sitting,
        account_part: &str,
    ) -> Result<Option<Plate>, StoreError> {
        let key = keys::plate(mess, sitting, account_part);
        let found = self.get_attributes(&self.tables.meals, &key, Consistency::Strong).await?;
        found.map(plate_of).transpose()
    }

    /// The plates of a student at the given sittings, as far as they exist. The read may be a
    /// moment behind.
    pub async fn plates_of(
        &self,
        mess: &MessId,
        account: AccountId,
        sittings: impl IntoIterator<Item = Sitting>,
    ) -> Result<Vec<Plate>, StoreError> {
        let part = account.account_part();
        let of_sitting = |sitting| keys::plate(mess, sitting, &part);
        let keys = sittings.into_iter().map(of_sitting).collect();
        let found = self.batch_get(&self.tables.meals, keys, Consistency::Eventual).await?;
        found.into_iter().map(plate_of).collect()
    }

    /// Removes from a plate what leads to a student who has deleted the account. It is safe to
    /// repeat.
    pub async fn plate_erase(
        &self,
        plate: &Plate,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<(), StoreError> {
        let name = deletion::name_of_deleted();
        let diner = Diner { account_id: account, name, roll_no: None, room_no: None };
        let given = [(":diner", serde_dynamo::to_attribute_value(diner)?)];
        let key = keys::plate(&plate.mess_id, plate.sitting, &account.account_part());
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(key.attributes()))
            .update_expression(format!("SET diner = :diner, {ERASED_AT} = :changed_at, {STAMPED}"))
            .condition_expression("attribute_exists(diner)")
            .set_expression_attribute_values(Some(values(stamp, given)));
        none_if_condition_failed(request.send().await)?;
        Ok(())
    }

    /// Adds a scan to its plate with one conditional write. If the scan passed every check and
    /// nobody was admitted for this plate yet, the scan becomes the plate's admission. A
    /// repetition changes nothing and returns the first scan with its key.
    pub async fn scan_record(
        &self,
        new: NewScan<'_>,
        stamp: &Stamp,
    ) -> Result<Recorded, StoreError> {
        match new.account_id {
            Some(account) => self.scan_to_plate(new, account, stamp).await,
            None => self.stray_put(new, stamp).await,
        }
    }

    async fn scan_to_plate(
        &self,
        new: NewScan<'_>,
        account: AccountId,
        stamp: &Stamp,
    ) -> Result<Recorded, StoreError> {
        let NewScan { mess_id, sitting, diner, key, scan, .. } = new;
        let mut expression = format!(
            "SET #scan = :scan, mess_id = :mess_id, #date = :date, meal = :meal, #kind = :kind, \
             {STAMPED}"
        );
        let mut given = values(
            stamp,
            [
                (":scan", serde_dynamo::to_attribute_value(StoredScan(scan.clone()))?),
                (":mess_id", text(mess_id)),
                (":date", text(sitting.date)),
                (":meal", text(sitting.meal.as_str())),
                (":kind", text(Frame::KIND)),
                (":one", number(1)),
                (":most", number(SCANS_MAX)),
            ],
        );
        if let Some(diner) = diner {
            expression.push_str(", diner = if_not_exists(diner, :diner)");
            given.insert(":diner".to_owned(), serde_dynamo::to_attribute_value(diner)?);
        }
        // The scan that admits the student is always stored; refused scans are stored while there
        // is room.
        let mut room = "attribute_not_exists(tries) OR tries < :most".to_owned();
        if scan.refused.is_none() {
            expression.push_str(", admitted = if_not_exists(admitted, :id)");
            given.insert(":id".to_owned(), text(&scan.scan_id));
            room.push_str(" OR attribute_not_exists(admitted)");
        }
        let names =
            [("#scan", scan_attribute(key)), ("#date", "date".into()), ("#kind", "kind".into())];
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::plate(mess_id, sitting, &account.account_part()).attributes()))
            .update_expression(format!("{expression} ADD tries :one"))
            .condition_expression(format!("attribute_not_exists(#scan) AND ({room})"))
            .set_expression_attribute_names(Some(HashMap::from(
                names.map(|(name, attribute)| (name.to_owned(), attribute)),
            )))
            .set_expression_attribute_values(Some(given))
            .return_values("ALL_NEW".into())
            .return_values_on_condition_check_failure("ALL_OLD".into());
        let found = match request.send().await {
            Ok(answer) => answer.attributes.unwrap_or_default(),
            Err(error) => item_of_failed_condition(error)?.unwrap_or_default(),
        };
        recorded(found, new)
    }

    /// Stores a scan of a code that belongs to no student.
    async fn stray_put(&self, new: NewScan<'_>, stamp: &Stamp) -> Result<Recorded, StoreError> {
        let NewScan { mess_id, sitting, key, scan, .. } = new;
        let frame = Frame {
            mess_id: mess_id.clone(),
            date: sitting.date,
            meal: sitting.meal,
            diner: None,
            admitted: None,
        };
        let mut attributes = item(&keys::stray(mess_id, sitting, key), &Stray(frame), stamp)?;
        attributes.insert(
            scan_attribute(key),
            serde_dynamo::to_attribute_value(StoredScan(scan.clone()))?,
        );
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.meals)
            .set_item(Some(attributes.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure("ALL_OLD".into());
        let found = match request.send().await {
            Ok(_) => attributes,
            Err(error) if condition_failed(&error) => match error.into_service_error() {
                PutItemError::ConditionalCheckFailedException(failed) => {
                    failed.item.unwrap_or_default()
                }
                _ => Attributes::default(),
            },
            Err(error) => return Err(error.into()),
        };
        recorded(found, new)
    }

    /// Undoes the admission by a scan: the student can be admitted again, and the scan stores the
    /// time. Returns the plate after the change. Returns `None`, and writes nothing, if the plate
    /// was not admitted by this scan.
    pub async fn scan_undo(
        &self,
        plate: &Plate,
        (key, scan): (&ScanKey, &Scan),
        stamp: &Stamp,
    ) -> Result<Option<Plate>, StoreError> {
        let account_part = scan.scan_id.account_part().unwrap_or_default();
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::plate(&plate.mess_id, plate.sitting, account_part).attributes()))
            .update_expression(format!(
                "REMOVE admitted SET #scan.undone_at = :changed_at, {STAMPED}"
            ))
            .condition_expression("admitted = :id")
            .expression_attribute_names("#scan", scan_attribute(key))
            .set_expression_attribute_values(Some(values(stamp, [(":id", text(&scan.scan_id))])))
            .return_values("ALL_NEW".into());
        let answer = none_if_condition_failed(request.send().await)?;
        answer.map(|answer| plate_of(answer.attributes.unwrap_or_default())).transpose()
    }
}

impl Store {
    /// Admits the student of a refused scan, which stores how. Returns the plate after the change.
    /// Returns `None`, and writes nothing, if the plate has an admission, or no such refused scan.
    pub async fn scan_override(
        &self,
        plate: &Plate,
        (key, scan): (&ScanKey, &Scan),
        made: &Override,
        stamp: &Stamp,
    ) -> Result<Option<Plate>, StoreError> {
        let account_part = scan.scan_id.account_part().unwrap_or_default();
        let made = serde_dynamo::to_attribute_value(StoredOverride(made.clone()))?;
        let given = values(stamp, [(":id", text(&scan.scan_id)), (":made", made)]);
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::plate(&plate.mess_id, plate.sitting, account_part).attributes()))
            .update_expression(format!("SET admitted = :id, #scan.overridden = :made, {STAMPED}"))
            .condition_expression(
                "attribute_not_exists(admitted) AND attribute_exists(#scan.refused) \
                 AND attribute_not_exists(#scan.overridden)",
            )
            .expression_attribute_names("#scan", scan_attribute(key))
            .set_expression_attribute_values(Some(given))
            .return_values("ALL_NEW".into());
        let answer = none_if_condition_failed(request.send().await)?;
        answer.map(|answer| plate_of(answer.attributes.unwrap_or_default())).transpose()
    }
}

fn scan_attribute(key: &ScanKey) -> String {
    format!("{SCANS}{}", key.as_str())
}

/// The result of recording a scan, from the item that holds it now.
fn recorded(found: Attributes, new: NewScan<'_>) -> Result<Recorded, StoreError> {
    let plate = plate_of(found)?;
    let scan = plate.scans.get(new.key).unwrap_or(new.scan).clone();
    Ok(Recorded { plate, scan })
}

/// The item whose state made an update's condition fail, or `None` if the item does not exist. The
/// update must have requested it. Any other error is returned.
pub(super) fn item_of_failed_condition(
    error: SdkError<UpdateItemError>,
) -> Result<Option<Attributes>, StoreError> {
    if !condition_failed(&error) {
        return Err(error.into());
    }
    match error.into_service_error() {
        UpdateItemError::ConditionalCheckFailedException(failed) => Ok(failed.item),
        _ => Ok(None),
    }
}

/// Reads a plate and its scans from an item.
pub(super) fn plate_of(item: Attributes) -> Result<Plate, StoreError> {
    let mut scans = BTreeMap::new();
    for (name, value) in &item {
        if let Some(key) = name.strip_prefix(SCANS) {
            let StoredScan(scan) = serde_dynamo::from_attribute_value(value.clone())?;
            scans.insert(ScanKey::stored(key.to_owned()), scan);
        }
    }
    let frame: Frame = serde_dynamo::from_item(item)?;
    Ok(Plate { scans, ..frame.into() })
}
