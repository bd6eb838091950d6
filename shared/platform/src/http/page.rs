//! Pages of a list: the page that a request asks for, cutting it out of the items, and the
//! cursor of the next page.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::problem::Problem;

/// The largest number of items in a page.
pub const PAGE_ITEMS_MAX: usize = 100;

/// The number of items in a page if the request does not say.
pub const PAGE_ITEMS_DEFAULT: usize = 25;

/// The longest cursor that is accepted; ours are far shorter.
const CURSOR_LENGTH_MAX: usize = 256;

/// The query parameter with which a client asks for the next page.
pub const CURSOR: &str = "cursor";

/// The page of a list that a request asks for.
///
/// A list is sorted by a text of each item, its position. A cursor holds the position of the
/// last item that was returned. So items that are added or deleted between two pages do not
/// repeat or hide other items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub(super) limit: usize,
    pub(super) after: Option<String>,
}

impl Page {
    /// How many items to read from the page's beginning on: one more than the page holds, to
    /// find out whether there is another page.
    #[must_use]
    pub const fn reach(&self) -> usize {
        self.limit + 1
    }

    /// The position after which the page begins.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The id after which the page begins, in a list whose positions are the items' ids.
    pub fn after_id<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        self.after_id_where(|_| true)
    }

    /// The same, in a list that contains only ids for which `belongs` is true.
    pub fn after_id_where<T: FromStr>(
        &self,
        belongs: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, Problem> {
        let Some(after) = &self.after else { return Ok(None) };
        let id = after.parse().ok().filter(belongs);
        let refused = || Problem::invalid_field("cursor", "is not one that this list has answered");
        id.map(Some).ok_or_else(refused)
    }

    /// Sorts `items` by position and cuts this page out of them. Returns the page and the
    /// cursor of the next one.
    pub fn cut<T>(
        &self,
        mut items: Vec<T>,
        position: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        items.sort_by_cached_key(&position);
        if let Some(after) = &self.after {
            items.retain(|item| position(item) > *after);
        }
        self.cut_in_order(items, position)
    }

    /// Cuts this page out of `items`, which begin with the page's first item and have the list's
    /// own order, whatever that is. Returns the page and the cursor of the next one.
    pub fn cut_in_order<T>(
        &self,
        mut items: Vec<T>,
        position: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = if more { items.last() } else { None };
        let cursor = last.map(|item| Self::cursor(&position(item)));
        (items, cursor)
    }

    /// The cursor of a position.
    #[must_use]
    pub fn cursor(position: &str) -> String {
        URL_SAFE_NO_PAD.encode(position)
    }

    /// The position of an item that happened at `time`, in a list with the newest item first.
    #[must_use]
    pub fn newest_first(time: Timestamp, id: impl std::fmt::Display) -> String {
        format!("{:016x}#{id}", i64::MAX - time.as_millisecond())
    }

    /// The position of an item that is due at `time`, in a list with the oldest item first.
    #[must_use]
    pub fn oldest_first(time: Timestamp, id: impl std::fmt::Display) -> String {
        format!("{:016x}#{id}", time.as_millisecond())
    }
}

pub(super) fn parse_limit(text: &str) -> Result<usize, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=PAGE_ITEMS_MAX).contains(limit));
    limit.ok_or_else(|| {
        Problem::invalid_field("limit", format_args!("must be 1 to {PAGE_ITEMS_MAX}"))
    })
}

pub(super) fn parse_cursor(text: &str) -> Result<String, Problem> {
    let decoded = (text.len() <= CURSOR_LENGTH_MAX).then(|| URL_SAFE_NO_PAD.decode(text).ok());
    decoded
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Problem::invalid_field("cursor", "is not one that a list has answered"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: usize, after: Option<String>) -> Page {
        Page { limit, after }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repetition() {
        let position = |number: &u8| format!("{number:03}");
        let (first, cursor) = page(3, None).cut(vec![4, 1, 3, 2, 5], position);
        assert_eq!(first, [1, 2, 3]);
        let after = parse_cursor(&cursor.expect("there is more")).expect("ours");
        // The first page ended with 3, which was deleted in between.
        let (second, cursor) = page(3, Some(after)).cut(vec![4, 1, 2, 5], position);
        assert_eq!((second, cursor), (vec![4, 5], None));
    }

    #[test]
    fn cutting_a_page_in_order_keeps_the_order_of_the_items() {
        let page = |limit, after| page(limit, after).cut_in_order(vec![9, 7, 8], u8::to_string);
        let (items, cursor) = page(2, None);
        assert_eq!(items, [9, 7]);
        let after = parse_cursor(&cursor.expect("there is more")).expect("ours");
        assert_eq!(after, "7");
        // The items already begin after the cursor, so their positions are not compared.
        assert_eq!(page(3, Some(after)), (vec![9, 7, 8], None));
        assert_eq!(page(4, None), (vec![9, 7, 8], None));
    }

    #[test]
    fn a_cursor_that_the_list_cannot_have_returned_is_refused() {
        let even = |after: &str| page(1, Some(after.to_owned())).after_id_where(|id| id % 2 == 0);
        assert_eq!(even("4").expect("accepted"), Some(4));
        assert!(even("5").is_err() && even("four").is_err() && even("").is_err());
        let none: Option<u8> = page(1, None).after_id_where(|_| false).expect("from the beginning");
        assert_eq!(none, None);
    }

    #[test]
    fn positions_sort_newest_first_or_oldest_first() {
        let time = |second| Timestamp::from_second(second).expect("in range");
        assert!(Page::newest_first(time(2), "a") < Page::newest_first(time(1), "a"));
        assert!(Page::oldest_first(time(1), "a") < Page::oldest_first(time(2), "a"));
    }

    #[test]
    fn invalid_limits_and_cursors_are_refused() {
        for limit in ["0", "101", "-1", "ten", ""] {
            assert!(parse_limit(limit).is_err(), "{limit}");
        }
        assert!(parse_cursor("not base64!").is_err());
    }
}
