//! An account as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::identity::{AccountStatus, Email, Name, Phone, Role, RollNo, RoomNo, Username};
use thali_domain::ids::{AccountId, MessId};
use thali_platform::store::{Account, DirectoryEntry};
use utoipa::ToSchema;

/// An account without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountView {
    account_id: AccountId,
    mess_id: MessId,
    role: Role,
    status: AccountStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Username>,
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Email>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roll_no: Option<RollNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_no: Option<RoomNo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<Phone>,
    telegram_linked: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            account_id: account.account_id,
            mess_id: account.mess_id,
            role: account.role,
            status: account.status,
            username: account.username,
            name: account.name,
            email: account.email,
            roll_no: account.roll_no,
            room_no: account.room_no,
            phone: account.phone,
            telegram_linked: false,
            created_at: account.created_at,
        }
    }
}

impl From<DirectoryEntry> for AccountView {
    fn from(entry: DirectoryEntry) -> Self {
        Self {
            account_id: entry.account_id,
            mess_id: entry.mess_id,
            role: entry.role,
            status: entry.status,
            username: entry.username,
            name: entry.name,
            email: entry.email,
            roll_no: entry.roll_no,
            room_no: entry.room_no,
            phone: entry.phone,
            telegram_linked: false,
            created_at: entry.created_at,
        }
    }
}
