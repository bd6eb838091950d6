//! Concurrent calls, and lists read page by page.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use super::app::TestApp;
use super::call::{Answer, Call};
use super::people::Student;

/// A limit that no list in a test reaches.
const PAGES_MAX: usize = 1_000;

impl TestApp {
    /// Sends calls concurrently, each in its own task. Returns the responses in the calls' order.
    pub async fn send_together(self: &Arc<Self>, calls: Vec<Call>) -> Vec<Answer> {
        let mut tasks = JoinSet::new();
        for (index, call) in calls.into_iter().enumerate() {
            let test = Arc::clone(self);
            tasks.spawn(async move { (index, test.send(call).await) });
        }
        let mut answers = tasks.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// One page of a student's list: the items, and the cursor of the next page.
    pub async fn page(
        &self,
        student: &Student,
        path: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> (Vec<Value>, Option<String>) {
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let call = Call::get(&format!("{path}?limit={limit}{cursor}")).bearer(&student.token);
        let answer = self.send(call).await.expect(200);
        let items = answer.body["items"].as_array().expect("a list").clone();
        assert!(items.len() <= limit, "{} items on a page of {limit}", items.len());
        (items, answer.body["next_cursor"].as_str().map(str::to_owned))
    }

    /// A student's whole list, read in pages of `limit`.
    pub async fn list(&self, student: &Student, path: &str, limit: usize) -> Vec<Value> {
        let (mut list, mut cursor) = self.page(student, path, limit, None).await;
        for _ in 0..PAGES_MAX {
            let Some(next) = cursor else { return list };
            let (items, after) = self.page(student, path, limit, Some(&next)).await;
            assert!(!items.is_empty(), "a cursor leads to more");
            list.extend(items);
            cursor = after;
        }
        panic!("{path} does not end");
    }
}
