//! Every key of every item. No other file builds keys.
//!
//! Every partition key contains the mess or a random id, so that no partition is shared by all
//! tenants. The exceptions are three indexes for jobs, each with sixteen partitions: `open` holds
//! only purchases and refunds that wait for Razorpay (sixteen partitions for each of the two),
//! `expiry` only purchases whose student must still be warned (sixteen for each day), and
//! `pending` only orders that must be processed. The same index has one partition for each mess
//! with the orders that wait to be handed over.
//!
//! An order's partition follows from its id, because the id ends with the same characters as the
//! student's account id. So all orders of a student are in one partition, and the id alone leads
//! to the order.
//!
//! | table | item | pk | sk |
//! |---|---|---|---|
//! | accounts | account | `acc_…` | `account` |
//! | accounts, index `directory` | account, without its secrets | `directory` = `mess_…#<role>#<status>` | `account_id` |
//! | accounts, index `names` | key of a student's account | `mess_id` | `name_key` |
//! | accounts | session | `acc_…` | `session#ses_…` |
//! | accounts | guard of a unique e-mail, username or roll number | `mess_…#email#…`, `mess_…#username#…`, `mess_…#roll_no#…` | `guard` |
//! | accounts | wrong passwords tried for that name by strangers | as its guard | `failures` |
//! | accounts | the same, in a browser that has logged in before | as its guard | `failures#dev_…` |
//! | accounts | wrong current passwords tried in a session | `acc_…` | `failures#ses_…` |
//! | accounts | ids of the newest registrations of that e-mail, count of mails | as its guard | `registration` |
//! | accounts | the newest password reset of that e-mail | as its guard | `reset` |
//! | accounts | the newest change of the account's e-mail address | `acc_…` | `email_change` |
//! | accounts | registration | `reg_…` | `registration` |
//! | accounts | invite | `mess_…#invite#<hash of the code>` | `invite` |
//! | tokens | purchase | `acc_…` | `purchase#order_…` |
//! | tokens | submission | `acc_…` | `submission#sub_…` |
//! | tokens | outcome of an idempotency key | `acc_…` | `idempotency#<operation>#<key>` |
//! | tokens | refund | `acc_…` | `refund#rfd_…` |
//! | tokens, index `open` | purchase that is not paid | `open` = `open#00` to `open#15` | `order_id` |
//! | tokens, index `open` | refund that is not finished | `open` = `refunding#00` to `refunding#15` | `order_id` |
//! | tokens, index `order` | purchase and its refunds | `order_id` | |
//! | tokens, index `expiry` | purchase whose student must be warned | `expires_on` = `<UTC date>#00` to `#15` | |
//! | tokens, index `sales` | paid purchase | `mess_id` | `captured_at` |
//! | meals | mess and its settings | `mess_…` | `mess` |
//! | audit | audit record | `mess_…#<UTC date>` | `<milliseconds>#<event id>` |
//! | audit, index `entity` | audit record | `entity` = `mess_…#<entity>` | `sk` |
//! | orders | item of the menu, with its first stock shard | `mess_…#menu` | `item#<sku>` |
//! | orders | further stock shard of an item | `mess_…#stock#<sku>#<shard>` | `stock` |
//! | orders | order | `mess_…#orders#<the last sixteen characters of its id>` | `ord_…` |
//! | orders, index `pending` | order that must be processed | `pending` = `pending#00` to `pending#15` | `created_at` |
//! | orders, index `pending` | order that must be handed over | `pending` = `ready#mess_…` | `created_at` |
//! | meals | member: a student's data for scans | `mess_…#students` | `acc_…` |
//! | meals | cycle, cut | `mess_…#student#<the last sixteen characters of its id>` | `cyc_…`, `cut_…` |
//! | meals, index `cycles` | cycle | `cycle_status` = `mess_…#<status>` | `cycle_id` |
//! | meals | closure | `mess_…#closures` | `clo_…` |
//! | meals | plate: a student's meal, and all scans of it | `mess_…#meal#<date>#<meal>` | `student#<the account's part of ids>` |
//! | meals | stray: a scan of a code that belongs to no student | `mess_…#meal#<date>#<meal>` | `stray#<scan's key>` |
//! | meals | notification | `mess_…#notifications` | `ntf_…` |
//! | meals | look-up: a search for students | `mess_…#lookups` | `lkp_…` |
//! | accounts | staff token | `mess_…#staff_tokens` | `stk_…` |
//! | audit | log of one mail | `mail#<message id>` | `mail` |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use thali_domain::accounts::identity::{AccountStatus, Email, LoginName, Role, RollNo, Username};
use thali_domain::ids::{
    AccountId, ClosureId, CutId, CycleId, DeviceId, LookupId, MessId, NotificationId, OrderId,
    RazorpayOrderId, RefundId, RegistrationId, SessionId, StaffTokenId, SubmissionId,
};
use thali_domain::meals::meal_times::Sitting;
use thali_domain::orders::menu::Sku;
use thali_domain::staff::scan_ids::ScanKey;

/// The number of partitions of each index for jobs.
pub const SHARDS: u8 = 16;

/// The prefix of the sort keys of an account's purchases.
pub const PURCHASES: &str = "purchase#";

/// The prefix of the sort keys of an account's refunds.
pub const REFUNDS: &str = "refund#";

/// The prefix of the sort keys of an account's sessions.
pub const SESSIONS: &str = "session#";

/// The prefix of the sort keys of an account's submissions.
pub const SUBMISSIONS: &str = "submission#";

/// The sparse index of purchases and refunds that wait for Razorpay.
pub const OPEN_INDEX: &str = "open";

/// The index that finds a purchase and its refunds by the Razorpay order.
pub const ORDER_INDEX: &str = "order";

/// The sparse index of purchases whose student must be warned.
pub const EXPIRY_INDEX: &str = "expiry";

/// The index of a mess's paid purchases by time. Its keys are attributes that every paid purchase
/// has.
pub const SALES_INDEX: &str = "sales";

/// The prefix of the sort keys of the items of a mess's menu.
pub const ITEMS: &str = "item#";

/// The sparse index of orders that must be processed or handed over.
pub const PENDING_INDEX: &str = "pending";

/// The index of cycles by status.
pub const CYCLES_INDEX: &str = "cycles";

/// The index of a mess's students by name.
pub const NAMES_INDEX: &str = "names";

/// The attribute of a student's account by which that index sorts.
pub const NAME_KEY: &str = "name_key";

/// The prefix of the sort keys of a student's cycles.
pub const CYCLES: &str = "cyc_";

/// The prefix of the sort keys of a student's cuts.
pub const CUTS: &str = "cut_";

/// The prefix of the sort keys of students' plates.
pub const PLATES: &str = "student#";

/// The prefix of the sort keys of scans whose code belongs to no student.
pub const STRAYS: &str = "stray#";

/// The index of a mess's accounts by role and status.
pub const DIRECTORY_INDEX: &str = "directory";

/// The index of audit records by the changed item.
pub const ENTITY_INDEX: &str = "entity";

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The primary key among an item's attributes, for example the attributes of an index entry.
    pub(super) fn of(attributes: &HashMap<String, AttributeValue>) -> Option<Self> {
        let part = |name: &str| attributes.get(name)?.as_s().ok();
        Some(Self::new(part("pk")?, part("sk")?))
    }

    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

#[must_use]
pub fn account(id: AccountId) -> Key {
    Key::new(id.to_string(), "account")
}

/// The partition of an account in the index `directory`. A write that changes an account's status
/// must also change the account's partition.
#[must_use]
pub fn directory_partition(mess: &MessId, role: Role, status: AccountStatus) -> String {
    format!("{mess}#{}#{}", role.as_str(), status.as_str())
}

#[must_use]
pub fn session(account: AccountId, session: SessionId) -> Key {
    Key::new(account.to_string(), format!("{SESSIONS}{session}"))
}

/// The guard that keeps an e-mail address unique in its mess.
#[must_use]
pub fn email_guard(mess: &MessId, email: &Email) -> Key {
    Key::new(format!("{mess}#email#{email}"), "guard")
}

/// The guard that keeps a username unique in its mess.
#[must_use]
pub fn username_guard(mess: &MessId, username: &Username) -> Key {
    Key::new(format!("{mess}#username#{username}"), "guard")
}

/// The guard that keeps a roll number unique in its mess.
#[must_use]
pub fn roll_no_guard(mess: &MessId, roll_no: &RollNo) -> Key {
    Key::new(format!("{mess}#roll_no#{roll_no}"), "guard")
}

/// The guard of the name that a login uses.
#[must_use]
pub fn login_guard(mess: &MessId, name: &LoginName) -> Key {
    match name {
        LoginName::Email(email) => email_guard(mess, email),
        LoginName::Username(username) => username_guard(mess, username),
    }
}

/// The wrong passwords that were tried for a name, whether or not an account has the name.
#[must_use]
pub fn login_failures(mess: &MessId, name: &LoginName) -> Key {
    Key { sk: "failures".to_owned(), ..login_guard(mess, name) }
}

/// The prefix of the sort keys of the wrong passwords of one device or session.
pub const FAILURES: &str = "failures#";

/// The wrong passwords that were tried for a name in a browser that has logged in before.
#[must_use]
pub fn device_failures(mess: &MessId, name: &LoginName, device: DeviceId) -> Key {
    Key { sk: format!("{FAILURES}{device}"), ..login_guard(mess, name) }
}

/// The wrong current passwords that were tried in a session.
#[must_use]
pub fn session_failures(account: AccountId, session: SessionId) -> Key {
    Key::new(account.to_string(), format!("{FAILURES}{session}"))
}

/// The change of an account's e-mail address.
#[must_use]
pub fn email_change(account: AccountId) -> Key {
    Key::new(account.to_string(), "email_change")
}

#[must_use]
pub fn registration(id: RegistrationId) -> Key {
    Key::new(id.to_string(), "registration")
}

/// The item that says which registration of an e-mail address is the newest.
#[must_use]
pub fn newest_registration(mess: &MessId, email: &Email) -> Key {
    Key { sk: "registration".to_owned(), ..email_guard(mess, email) }
}

/// The password reset of an e-mail address, whether or not an account has the address.
#[must_use]
pub fn password_reset(mess: &MessId, email: &Email) -> Key {
    Key { sk: "reset".to_owned(), ..email_guard(mess, email) }
}

#[must_use]
pub fn invite(mess: &MessId, code_hash: &str) -> Key {
    Key::new(format!("{mess}#invite#{code_hash}"), "invite")
}

#[must_use]
pub fn purchase(account: AccountId, order: &RazorpayOrderId) -> Key {
    Key::new(account.to_string(), format!("{PURCHASES}{order}"))
}

#[must_use]
pub fn submission(account: AccountId, submission: SubmissionId) -> Key {
    Key::new(account.to_string(), format!("{SUBMISSIONS}{submission}"))
}

/// The outcome of a request that had an idempotency key.
#[must_use]
pub fn idempotency(account: AccountId, operation: &str, key: &str) -> Key {
    Key::new(account.to_string(), format!("idempotency#{operation}#{key}"))
}

#[must_use]
pub fn refund(account: AccountId, refund: RefundId) -> Key {
    Key::new(account.to_string(), format!("{REFUNDS}{refund}"))
}

/// The one of the [`SHARDS`] partitions for a Razorpay order.
fn shard(order: &RazorpayOrderId) -> u8 {
    shard_of(order.as_str())
}

fn shard_of(id: &str) -> u8 {
    Sha256::digest(id.as_bytes())[0] % SHARDS
}

/// The partition of an unpaid purchase in the index `open`.
#[must_use]
pub fn open_partition(order: &RazorpayOrderId) -> String {
    open_shard(shard(order))
}

/// A partition of unpaid purchases in the index `open`.
#[must_use]
pub fn open_shard(shard: u8) -> String {
    format!("open#{shard:02}")
}

/// The partition of an unfinished refund in the index `open`.
#[must_use]
pub fn refunding_partition(order: &RazorpayOrderId) -> String {
    refunding_shard(shard(order))
}

/// A partition of unfinished refunds in the index `open`.
#[must_use]
pub fn refunding_shard(shard: u8) -> String {
    format!("refunding#{shard:02}")
}

/// The partition in the index `expiry` of a purchase whose tokens expire at `expires_at`.
#[must_use]
pub fn expiry_partition(order: &RazorpayOrderId, expires_at: Timestamp) -> String {
    expiry_shard(utc_date(expires_at), shard(order))
}

/// A partition of the index `expiry`.
#[must_use]
pub fn expiry_shard(date: Date, shard: u8) -> String {
    format!("{date}#{shard:02}")
}

fn utc_date(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

#[must_use]
pub fn mess(id: &MessId) -> Key {
    Key::new(id.to_string(), "mess")
}

/// The partition of the items of a mess's menu.
#[must_use]
pub fn menu(mess: &MessId) -> String {
    format!("{mess}#menu")
}

/// An item of a mess's menu, and the first shard of its stock.
#[must_use]
pub fn item(mess: &MessId, sku: &Sku) -> Key {
    Key::new(menu(mess), format!("{ITEMS}{sku}"))
}

/// A shard of an item's stock. Shard 0 is the menu item itself; each other shard is an item in its
/// own partition.
#[must_use]
pub fn stock(mess: &MessId, sku: &Sku, shard: u8) -> Key {
    match shard {
        0 => item(mess, sku),
        shard => Key::new(format!("{mess}#stock#{sku}#{shard:02}"), "stock"),
    }
}

/// The partition of an account's orders.
#[must_use]
pub fn orders(mess: &MessId, account: AccountId) -> String {
    format!("{mess}#orders#{}", account.account_part())
}

#[must_use]
pub fn order(mess: &MessId, order: OrderId) -> Key {
    Key::new(format!("{mess}#orders#{}", order.account_part()), order.to_string())
}

/// The partition in the index `pending` of an order that must be processed.
#[must_use]
pub fn pending_partition(order: OrderId) -> String {
    pending_shard(shard_of(&order.to_string()))
}

/// The partition in the index `pending` of a mess's orders that must be handed over.
#[must_use]
pub fn ready_partition(mess: &MessId) -> String {
    format!("ready#{mess}")
}

/// A partition of the index `pending` with orders that must be processed.
#[must_use]
pub fn pending_shard(shard: u8) -> String {
    format!("pending#{shard:02}")
}

/// The partition of a mess's members.
#[must_use]
pub fn members(mess: &MessId) -> String {
    format!("{mess}#students")
}

/// A student's data for scans.
#[must_use]
pub fn member(mess: &MessId, account: AccountId) -> Key {
    Key::new(members(mess), account.to_string())
}

/// The partition of a student's cycles and cuts. Their ids end with `account_part`.
#[must_use]
pub fn student_records(mess: &MessId, account_part: &str) -> String {
    format!("{mess}#student#{account_part}")
}

#[must_use]
pub fn cycle(mess: &MessId, cycle: CycleId) -> Key {
    Key::new(student_records(mess, &cycle.account_part()), cycle.to_string())
}

/// The partition in the index `cycles` of cycles with this status.
#[must_use]
pub fn cycles_partition(mess: &MessId, status: &str) -> String {
    format!("{mess}#{status}")
}

#[must_use]
pub fn cut(mess: &MessId, cut: CutId) -> Key {
    Key::new(student_records(mess, &cut.account_part()), cut.to_string())
}

/// The partition of a mess's closures.
#[must_use]
pub fn closures(mess: &MessId) -> String {
    format!("{mess}#closures")
}

#[must_use]
pub fn closure(mess: &MessId, closure: ClosureId) -> Key {
    Key::new(closures(mess), closure.to_string())
}

/// The partition of all scans of one meal.
#[must_use]
pub fn meal(mess: &MessId, sitting: Sitting) -> String {
    format!("{mess}#meal#{}#{}", sitting.date, sitting.meal.as_str())
}

/// A student's plate. All ids of the student's records end with `account_part`.
#[must_use]
pub fn plate(mess: &MessId, sitting: Sitting, account_part: &str) -> Key {
    Key::new(meal(mess, sitting), format!("{PLATES}{account_part}"))
}

/// A scan of a code that belongs to no student.
#[must_use]
pub fn stray(mess: &MessId, sitting: Sitting, scan: &ScanKey) -> Key {
    Key::new(meal(mess, sitting), format!("{STRAYS}{}", scan.as_str()))
}

/// The partition of the notifications for a mess's owners.
#[must_use]
pub fn notifications(mess: &MessId) -> String {
    format!("{mess}#notifications")
}

#[must_use]
pub fn notification(mess: &MessId, notification: NotificationId) -> Key {
    Key::new(notifications(mess), notification.to_string())
}

/// A search for students.
#[must_use]
pub fn lookup(mess: &MessId, lookup: LookupId) -> Key {
    Key::new(format!("{mess}#lookups"), lookup.to_string())
}

/// The partition of a mess's staff tokens.
#[must_use]
pub fn staff_tokens(mess: &MessId) -> String {
    format!("{mess}#staff_tokens")
}

#[must_use]
pub fn staff_token(mess: &MessId, token: StaffTokenId) -> Key {
    Key::new(staff_tokens(mess), token.to_string())
}

/// An audit record of a change made at `at`.
#[must_use]
pub fn audit(mess: &str, at: Timestamp, event_id: &str) -> Key {
    let date = utc_date(at);
    Key::new(format!("{mess}#{date}"), format!("{}#{event_id}", audit_position(at)))
}

/// The partition of the audit records of the UTC day that contains `at`.
#[must_use]
pub fn audit_day(mess: &MessId, at: Timestamp) -> String {
    format!("{mess}#{}", utc_date(at))
}

/// The beginning of the sort keys of audit records made at the millisecond `at`. It sorts after
/// all earlier records and before all others.
#[must_use]
pub fn audit_position(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond())
}

/// The partition of one item's audit records in the index `entity`.
#[must_use]
pub fn audit_entity(mess: &MessId, entity: &str) -> String {
    format!("{mess}#{entity}")
}

/// The name of the item with this key in the audit trail.
#[must_use]
pub fn entity(key: &Key) -> String {
    format!("{}/{}", key.pk, key.sk)
}

/// The log of one mail.
#[must_use]
pub fn mail(message_id: &str) -> Key {
    Key::new(format!("mail#{message_id}"), "mail")
}
