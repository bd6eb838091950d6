//! Adds students of before the index of names to it, so that staff find them.

use thali_domain::ids::MessId;
use thali_platform::store::{Stamp, Store, StoreError};

/// How many students are read at a time.
const PAGE: usize = 500;

/// What became of a mess's students.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub added: usize,
    /// Students who were in the index already.
    pub unchanged: usize,
}

/// Adds every student of a mess who is not in the index. It can be stopped and run again.
pub async fn index(store: &Store, mess: &MessId, stamp: &Stamp) -> Result<Tally, StoreError> {
    let (mut tally, mut after) = (Tally::default(), None);
    loop {
        let (members, last) = store.members_page(mess, after, PAGE).await?;
        for member in members {
            let added = store.name_index(member.account_id, &member.name, stamp).await?;
            if added {
                tally.added += 1;
            } else {
                tally.unchanged += 1;
            }
        }
        after = last;
        if after.is_none() {
            return Ok(tally);
        }
    }
}
