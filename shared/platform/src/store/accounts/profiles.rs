//! Changes that people make to their own accounts: profiles and pictures.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use thali_domain::accounts::identity::{AccountStatus, Name, Role, RollNo};
use thali_domain::accounts::profile::ProfileChange;
use thali_domain::patch::Patch;
use thali_domain::pictures::PictureKey;
use thali_domain::students::search::NameKey;

use super::account::Guard;
use crate::store::students::members::{AsRead, CopiedAttribute, as_read};
use crate::store::{
    Account, Attempt, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, TransactError,
    delete, item, keys, none_if_condition_failed, number, put_new, retry_overtaken, text, update,
    values,
};

#[derive(Debug, thiserror::Error)]
pub enum ProfileUpdateError {
    /// The account does not exist any more.
    #[error("the account is gone")]
    Gone,
    #[error("the roll number is taken")]
    RollNoTaken,
    /// A concurrent request changed an attribute of the account that this change depends on.
    #[error("the account was changed at the same moment")]
    Overtaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An update of an account: its expression, with the attribute names and values.
struct AccountUpdate {
    expression: String,
    names: HashMap<String, String>,
    values: Attributes,
}

impl Store {
    /// Changes a profile and returns the account after the change. If the member has a copy of a
    /// changed attribute, the same transaction changes the member too. If the roll number changes,
    /// that transaction also takes the guard of the new number and deletes the guard of the old
    /// one.
    ///
    /// `account` must be just read: it provides the old roll number.
    pub async fn profile_update(
        &self,
        account: &Account,
        change: &ProfileChange,
        stamp: &Stamp,
    ) -> Result<Account, ProfileUpdateError> {
        let change = news(change, account);
        if change.is_empty() {
            return Ok(account.clone());
        }
        let known_by = known_by(&change);
        if !known_by.is_empty() {
            return self.profile_update_with_member(account, &change, &known_by, stamp).await;
        }
        let AccountUpdate { expression, mut names, mut values } = account_update(&change, stamp);
        // A deleted account must not get any personal data again.
        names.insert("#status".to_owned(), "status".to_owned());
        values.insert(":status".to_owned(), text(account.status.as_str()));
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(account.account_id).attributes()))
            .update_expression(expression)
            .condition_expression("#status = :status")
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values("ALL_NEW".into());
        let answer =
            none_if_condition_failed(request.send().await)?.and_then(|answer| answer.attributes);
        let updated = answer.map(serde_dynamo::from_item).transpose().map_err(StoreError::from)?;
        updated.ok_or(ProfileUpdateError::Overtaken)
    }

    /// The same for a change of attributes that the member has copies of.
    async fn profile_update_with_member(
        &self,
        account: &Account,
        change: &ProfileChange,
        known_by: &[CopiedAttribute],
        stamp: &Stamp,
    ) -> Result<Account, ProfileUpdateError> {
        // If two requests change the name at once, the later one wins. The roll number must be the
        // one that was read, because its guard is deleted.
        let replaced: Vec<&str> =
            known_by.iter().map(|(name, _)| *name).filter(|name| *name != "roll_no").collect();
        let read = as_read(account, &replaced);
        let AccountUpdate { expression, mut names, mut values } = account_update(change, stamp);
        names.extend(read.names);
        values.extend(read.values);
        let key = keys::account(account.account_id);
        let table = &self.tables.accounts;
        let changed = update(table, &key, &expression, &read.condition, Some(names), values);
        let mut parts = vec![(changed, ProfileUpdateError::Overtaken)];
        parts.extend(self.roll_no_parts(account, &change.roll_no, stamp)?);
        if account.role == Role::Student {
            let follows = self.member_copy_write(account, known_by, stamp)?;
            parts.push((follows, ProfileUpdateError::Overtaken));
        }
        let (writes, refusals): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        match self.transact(writes).await {
            Ok(()) => {}
            Err(TransactError::Conditions(failed)) => {
                let mut refused = refusals.into_iter().zip(failed).filter(|(_, failed)| *failed);
                let refusal = refused.next().map(|(refusal, _)| refusal);
                return Err(refusal.unwrap_or(ProfileUpdateError::Overtaken));
            }
            Err(TransactError::Conflict) => return Err(ProfileUpdateError::Overtaken),
            Err(TransactError::Store(error)) => return Err(error.into()),
        }
        let changed = self.account_get(account.account_id, Consistency::Strong).await?;
        changed.ok_or(ProfileUpdateError::Gone)
    }

    /// The writes that take and delete guards if the roll number changes.
    fn roll_no_parts(
        &self,
        account: &Account,
        change: &Patch<RollNo>,
        stamp: &Stamp,
    ) -> Result<Vec<(TransactWriteItem, ProfileUpdateError)>, StoreError> {
        let mut parts = Vec::new();
        if change.keeps() {
            return Ok(parts);
        }
        if let Patch::Set(taken) = change {
            parts
                .push((self.roll_no_take(account, taken, stamp)?, ProfileUpdateError::RollNoTaken));
        }
        if let Some(left) = &account.roll_no {
            let key = keys::roll_no_guard(&account.mess_id, left);
            let mine = [(":me".to_owned(), text(account.account_id))];
            let given_back =
                delete(&self.tables.accounts, &key, Some("account_id = :me"), mine.into());
            parts.push((given_back, ProfileUpdateError::Overtaken));
        }
        Ok(parts)
    }

    fn roll_no_take(
        &self,
        account: &Account,
        roll_no: &RollNo,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::roll_no_guard(&account.mess_id, roll_no);
        let guard = Guard { account_id: account.account_id, mess_id: account.mess_id.clone() };
        Ok(put_new(&self.tables.accounts, item(&key, &guard, stamp)?))
    }

    /// Sets an account's picture, also in the member, unless the account has this picture or a
    /// newer one. Returns the picture that the account has then, or `None` if there is no such
    /// account, or it was deleted.
    pub async fn picture_put(
        &self,
        picture: &PictureKey,
        stamp: &Stamp,
    ) -> Result<Option<PictureKey>, StoreError> {
        retry_overtaken(|_| async {
            let account = self.account_get(picture.account_id, Consistency::Strong).await?;
            let account = account.filter(|account| account.status != AccountStatus::Deleted);
            let Some(account) = account else { return Ok(Attempt::Done(None)) };
            // Picture keys sort by time when compared as text, here and in the condition.
            let as_new = |current: &PictureKey| current.to_string() >= picture.to_string();
            if let Some(current) = account.picture_key.filter(as_new) {
                return Ok(Attempt::Done(Some(current)));
            }
            let writes = self.picture_writes(&account, picture, stamp)?;
            Ok(self.transact_if_unchanged(writes).await?.map(|()| Some(*picture)))
        })
        .await
    }

    fn picture_writes(
        &self,
        account: &Account,
        picture: &PictureKey,
        stamp: &Stamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let AsRead { condition, mut names, values: read } = as_read(account, &["picture_key"]);
        names.insert("#picture_key".to_owned(), "picture_key".to_owned());
        let mut given = values(stamp, [(":picture", text(picture))]);
        given.extend(read);
        let put = update(
            &self.tables.accounts,
            &keys::account(account.account_id),
            &format!("SET #picture_key = :picture, {STAMPED}"),
            &format!(
                "{condition} AND (attribute_not_exists(#picture_key) OR #picture_key < :picture)"
            ),
            Some(names),
            given,
        );
        let mut writes = vec![put];
        if account.role == Role::Student {
            let changed = [("picture_key", Some(text(picture)))];
            writes.push(self.member_copy_write(account, &changed, stamp)?);
        }
        Ok(writes)
    }
}

/// The change without the name, roll number and room number that the account already has. Equal
/// values must not be written: another request may be changing the same attribute, with its guard
/// and its copy in the member.
fn news(change: &ProfileChange, account: &Account) -> ProfileChange {
    ProfileChange {
        name: change.name.clone().filter(|name| *name != account.name),
        roll_no: other_than(&change.roll_no, account.roll_no.as_ref()),
        room_no: other_than(&change.room_no, account.room_no.as_ref()),
        ..change.clone()
    }
}

fn other_than<T: Clone + PartialEq>(change: &Patch<T>, now: Option<&T>) -> Patch<T> {
    let same = match change {
        Patch::Keep => true,
        Patch::Clear => now.is_none(),
        Patch::Set(wanted) => now == Some(wanted),
    };
    if same { Patch::Keep } else { change.clone() }
}

/// The part of a change that the member copies.
fn known_by(change: &ProfileChange) -> Vec<CopiedAttribute> {
    let name = change.name.as_ref().map_or(Patch::Keep, |name| Patch::Set(text(name)));
    let fields = [
        ("name", name),
        ("roll_no", change.roll_no.as_ref().map(text)),
        ("room_no", change.room_no.as_ref().map(text)),
    ];
    let changed = fields.into_iter().filter_map(|(name, change)| match change {
        Patch::Keep => None,
        Patch::Clear => Some((name, None)),
        Patch::Set(value) => Some((name, Some(value))),
    });
    changed.collect()
}

/// The account's update for a change.
fn account_update(change: &ProfileChange, stamp: &Stamp) -> AccountUpdate {
    let of_name = |value: fn(&Name) -> AttributeValue| {
        change.name.as_ref().map_or(Patch::Keep, |name| Patch::Set(value(name)))
    };
    let fields: [(&str, Patch<AttributeValue>); 10] = [
        ("name", of_name(|name| text(name))),
        (keys::NAME_KEY, of_name(|name| text(NameKey::of(name).as_str()))),
        ("phone", change.phone.as_ref().map(text)),
        ("roll_no", change.roll_no.as_ref().map(text)),
        ("room_no", change.room_no.as_ref().map(text)),
        ("bio", change.bio.as_ref().map(text)),
        ("address", change.address.as_ref().map(text)),
        ("profession", change.profession.as_ref().map(text)),
        ("date_of_birth", change.date_of_birth.as_ref().map(text)),
        ("security_code_hash", change.security_code_hash.as_ref().map(text)),
    ];
    let mut names = HashMap::new();
    let mut attributes = values(stamp, []);
    let (mut set, mut removed) = (vec![STAMPED.to_owned()], Vec::new());
    for (attribute, patch) in fields {
        if !patch.keeps() {
            names.insert(format!("#{attribute}"), attribute.to_owned());
        }
        match patch {
            Patch::Keep => {}
            Patch::Clear => removed.push(format!("#{attribute}")),
            Patch::Set(value) => {
                set.push(format!("#{attribute} = :{attribute}"));
                attributes.insert(format!(":{attribute}"), value);
            }
        }
    }
    if !change.security_code_hash.keeps() {
        // The wrong tries were for the previous code.
        set.push("security_code_failures = :zero".to_owned());
        attributes.insert(":zero".to_owned(), number(0));
        removed.push("security_code_forgotten_at".to_owned());
    }
    let removed = match removed.as_slice() {
        [] => String::new(),
        removed => format!(" REMOVE {}", removed.join(", ")),
    };
    let expression = format!("SET {}{removed}", set.join(", "));
    AccountUpdate { expression, names, values: attributes }
}
