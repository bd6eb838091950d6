//! Pages of items that a job must process. The jobs read one page after another.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Attributes, StoreError};

/// The most items of one page: few enough to process before a function's time is up.
const PAGE_ITEMS_MAX: i32 = 100;

/// The last item of the previous page, after which a page begins.
pub type PageStart = HashMap<String, AttributeValue>;

/// A page of items that a job must process.
#[derive(Debug)]
pub struct WaitingPage<T> {
    /// The index may be a moment behind the items themselves.
    pub items: Vec<T>,
    /// The start of the next page, if there is one.
    pub next: Option<PageStart>,
}

/// Reads one page of a query. `read` returns `None` to skip an item.
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
