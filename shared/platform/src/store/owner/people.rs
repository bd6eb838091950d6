//! The people and devices behind the ids in the audit trail, by name.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use thali_domain::accounts::identity::{AccountStatus, Name};
use thali_domain::ids::{AccountId, MessId, StaffTokenId};

use crate::store::{Consistency, Store, StoreError, keys};

/// Somebody who acts, or a device that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Account(Name),
    /// An account whose person has deleted it.
    DeletedAccount,
    StaffToken(Name),
}

/// An account or a staff token, as far as its name needs it.
#[derive(Deserialize)]
struct Named {
    mess_id: MessId,
    account_id: Option<AccountId>,
    staff_token_id: Option<StaffTokenId>,
    name: Name,
    status: Option<AccountStatus>,
}

impl Store {
    /// The names of a mess's accounts and staff tokens, by their ids. Those that the mess does not
    /// have are left out, and so is whatever is no such id. The read may be a moment behind.
    pub async fn people_named(
        &self,
        mess: &MessId,
        ids: &BTreeSet<&str>,
    ) -> Result<HashMap<String, Known>, StoreError> {
        let key_of = |id: &str| {
            let account = AccountId::parse(id).ok().map(keys::account);
            account.or_else(|| Some(keys::staff_token(mess, StaffTokenId::parse(id).ok()?)))
        };
        let wanted = ids.iter().filter_map(|id| key_of(id)).collect();
        let found = self.batch_get(&self.tables.accounts, wanted, Consistency::Eventual).await?;
        let mut people = HashMap::with_capacity(found.len());
        for attributes in found {
            let named: Named = serde_dynamo::from_item(attributes)?;
            if named.mess_id != *mess {
                continue;
            }
            let known = match (named.account_id, named.staff_token_id) {
                (Some(id), _) if named.status == Some(AccountStatus::Deleted) => {
                    (id.to_string(), Known::DeletedAccount)
                }
                (Some(id), _) => (id.to_string(), Known::Account(named.name)),
                (None, Some(id)) => (id.to_string(), Known::StaffToken(named.name)),
                (None, None) => continue,
            };
            people.extend([known]);
        }
        Ok(people)
    }
}
