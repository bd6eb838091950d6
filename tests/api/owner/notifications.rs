//! The list of the owners' notifications.

use jiff::SignedDuration;
use serde_json::{Value, json};
use thali_domain::ids::NotificationId;
use thali_domain::orders::menu::Sku;
use thali_domain::owner::notifications::{News, Notification};

use crate::support::people::Student;
use crate::support::{Answer, Call, TestApp};

const PATH: &str = "/owner/notifications";

fn low(number: u32) -> News {
    News::StockLow { sku: Sku::parse("dish").expect("a SKU"), name: None, stock: number }
}

fn stocks(items: &[Value]) -> Vec<u64> {
    items.iter().map(|item| item["stock"].as_u64().expect("a number")).collect()
}

impl TestApp {
    /// Writes `count` notifications for the owners of the demo mess, one per millisecond.
    async fn tell(&self, count: u32) -> Vec<NotificationId> {
        let mut told = Vec::new();
        for number in 0..count {
            self.advance(SignedDuration::from_millis(1));
            let notification_id = NotificationId::of_change(&format!("event-{number}"), self.now());
            let notification = Notification {
                notification_id,
                mess_id: self.mess_id.clone(),
                at: self.now(),
                read_at: None,
                news: low(number),
            };
            let put = self.app.store.notification_put(&notification, &self.stamp()).await;
            put.expect("written");
            told.push(notification_id);
        }
        told
    }

    async fn mark(&self, owner: &Student, notification: &str) -> Answer {
        let path = format!("{PATH}/{notification}/read");
        self.send(Call::new("POST", &path).bearer(&owner.token)).await
    }

    /// All notifications of a list whose pages may be short.
    async fn notifications(&self, owner: &Student, query: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        for _ in 0..100 {
            let page = self.seen(owner, &format!("{PATH}?{query}{cursor}")).await;
            all.extend(page["items"].as_array().expect("a list").clone());
            let Some(next) = page["next_cursor"].as_str() else { return all };
            cursor = format!("&cursor={next}");
        }
        panic!("{query} does not end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_listed_newest_first_in_pages_without_gaps() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    assert_eq!(test.seen(&owner, PATH).await, json!({ "items": [] }));
    let told = test.tell(7).await;
    let all = test.list(&owner, PATH, 100).await;
    assert_eq!(stocks(&all), [6, 5, 4, 3, 2, 1, 0]);
    let expected = json!({
        "notification_id": told[6], "at": test.now(), "kind": "stock_low", "sku": "dish",
        "stock": 6,
    });
    assert_eq!(all[0], expected);
    for limit in 1..=8 {
        assert_eq!(test.list(&owner, PATH, limit).await, all, "{limit}");
    }
    let stranger = test.stranger().await;
    assert_eq!(test.seen(&stranger, PATH).await, json!({ "items": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_read_time_of_a_notification_is_kept() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let told = test.tell(3).await;
    let read_at = test.now();
    let first = test.mark(&owner, &told[1].to_string()).await.expect(200).body;
    assert_eq!(first["read_at"], json!(read_at));
    assert_eq!(first["notification_id"], json!(told[1]));
    test.advance(SignedDuration::from_mins(1));
    let other = test.owner("other-owner@example.com").await;
    assert_eq!(test.mark(&other, &told[1].to_string()).await.expect(200).body, first);
    let unread = test.notifications(&owner, "unread=true").await;
    assert_eq!(stocks(&unread), [2, 0]);
    for query in ["unread=false", "limit=2"] {
        assert_eq!(stocks(&test.notifications(&owner, query).await), [2, 1, 0], "{query}");
    }
    assert_eq!(test.read(&owner, &format!("{PATH}?unread=yes")).await.wrong_fields(), ["unread"]);
    assert_eq!(test.seen(&owner, "/owner/dashboard").await["unread_notifications"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_or_foreign_notification_cannot_be_marked_as_read() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let told = test.tell(1).await;
    let stranger = test.stranger().await;
    let unknown = NotificationId::of_change("another event", test.now()).to_string();
    for (reader, id) in
        [(&owner, unknown.as_str()), (&owner, "ntf_1"), (&stranger, &told[0].to_string())]
    {
        assert_eq!(test.mark(reader, id).await.problem(404), "notification_not_found", "{id}");
    }
    let all = test.notifications(&owner, "limit=1").await;
    assert!(all[0]["read_at"].is_null(), "still unread: {all:?}");
    assert_eq!(all.len(), 1, "no notification was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_older_than_ninety_days_are_hidden_before_dynamodb_deletes_them() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let told = test.tell(2).await;
    let cursor = test.page(&owner, PATH, 1, None).await.1.expect("there is more");
    // The second notification is one millisecond younger than the first.
    test.advance(SignedDuration::from_hours(24 * 90) - SignedDuration::from_millis(1));
    let owner = test.log_in_again(&owner).await;
    assert_eq!(stocks(&test.notifications(&owner, "limit=5").await), [1]);
    assert_eq!(
        test.mark(&owner, &told[0].to_string()).await.problem(404),
        "notification_not_found"
    );
    test.advance(SignedDuration::from_millis(1));
    assert_eq!(test.notifications(&owner, "limit=5").await, [Value::Null; 0]);
    assert_eq!(
        test.mark(&owner, &told[1].to_string()).await.problem(404),
        "notification_not_found"
    );
    // A cursor older than every notification returns an empty page.
    let page = test.seen(&owner, &format!("{PATH}?cursor={cursor}")).await;
    assert_eq!(page, json!({ "items": [] }));
    let items = test.dynamo.items("meals").await;
    let kept: Vec<_> = items.iter().filter_map(|item| item.get("ttl")?.as_n().ok()).collect();
    assert_eq!(kept.len(), 2, "each has a ttl for DynamoDB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_unread_notifications_among_many_are_found_in_bounded_pages() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let told = test.tell(2_600).await;
    for read in &told[1..] {
        let read = test.app.store.notification_read(&test.mess_id, *read, &test.stamp()).await;
        assert!(read.expect("written").is_some());
    }
    let meter = test.meter();
    let page = test.seen(&owner, &format!("{PATH}?unread=true")).await;
    assert_eq!(page["items"], json!([]));
    assert!(page["next_cursor"].is_string(), "an empty page has a next cursor");
    assert!(meter.take().requests <= 5, "one page reads a bounded number");
    let unread = test.notifications(&owner, "unread=true&limit=1").await;
    assert_eq!(stocks(&unread), [0]);
}

impl TestApp {
    async fn mark_all(&self, owner: &Student, ids: &[String]) -> Answer {
        let body = json!({ "notification_ids": ids });
        self.send(Call::post("/owner/notifications/read", &body).bearer(&owner.token)).await
    }

    async fn unread(&self, owner: &Student) -> Value {
        self.seen(owner, "/owner/notifications/unread").await["unread"].clone()
    }
}

fn names(told: &[NotificationId]) -> Vec<String> {
    told.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_notifications_are_marked_as_read_at_once_and_counted() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    assert_eq!(test.unread(&owner).await, 0);
    let told = test.tell(103).await;
    let first = test.mark(&owner, &told[0].to_string()).await.expect(200).body;
    assert_eq!(test.unread(&owner).await, 102);
    test.advance(SignedDuration::from_mins(1));
    let marked = test.mark_all(&owner, &names(&told[..100])).await.expect(200).body;
    assert_eq!(marked, json!({ "marked": 99 }));
    assert_eq!(test.unread(&owner).await, 3);
    let unread = test.notifications(&owner, "unread=true").await;
    assert_eq!(stocks(&unread), [102, 101, 100]);
    let all = test.notifications(&owner, "limit=100").await;
    assert_eq!(all[102]["read_at"], first["read_at"], "the first time is kept");
    assert_eq!(all[3]["read_at"], json!(test.now()));
    // A repeat changes nothing, and one that is named twice counts once.
    test.advance(SignedDuration::from_mins(1));
    let again = [told[99], told[102], told[102]];
    assert_eq!(test.mark_all(&owner, &names(&again)).await.expect(200).body["marked"], 1);
    assert_eq!(test.notifications(&owner, "limit=100").await[3]["read_at"], all[3]["read_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_foreign_and_expired_notifications_are_left_unmarked() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let told = test.tell(2).await;
    let stranger = test.stranger().await;
    assert_eq!(test.mark_all(&stranger, &names(&told)).await.expect(200).body["marked"], 0);
    assert_eq!(test.unread(&stranger).await, 0);
    let unknown = NotificationId::of_change("another event", test.now());
    // The second notification is one millisecond younger than the first.
    test.advance(SignedDuration::from_hours(24 * 90) - SignedDuration::from_millis(1));
    let owner = test.log_in_again(&owner).await;
    let ids = names(&[told[0], told[1], unknown]);
    assert_eq!(test.mark_all(&owner, &ids).await.expect(200).body["marked"], 1);
    let items = test.dynamo.items("meals").await;
    let read = items.iter().filter(|item| item.contains_key("read_at"));
    assert_eq!(read.count(), 1, "neither the expired one was marked nor an item created");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_to_a_hundred_notifications_are_marked_at_once() {
    let test = TestApp::start().await;
    let owner = test.owner("owner@example.com").await;
    let id = NotificationId::of_change("event", test.now());
    for ids in [vec![], names(&[id; 101]), vec!["ntf_1".to_owned()]] {
        let refused = test.mark_all(&owner, &ids).await;
        assert!(refused.wrong_fields()[0].starts_with("notification_ids"), "{}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_who_mark_the_same_notifications_at_once_mark_each_once() {
    let test = std::sync::Arc::new(TestApp::start().await);
    let owner = test.owner("owner@example.com").await;
    let other = test.owner("other-owner@example.com").await;
    let told = test.tell(40).await;
    let body = |some: &[NotificationId]| json!({ "notification_ids": names(some) });
    let call = |owner: &Student, some: &[NotificationId]| {
        Call::post("/owner/notifications/read", &body(some)).bearer(&owner.token)
    };
    let calls = vec![call(&owner, &told[..30]), call(&other, &told[10..])];
    let answers = test.send_together(calls).await;
    let marked = answers.into_iter().map(|it| it.expect(200).body["marked"].as_u64());
    assert_eq!(marked.sum::<Option<u64>>(), Some(40));
    assert_eq!(test.unread(&owner).await, 0);
}
