//! What people change in their own accounts.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use thali_domain::identity::RollNo;
use thali_domain::ids::AccountId;
use thali_domain::patch::Patch;
use thali_domain::pictures::PictureKey;
use thali_domain::profile::ProfileChange;

use super::accounts::Guard;
use super::{
    Account, Attributes, Consistency, STAMPED, Stamp, Store, StoreError, TransactError, delete,
    item, keys, number, put_new, text, unless_refused, update, values,
};

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileUpdateError {
    /// There is no such account any more.
    #[error("the account is gone")]
    Gone,
    /// Somebody has the roll number.
    #[error("the roll number is taken")]
    RollNoTaken,
    /// The account's roll number was changed at the same moment.
    #[error("the account was changed at the same moment")]
    Overtaken,
    /// Neither done nor refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An update of an account: its expression, and what the expression names.
struct AccountUpdate {
    expression: String,
    names: HashMap<String, String>,
    values: Attributes,
}

impl Store {
    /// Changes a profile and answers the account as it is then. A new roll number takes
    /// its guard, and gives back the guard of the one before, in the same transaction.
    ///
    /// `account` is as it was just read: from it comes the roll number that is to be left.
    pub async fn profile_update(
        &self,
        account: &Account,
        change: &ProfileChange,
        stamp: &Stamp,
    ) -> Result<Account, ProfileUpdateError> {
        // What is there already must not be written: somebody else may be moving the
        // account to another number just now, guard and all.
        let same = match &change.roll_no {
            Patch::Keep => true,
            Patch::Clear => account.roll_no.is_none(),
            Patch::Set(roll_no) => account.roll_no.as_ref() == Some(roll_no),
        };
        if !same {
            return self.roll_no_move(account, change, stamp).await;
        }
        let change = ProfileChange { roll_no: Patch::Keep, ..change.clone() };
        if change.is_empty() {
            return Ok(account.clone());
        }
        let AccountUpdate { expression, names, values } = account_update(&change, stamp);
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(account.account_id).attributes()))
            .update_expression(expression)
            .condition_expression("attribute_exists(pk)")
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values("ALL_NEW".into());
        let answer = unless_refused(request.send().await)?.and_then(|answer| answer.attributes);
        let updated = answer.map(serde_dynamo::from_item).transpose().map_err(StoreError::from)?;
        updated.ok_or(ProfileUpdateError::Gone)
    }

    /// The same where the roll number changes too.
    async fn roll_no_move(
        &self,
        account: &Account,
        change: &ProfileChange,
        stamp: &Stamp,
    ) -> Result<Account, ProfileUpdateError> {
        let table = &self.tables.accounts;
        let key = keys::account(account.account_id);
        let AccountUpdate { expression, names, mut values } = account_update(change, stamp);
        let condition = match &account.roll_no {
            Some(left) => {
                values.insert(":left".to_owned(), text(left));
                "#roll_no = :left"
            }
            None => "attribute_exists(pk) AND attribute_not_exists(#roll_no)",
        };
        let moved = update(table, &key, &expression, condition, Some(names), values);
        let mut parts = vec![(moved, ProfileUpdateError::Overtaken)];
        if let Patch::Set(taken) = &change.roll_no {
            parts
                .push((self.roll_no_take(account, taken, stamp)?, ProfileUpdateError::RollNoTaken));
        }
        if let Some(left) = &account.roll_no {
            let key = keys::roll_no_guard(&account.mess_id, left);
            let mine = [(":me".to_owned(), text(account.account_id))];
            let given_back = delete(table, &key, Some("account_id = :me"), mine.into());
            parts.push((given_back, ProfileUpdateError::Overtaken));
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
        let moved = self.account_get(account.account_id, Consistency::Strong).await?;
        moved.ok_or(ProfileUpdateError::Gone)
    }

    fn roll_no_take(
        &self,
        account: &Account,
        roll_no: &RollNo,
        stamp: &Stamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::roll_no_guard(&account.mess_id, roll_no);
        let guard = Guard { account_id: account.account_id, mess_id: account.mess_id.clone() };
        Ok(put_new(&self.tables.accounts, item(&key, "guard", &guard, stamp)?))
    }

    /// Makes a picture the account's, unless it has that one or a newer one; answers the
    /// one that it has then. `None` where there is no such account.
    pub async fn picture_put(
        &self,
        picture: &PictureKey,
        stamp: &Stamp,
    ) -> Result<Option<PictureKey>, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.accounts)
            .set_key(Some(keys::account(picture.account_id).attributes()))
            .update_expression(format!("SET picture_key = :picture, {STAMPED}"))
            .condition_expression(
                "attribute_exists(pk) AND \
                 (attribute_not_exists(picture_key) OR picture_key < :picture)",
            )
            .set_expression_attribute_values(Some(values(stamp, [(":picture", text(picture))])));
        if unless_refused(request.send().await)?.is_some() {
            return Ok(Some(*picture));
        }
        self.picture_of(picture.account_id).await
    }

    async fn picture_of(&self, account: AccountId) -> Result<Option<PictureKey>, StoreError> {
        let account = self.account_get(account, Consistency::Strong).await?;
        Ok(account.and_then(|account| account.picture_key))
    }
}

/// The update that makes a change.
fn account_update(change: &ProfileChange, stamp: &Stamp) -> AccountUpdate {
    let fields: [(&str, Patch<AttributeValue>); 9] = [
        ("name", change.name.as_ref().map_or(Patch::Keep, |name| Patch::Set(text(name)))),
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
        // Wrong tries were of the code before.
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
