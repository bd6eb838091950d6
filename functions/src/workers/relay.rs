//! `relay`: reads the change streams of the tables and puts what follows from a change on
//! the queues: every change on `audit`, on `mail` what somebody is to be told, on
//! `refunds` what the partner is to be asked for, on `orders` what is to be processed, and on
//! `announcements` what all students of a mess are to be told.
//!
//! It decides nothing and keeps nothing; a record that comes twice makes the same
//! messages again, and their consumers do each once.

use std::collections::BTreeSet;

use aws_lambda_events::dynamodb::{Event, EventRecord};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use thali_domain::accounts::identity::Email;
use thali_domain::ids::{AccountId, MessId, RazorpayOrderId, RefundId, RegistrationId};
use thali_domain::money::Paise;
use thali_platform::app::App;
use thali_platform::auth::sha256_hex;
use thali_platform::config::Part;
use thali_platform::queue::{QueueName, batches};
use thali_platform::store::{AuditRecord, SCANS};
use thali_platform::telemetry;
use thali_platform::worker::{BatchResponse, StreamReader};

use super::messages::{
    self, ClosureAnnouncement, MailMessage, Notice, OrderMessage, RefundMessage,
};
use super::notices;

/// What the streams invoke.
pub static READER: StreamReader = StreamReader {
    name: "relay",
    parts: &[Part::Queues],
    read: |app, event| Box::pin(relay(app, event)),
};

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

/// Sends what follows from a batch of changes. Where a message did not get into its
/// queue, the batch comes again from that record on.
pub async fn relay(app: &App, event: Event) -> BatchResponse {
    let changes: Vec<Change> = event.records.into_iter().map(Change::from).collect();
    let audits = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.audit_record()?)));
    let mails = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.mail()?)));
    let refunds = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.refund()?)));
    let orders = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.order()?)));
    let notices = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.notice()?)));
    let announced = changes.iter().enumerate().filter_map(|(i, c)| Some((i, c.announcement()?)));
    let first_failures = [
        send(app, QueueName::Audit, &audits.collect::<Vec<_>>()).await,
        send(app, QueueName::Mail, &mails.collect::<Vec<_>>()).await,
        send(app, QueueName::Refunds, &refunds.collect::<Vec<_>>()).await,
        send(app, QueueName::Orders, &orders.collect::<Vec<_>>()).await,
        send(app, QueueName::Notices, &notices.collect::<Vec<_>>()).await,
        send(app, QueueName::Announcements, &announced.collect::<Vec<_>>()).await,
    ];
    let mut response = BatchResponse::default();
    if let Some(index) = first_failures.into_iter().flatten().min() {
        response.failed(changes[index].sequence_number.clone());
    }
    tracing::info!(records = changes.len(), failed = response.batch_item_failures.len(), "relayed");
    response
}

/// Sends messages, each with the index of its change; answers the first index that did
/// not get through.
async fn send(
    app: &App,
    queue: QueueName,
    messages: &[(usize, impl serde::Serialize)],
) -> Option<usize> {
    let mut failed = Vec::new();
    for batch in batches(messages, |(_, body)| body) {
        let bodies: Vec<_> = batch.iter().map(|(_, body)| body).collect();
        let taken = app.queues().send(queue, &bodies).await.unwrap_or_else(|error| {
            tracing::error!(cause = telemetry::chain(&error), "a queue took nothing");
            vec![false; batch.len()]
        });
        let refused = batch.iter().zip(taken).filter(|(_, taken)| !taken);
        failed.extend(refused.map(|((index, _), _)| *index));
    }
    failed.into_iter().min()
}

/// A change of one item, its images as plain JSON.
pub(super) struct Change {
    pub(super) event_id: String,
    operation: String,
    sequence_number: String,
    pub(super) at: Timestamp,
    key: String,
    pub(super) before: Option<Map<String, Value>>,
    pub(super) after: Option<Map<String, Value>>,
}

impl From<EventRecord> for Change {
    fn from(record: EventRecord) -> Self {
        let change = record.change;
        let image = |item: serde_dynamo::Item| -> Option<Map<String, Value>> {
            let image: Map<String, Value> = serde_dynamo::from_item(item).ok()?;
            (!image.is_empty()).then_some(image)
        };
        let keys = image(change.keys).unwrap_or_default();
        let part = |name: &str| keys.get(name).and_then(Value::as_str).unwrap_or_default();
        let after = image(change.new_image);
        // The stream knows the second only; what wrote the item knew the millisecond.
        let stamped_ms = after.as_ref().and_then(|after| after.get("changed_at")?.as_i64());
        let streamed_ms = change.approximate_creation_date_time.timestamp_millis();
        let at = Timestamp::from_millisecond(stamped_ms.unwrap_or(streamed_ms));
        Self {
            event_id: record.event_id,
            operation: record.event_name,
            sequence_number: change.sequence_number.unwrap_or_default(),
            at: at.unwrap_or(Timestamp::UNIX_EPOCH),
            key: format!("{}/{}", part("pk"), part("sk")),
            before: image(change.old_image),
            after,
        }
    }
}

/// The parts of a registration that a mail needs.
#[derive(Deserialize)]
struct RegistrationImage {
    registration_id: RegistrationId,
    mess_id: MessId,
    email: Email,
    known: bool,
    resends: u32,
}

/// The parts of a password reset that a mail needs.
#[derive(Deserialize)]
struct ResetImage {
    reset_id: thali_domain::ids::PasswordResetId,
    mess_id: MessId,
    email: Email,
}

/// The parts of an account that a mail needs.
#[derive(Deserialize)]
struct AccountImage {
    account_id: AccountId,
    mess_id: MessId,
}

/// The parts of a purchase that a warning needs.
#[derive(Deserialize)]
struct ExpiringImage {
    order_id: RazorpayOrderId,
    account_id: AccountId,
    mess_id: MessId,
    warned_of: u16,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    expires_at: Timestamp,
}

impl From<ExpiringImage> for messages::Expiring {
    fn from(image: ExpiringImage) -> Self {
        let ExpiringImage { order_id, account_id, mess_id, warned_of, expires_at } = image;
        Self { order_id, account_id, mess_id, token_count: warned_of, expires_at }
    }
}

/// The parts of a refund that a mail needs.
#[derive(Deserialize)]
struct RefundImage {
    refund_id: RefundId,
    order_id: RazorpayOrderId,
    account_id: AccountId,
    requested_by: AccountId,
    mess_id: MessId,
    numbers: BTreeSet<u16>,
    amount_paise: Paise,
}

impl RefundImage {
    fn token_count(&self) -> u16 {
        u16::try_from(self.numbers.len()).unwrap_or(u16::MAX)
    }
}

impl From<RefundImage> for messages::Refunded {
    fn from(image: RefundImage) -> Self {
        let token_count = image.token_count();
        let RefundImage { refund_id, order_id, account_id, mess_id, amount_paise, .. } = image;
        Self { refund_id, order_id, account_id, mess_id, token_count, amount_paise }
    }
}

impl From<RefundImage> for messages::RefundFailed {
    fn from(image: RefundImage) -> Self {
        let token_count = image.token_count();
        let RefundImage { refund_id, order_id, requested_by, mess_id, amount_paise, .. } = image;
        Self { refund_id, order_id, requested_by, mess_id, token_count, amount_paise }
    }
}

impl Change {
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        let image = self.after.as_ref().or(self.before.as_ref())?;
        image.get(attribute)?.as_str()
    }

    /// The value of an attribute after the change, if the change made it.
    pub(super) fn became(&self, attribute: &str) -> Option<&Value> {
        let after = self.after.as_ref()?.get(attribute)?;
        let before = self.before.as_ref().and_then(|before| before.get(attribute));
        (before != Some(after)).then_some(after)
    }

    /// The change as the audit trail records it, if it is not mere bookkeeping.
    fn audit_record(&self) -> Option<AuditRecord> {
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

    /// Reads an image. One that cannot be read is our mistake and would be as unreadable
    /// the next time: it is logged, the trail has it, and the changes behind it go on.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, image: Value) -> Option<T> {
        let read = serde_json::from_value(image).ok();
        if read.is_none() {
            // Not the error itself: it may quote the item.
            tracing::error!(
                event_id = self.event_id,
                "an item cannot be read, so nothing follows from it"
            );
        }
        read
    }

    /// The mail that follows from the change, if one does.
    fn mail(&self) -> Option<MailMessage> {
        let after = || Value::Object(self.after.clone().unwrap_or_default());
        match self.text("kind")? {
            "registration" => {
                self.became("resends")?;
                let RegistrationImage { registration_id, mess_id, email, known, resends } =
                    self.read(after())?;
                Some(if known {
                    MailMessage::AccountExists { registration_id, resends, email, mess_id }
                } else {
                    MailMessage::OneTimeCode { registration_id, resends, email, mess_id }
                })
            }
            // Where no account has the address, there is nobody to be told.
            "password_reset" if self.after.as_ref()?.contains_key("account_id") => {
                self.became("reset_id")?;
                let ResetImage { reset_id, mess_id, email } = self.read(after())?;
                Some(MailMessage::PasswordReset { reset_id, email, mess_id })
            }
            // Not where the account is made: only what becomes of it is news.
            "account" if self.before.is_some() => {
                if self.became("status").is_some() {
                    return self.read(after()).map(MailMessage::Decision);
                }
                self.became("password_hash")?;
                self.text("email")?;
                let AccountImage { account_id, mess_id } = self.read(after())?;
                Some(MailMessage::PasswordChanged { account_id, mess_id, changed_at: self.at })
            }
            "purchase" if self.became("state").is_some_and(|state| state == "captured") => {
                self.read(after()).map(MailMessage::Receipt)
            }
            "purchase" if self.became("warned_at").is_some() => {
                let image: ExpiringImage = self.read(after())?;
                Some(MailMessage::Expiring(image.into()))
            }
            "refund" => {
                let state = self.became("state")?;
                let image: RefundImage = self.read(after())?;
                match state.as_str()? {
                    "processed" => Some(MailMessage::Refunded(image.into())),
                    "failed" => Some(MailMessage::RefundFailed(image.into())),
                    _ => None,
                }
            }
            "order" => match self.became("status")?.as_str()? {
                "Processed" => self.read(after()).map(MailMessage::OrderProcessed),
                "Failed" => self.read(after()).map(MailMessage::OrderFailed),
                _ => None,
            },
            // Not where it is uploaded: that is news for the owner.
            "cycle" if self.before.is_some() => {
                self.became("status")?;
                self.read(after()).map(MailMessage::CycleDecided)
            }
            _ => None,
        }
    }

    /// The refund that the partner is to be asked for, if the change is a request for one.
    fn refund(&self) -> Option<RefundMessage> {
        let requested = self.text("kind")? == "refund" && self.before.is_none();
        requested.then(|| self.read(Value::Object(self.after.clone()?)))?
    }

    /// What the mess's owners are to be told of the change, if anything.
    fn notice(&self) -> Option<Notice> {
        let news = notices::news(self)?;
        let mess_id = self.read(self.after.as_ref()?.get("mess_id")?.clone())?;
        Some(Notice { event_id: self.event_id.clone(), mess_id, at: self.at, news })
    }

    /// The order that is to be processed, if the change places one or brings one to mind.
    fn order(&self) -> Option<OrderMessage> {
        let placed = self.before.is_none() || self.became("swept_at").is_some();
        let wanted = self.text("kind")? == "order" && placed;
        wanted.then(|| self.read(Value::Object(self.after.clone()?)))?
    }

    /// What all students are to be told, if the change announces a closure.
    fn announcement(&self) -> Option<ClosureAnnouncement> {
        let announced = self.text("kind")? == "closure" && self.before.is_none();
        announced.then(|| self.read(Value::Object(self.after.clone()?)))?
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
