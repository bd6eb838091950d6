//! Messes and their settings.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use thali_domain::ids::{ClosureId, MessId};
use thali_domain::mess::{Mess, SCHEDULES_MAX, Schedule};
use thali_domain::past::Past;
use thali_domain::staff::gate::{Gate, OpenClosure, QrKeys};

use crate::store::changes::kinds::{Kind, Stored};
use crate::store::changes::trail::Trail;
use crate::store::past;
use crate::store::students::qr_codes::QrKeysAttribute;
use crate::store::{
    Attributes, Consistency, STAMPED, Stamp, Store, StoreError, item, keys,
    none_if_condition_failed, values,
};

/// The attributes of a mess's schedule, which are always written together with the schedules
/// before.
const SCHEDULE: [&str; 2] = ["meal_windows", "time_zone"];

/// The attribute of the schedules before.
const SCHEDULES: &str = "schedules";

/// The attributes of a mess's item besides the settings.
#[derive(Deserialize)]
struct BesideSettings {
    #[serde(default)]
    qr_keys: Option<QrKeysAttribute>,
    #[serde(default)]
    closures: BTreeMap<ClosureId, OpenClosure>,
    #[serde(default, with = "past")]
    schedules: Past<Schedule>,
}

impl Stored for Mess {
    type Read = Self;
    const KIND: Kind = Kind::Mess;
    const TRAIL: Trail = Trail::shows(&[
        "mess_id",
        "name",
        "time_zone",
        "region",
        "meal_windows",
        "schedules",
        "token_price_paise",
        "token_validity_days",
        "approval",
        "cut_cutoff",
        "overrides",
        "qr_keys",
        "closures",
    ]);
}

impl Store {
    /// Reads the data of a mess that a scan needs.
    pub async fn gate_get(
        &self,
        mess: &MessId,
        consistency: Consistency,
    ) -> Result<Option<Gate>, StoreError> {
        let key = keys::mess(mess);
        let Some(found) = self.get_attributes(&self.tables.meals, &key, consistency).await? else {
            return Ok(None);
        };
        let BesideSettings { qr_keys, closures, schedules } =
            serde_dynamo::from_item(found.clone())?;
        let qr_keys = qr_keys.map(QrKeys::from).unwrap_or_default();
        Ok(Some(Gate { mess: serde_dynamo::from_item(found)?, schedules, qr_keys, closures }))
    }

    /// Reads a mess. Its settings are never cached: a change takes effect with the next request.
    pub async fn mess_get(&self, mess: &MessId) -> Result<Option<Mess>, StoreError> {
        self.get(&self.tables.meals, &keys::mess(mess), Consistency::Strong).await
    }

    /// Creates a mess. Returns `false` if a mess with this id exists.
    pub async fn mess_create(&self, mess: &Mess, stamp: &Stamp) -> Result<bool, StoreError> {
        let attributes = item(&keys::mess(&mess.mess_id), mess, stamp)?;
        self.put_if_new(&self.tables.meals, attributes).await
    }

    /// Writes the settings in which `after` differs from the mess as it was read. Returns the mess
    /// after the change. Returns `None` if the mess does not exist, or if the schedule is to be
    /// changed and has changed since it was read.
    pub async fn mess_update(
        &self,
        read: &Gate,
        after: &Mess,
        stamp: &Stamp,
    ) -> Result<Option<Mess>, StoreError> {
        let before = &read.mess;
        let [old, new]: [Attributes; 2] =
            [serde_dynamo::to_item(before)?, serde_dynamo::to_item(after)?];
        let mut changed: Attributes =
            new.into_iter().filter(|(name, value)| old.get(name) != Some(value)).collect();
        if changed.is_empty() {
            return Ok(Some(before.clone()));
        }
        let mut given = values(stamp, []);
        let mut condition = "attribute_exists(pk)".to_owned();
        let mut names = HashMap::new();
        if SCHEDULE.iter().any(|name| changed.contains_key(*name)) {
            for name in SCHEDULE {
                condition.extend([" AND #", name, " = :read_", name]);
                names.insert(format!("#{name}"), name.to_owned());
                given.extend(old.get(name).map(|value| (format!(":read_{name}"), value.clone())));
            }
            if read.schedules.is_empty() {
                condition.push_str(" AND attribute_not_exists(#schedules)");
            } else {
                condition.push_str(" AND #schedules = :read_schedules");
                given.insert(":read_schedules".to_owned(), past::attribute(&read.schedules)?);
            }
            let schedules = read.schedules.replaced(before.schedule(), stamp.at, SCHEDULES_MAX);
            changed.insert(SCHEDULES.to_owned(), past::attribute(&schedules)?);
        }
        let assignments: Vec<String> =
            changed.keys().map(|name| format!("#{name} = :{name}")).collect();
        let assignments = assignments.join(", ");
        names.extend(changed.keys().map(|name| (format!("#{name}"), name.clone())));
        given.extend(changed.into_iter().map(|(name, value)| (format!(":{name}"), value)));
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.meals)
            .set_key(Some(keys::mess(&before.mess_id).attributes()))
            .update_expression(format!("SET {assignments}, {STAMPED}"))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(given))
            .return_values("ALL_NEW".into());
        let Some(answer) = none_if_condition_failed(request.send().await)? else { return Ok(None) };
        Ok(Some(serde_dynamo::from_item(answer.attributes.unwrap_or_default())?))
    }
}
