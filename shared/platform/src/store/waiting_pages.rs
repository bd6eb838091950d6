//! Pages of what waits for a job. The jobs go through them one after another.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Attributes, StoreError};

/// Items that a page holds at most: few enough to be dealt with before time is up.
const PAGE_ITEMS_MAX: i32 = 100;

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

/// One page of a query; `read` passes over an item by `None`.
pub(super) async fn waiting_page<T>(
    query: QueryFluentBuilder,
    start: Option<PageStart>,
    read: impl Fn(Attributes) -> Result<Option<T>, StoreError>,
) -> Result<WaitingPage<T>, StoreError> {
    let answer = query.set_exclusive_start_key(start).limit(PAGE_ITEMS_MAX).send().await?;
    let items = answer.items.unwrap_or_default().into_iter();
    let items = items.filter_map(|item| read(item).transpose()).collect::<Result<_, _>>()?;
    Ok(WaitingPage { items, next: answer.last_evaluated_key })
}
