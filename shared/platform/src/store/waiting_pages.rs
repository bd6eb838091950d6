//! Pages of what waits for a job. The jobs go through them one after another.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// Items that a page holds at most: few enough to be dealt with before time is up.
pub(super) const PAGE_ITEMS_MAX: i32 = 100;

/// Where a page begins: after the last item of the one before.
pub type PageStart = HashMap<String, AttributeValue>;

/// A page of what waits, and where the next one begins.
#[derive(Debug)]
pub struct WaitingPage<T> {
    /// What waits. The index may be a moment behind the items themselves.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<PageStart>,
}
