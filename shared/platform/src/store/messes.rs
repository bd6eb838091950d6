//! Messes and their settings.

use thali_domain::ids::MessId;
use thali_domain::mess::Mess;

use super::{Consistency, Stamp, Store, StoreError, item, keys};

impl Store {
    /// Reads a mess. Its settings are never cached: a change holds from the next request on.
    pub async fn mess_get(&self, mess: &MessId) -> Result<Option<Mess>, StoreError> {
        self.get(&self.tables.meals, &keys::mess(mess), Consistency::Strong).await
    }

    /// Creates a mess; answers `false` where there is one of this id.
    pub async fn mess_create(&self, mess: &Mess, stamp: &Stamp) -> Result<bool, StoreError> {
        let attributes = item(&keys::mess(&mess.mess_id), "mess", mess, stamp)?;
        self.put_if_new(&self.tables.meals, attributes).await
    }
}
