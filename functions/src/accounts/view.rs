//! An account as clients see it.

use jiff::Timestamp;
use serde::Serialize;
use thali_domain::accounts::identity::{
    AccountStatus, Email, Name, Role, RollNo, RoomNo, Username,
};
use thali_domain::accounts::profile::{Bio, DateOfBirth, PostalAddress, Profession};
use thali_domain::ids::{AccountId, MessId};
use thali_domain::phone::Phone;
use thali_platform::app::App;
use thali_platform::blobs::BlobError;
use thali_platform::store::{Account, DirectoryEntry};
use utoipa::ToSchema;

/// An account without its secrets, as logins and lists show it. The picture's URL is left out:
/// login and refresh have no right to the bucket and cannot sign one.
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
    /// The telephone number as people in its own country write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_national: Option<String>,
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
            phone_national: account.phone.as_ref().map(Phone::national),
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
            phone_national: entry.phone.as_ref().map(Phone::national),
            phone: entry.phone,
            telegram_linked: false,
            created_at: entry.created_at,
        }
    }
}

/// A student's own account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile {
    account: OwnAccount,
}

/// The fields of a student's own account.
#[derive(Debug, Serialize, ToSchema)]
struct OwnAccount {
    #[serde(flatten)]
    account: AccountView,
    #[serde(skip_serializing_if = "Option::is_none")]
    bio: Option<Bio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PostalAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profession: Option<Profession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_of_birth: Option<DateOfBirth>,
    /// Whether a security code is set. Without one, the password takes its place.
    security_code_set: bool,
    /// The picture's URL, valid for 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_url: Option<String>,
}

impl Profile {
    /// The account, with a newly signed URL of its picture.
    pub async fn of(app: &App, account: Account) -> Result<Self, BlobError> {
        let picture_url = match account.picture_key {
            Some(key) => Some(app.blobs().download_from(&key.to_string(), app.clock.now()).await?),
            None => None,
        };
        let account = OwnAccount {
            bio: account.bio.clone(),
            address: account.address.clone(),
            profession: account.profession.clone(),
            date_of_birth: account.date_of_birth,
            security_code_set: account.security_code_hash.is_some(),
            picture_url,
            account: account.into(),
        };
        Ok(Self { account })
    }
}
