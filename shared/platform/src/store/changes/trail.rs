//! The audit trail: what it shows of each kind of item, and the record of a change. Each kind
//! lists the shown attributes next to its struct. An attribute that is not listed is not shown.

use serde_dynamo::{AttributeValue, Item};
use serde_json::Value;

use super::Change;
use super::kinds::Kind;
use crate::auth::sha256_hex;
use crate::store::AuditRecord;

/// Attributes that every item has and that the trail shows of every item.
const EVERY: [&str; 6] = ["pk", "sk", "kind", "actor", "request_id", "changed_at"];

/// When an item lost everything that leads to a person who has deleted the account. The record of
/// that change does not show what the item lost: the trail would keep it for another year.
pub(in crate::store) const ERASED_AT: &str = "erased_at";

/// What the trail shows of an item whose kind is unknown.
const UNKNOWN: Trail = Trail::shows(&[]);

/// What the audit trail shows of a kind of item, besides the key and the stamp.
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(in crate::store) struct Trail {
    is_recorded: bool,
    shown: &'static [&'static str],
    hidden: &'static [&'static str],
    many: Option<&'static str>,
    mere_use: Option<&'static str>,
    is_named: bool,
    is_named_if_removed: bool,
    only_new: bool,
}

impl Trail {
    /// Changes are not recorded, because they only repeat another change.
    pub(in crate::store) const NONE: Self = Self { is_recorded: false, ..Self::shows(&[]) };

    /// Shows these attributes.
    pub(in crate::store) const fn shows(shown: &'static [&'static str]) -> Self {
        Self {
            is_recorded: true,
            shown,
            hidden: &[],
            many: None,
            mere_use: None,
            is_named: false,
            is_named_if_removed: false,
            only_new: false,
        }
    }

    /// These attributes are stored but not shown. Only tests use the list: it distinguishes
    /// attributes that are left out on purpose from forgotten ones.
    pub(in crate::store) const fn hides(self, hidden: &'static [&'static str]) -> Self {
        Self { hidden, ..self }
    }

    /// There may be hundreds of attributes with this prefix. Of these, a record shows only those
    /// that the change added, changed or removed. Earlier records have the others.
    pub(in crate::store) const fn shows_changed(self, prefix: &'static str) -> Self {
        Self { many: Some(prefix), ..self }
    }

    /// A change of only this attribute is not recorded.
    pub(in crate::store) const fn except_change_of(self, attribute: &'static str) -> Self {
        Self { mere_use: Some(attribute), ..self }
    }

    /// The item's key contains an e-mail address or a username that perhaps no account has:
    /// anybody can cause such an item. The trail shows a hash instead of the name.
    pub(in crate::store) const fn hashes_name(self) -> Self {
        Self { is_named: true, ..self }
    }

    /// The same for records of the item's removal: the account has given up the name.
    pub(in crate::store) const fn hashes_removed_name(self) -> Self {
        Self { is_named_if_removed: true, ..self }
    }

    /// Only that an item was made is recorded. It is removed because it is old.
    pub(in crate::store) const fn of_new_ones(self) -> Self {
        Self { only_new: true, ..self }
    }

    fn is_shown(&self, attribute: &str) -> bool {
        let of_every = EVERY.contains(&attribute) && !(self.is_named && attribute == "pk");
        of_every || self.shown.contains(&attribute) || self.is_of_many(attribute)
    }

    fn is_of_many(&self, attribute: &str) -> bool {
        self.many.is_some_and(|prefix| attribute.starts_with(prefix))
    }

    /// Whether the attribute is listed as shown or hidden. Always true if the kind is not recorded.
    pub(in crate::store) fn knows(&self, attribute: &str) -> bool {
        !self.is_recorded
            || EVERY.contains(&attribute)
            || self.hidden.contains(&attribute)
            || self.is_shown(attribute)
    }

    /// Whether the item was only used. Nothing else was changed, and the action that used the item
    /// has its own records.
    fn is_mere_use(&self, before: Option<&Item>, after: Option<&Item>) -> bool {
        let (Some(used_at), Some(before), Some(after)) = (self.mere_use, before, after) else {
            return false;
        };
        let without = |image: &Item| {
            let mut image = image.clone();
            image.remove(used_at);
            image
        };
        without(before) == without(after)
    }

    /// What the trail shows of an image. `other` is the other image of the same change.
    fn shown_of(
        &self,
        image: Option<&Item>,
        other: Option<&Item>,
        is_removed: bool,
    ) -> Option<Value> {
        let is_same = |name: &String, value: &AttributeValue| {
            other.and_then(|other| other.get(name)) == Some(value)
        };
        let has = |image: Option<&Item>| image.is_some_and(|image| image.contains_key(ERASED_AT));
        let is_lost = !has(image) && has(other);
        let is_hidden = |name: &String| name == "pk" && is_removed && self.is_named_if_removed;
        let mut shown = image?.clone();
        shown.retain(|name, value| {
            self.is_shown(name)
                && !is_hidden(name)
                && !(self.is_of_many(name) && is_same(name, value))
                && (!is_lost || is_same(name, value) || name == "status")
        });
        serde_dynamo::from_item(shown).ok()
    }
}

impl Change {
    /// The audit record of the change, or `None` if the trail does not record it.
    #[must_use]
    pub fn audit_record(&self) -> Option<AuditRecord> {
        let kind = self.text("kind").unwrap_or("unknown");
        let trail = Kind::of(kind).map_or(&UNKNOWN, Kind::trail);
        let (before, after) = (self.before.as_ref(), self.after.as_ref());
        let is_old = trail.only_new && self.after.is_none();
        if !trail.is_recorded || is_old || trail.is_mere_use(before, after) {
            return None;
        }
        // A removal leaves no stamp. The stamp of the last write would name the wrong actor.
        let removed = self.after.is_none();
        let is_named = trail.is_named || (removed && trail.is_named_if_removed);
        let stamp = |name| if removed { "unknown" } else { self.text(name).unwrap_or("unknown") };
        Some(AuditRecord {
            event_id: self.event_id.clone(),
            mess_id: self.text("mess_id").unwrap_or("none").to_owned(),
            entity: if is_named { hashed(&self.key) } else { self.key.clone() },
            kind: kind.to_owned(),
            operation: self.operation.clone(),
            actor: stamp("actor").to_owned(),
            request_id: stamp("request_id").to_owned(),
            at: self.at,
            before: trail.shown_of(before, after, removed),
            after: trail.shown_of(after, before, removed),
        })
    }
}

/// The key `<mess>#<what>#<name>/<sort key>` with a hash in place of the name. The same name
/// always gives the same hash, so all records about it can be found together.
fn hashed(key: &str) -> String {
    let (pk, sk) = key.rsplit_once('/').unwrap_or((key, ""));
    // The key of an account's own item contains no name.
    let Some((place, _)) = pk.rsplit_once('#') else { return key.to_owned() };
    format!("{place}#{}/{sk}", sha256_hex(pk))
}
