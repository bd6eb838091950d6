//! A change as the audit trail records it: without bookkeeping, secrets, and what is nobody's
//! business.

use serde_json::{Map, Value};
use thali_platform::auth::sha256_hex;
use thali_platform::store::{AuditRecord, SCANS};

use super::change::Change;

/// Attributes that no reader of the audit trail may see.
const SECRETS: [&str; 6] = [
    "password_hash",
    "security_code_hash",
    "refresh_hash",
    "previous_hash",
    "invite_hash",
    "token_hash",
];

/// Attributes of somebody who has only begun to sign up. The registration is gone after
/// minutes; the trail, which stays, tells that there was one and not whose.
const PERSONAL: [&str; 6] = ["email", "name", "phone", "roll_no", "room_no", "username"];

/// Attributes of an account that are nobody's business but the student's.
const PRIVATE: [&str; 4] = ["bio", "address", "profession", "date_of_birth"];

/// Kinds of items that anybody can make for any address or username, also for one that no
/// account has. The trail knows whose they are by a hash.
const BY_NAME: [&str; 2] = ["login_failures", "password_reset"];

/// Kinds of items whose changes only repeat what the change beside them says.
const BOOKKEEPING: [&str; 3] = ["idempotency", "newest_registration", "notification"];

impl Change {
    /// The change as the audit trail records it, if it is not mere bookkeeping.
    pub(super) fn audit_record(&self) -> Option<AuditRecord> {
        let kind = self.text("kind").unwrap_or("unknown");
        if BOOKKEEPING.contains(&kind) || (kind == "staff_token" && self.is_a_mere_use()) {
            return None;
        }
        let masked = |image: &Option<Map<String, Value>>, other: &Option<Map<String, Value>>| {
            let mut image = image.clone()?;
            if kind == "plate" {
                image.retain(|name, value| !is_same_scan(name, value, other.as_ref()));
            }
            Some(mask(image, kind))
        };
        // Who removes an item leaves no stamp on it; the last writer's would be a lie.
        let removed = self.after.is_none();
        let stamp = |name| if removed { "unknown" } else { self.text(name).unwrap_or("unknown") };
        Some(AuditRecord {
            event_id: self.event_id.clone(),
            mess_id: self.text("mess_id").unwrap_or("none").to_owned(),
            entity: if BY_NAME.contains(&kind) { hashed(&self.key) } else { self.key.clone() },
            kind: kind.to_owned(),
            operation: self.operation.clone(),
            actor: stamp("actor").to_owned(),
            request_id: stamp("request_id").to_owned(),
            at: self.at,
            before: masked(&self.before, &self.after),
            after: masked(&self.after, &self.before),
        })
    }

    /// Whether a staff token was used, and nothing else: nobody has changed anything, and
    /// what the token was used for has records of its own.
    fn is_a_mere_use(&self) -> bool {
        let but_for_its_use = |image: &Option<Map<String, Value>>| {
            let mut image = image.clone()?;
            image.remove("last_used_at");
            Some(image)
        };
        but_for_its_use(&self.before) == but_for_its_use(&self.after)
    }
}

/// Whether an attribute is a scan of a plate that the other image has too. A plate may hold
/// hundreds, of which a change is about one; the records before it have the others.
fn is_same_scan(name: &str, value: &Value, other: Option<&Map<String, Value>>) -> bool {
    name.starts_with(SCANS) && other.and_then(|other| other.get(name)) == Some(value)
}

/// An image without what the trail's readers may not see.
fn mask(mut image: Map<String, Value>, kind: &str) -> Value {
    let personal: &[&str] = match kind {
        "registration" => &PERSONAL,
        "account" => &PRIVATE,
        kind if BY_NAME.contains(&kind) => &["email", "pk"],
        _ => &[],
    };
    for hidden in SECRETS.iter().chain(personal) {
        image.remove(*hidden);
    }
    Value::Object(image)
}

/// The key `<mess>#<what>#<name>/<sort key>` with a hash in the place of the name: the same
/// for the same name, so that what happened to it is found together.
fn hashed(key: &str) -> String {
    let (pk, sk) = key.rsplit_once('/').unwrap_or((key, ""));
    let place = pk.rsplit_once('#').map_or(pk, |(place, _)| place);
    format!("{place}#{}/{sk}", sha256_hex(pk))
}
