//! Who has the roll numbers and e-mail addresses that a list of students names.

use std::collections::HashMap;

use thali_domain::accounts::identity::{Email, RollNo};
use thali_domain::ids::{AccountId, MessId};

use crate::store::{Account, Store, StoreError};

/// The holders of roll numbers and e-mail addresses, as far as somebody has them.
pub struct Holders {
    pub roll_nos: HashMap<RollNo, Account>,
    pub emails: HashMap<Email, AccountId>,
}

impl Store {
    /// Who has these roll numbers and e-mail addresses. Neither list may contain duplicates.
    ///
    /// The addresses are read first: a student who is made in between by another import is then
    /// found by number and name, and not by an address that seems to be somebody else's.
    pub async fn holders_of(
        &self,
        mess: &MessId,
        roll_nos: &[RollNo],
        emails: &[Email],
    ) -> Result<Holders, StoreError> {
        let emails = self.accounts_of_emails(mess, emails).await?;
        let roll_nos = self.accounts_of_roll_nos(mess, roll_nos).await?;
        Ok(Holders { roll_nos, emails })
    }
}
