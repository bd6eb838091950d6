//! Requests at the same moment: what is answered is never older than what was answered
//! before the request was sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use thali_domain::orders::Order;
use thali_functions::orders::cached;
use tokio::task::JoinSet;

use super::{counted, placed, process, seen};
use crate::support::TestApp;

const READERS: u64 = 4;

/// How far an order is in its life.
fn rank(status: &str) -> u64 {
    let life = ["Pending", "Processed", "Collected"];
    let rank = life.iter().position(|known| *known == status).expect("a status of its life");
    u64::try_from(rank).expect("small")
}

/// What readers and writers know of each other.
#[derive(Default)]
struct Meanwhile {
    /// What everybody has been told: no read that begins after that may be older.
    told: AtomicU64,
    /// How many reads there were.
    reads: AtomicU64,
    done: AtomicBool,
}

impl Meanwhile {
    /// Reads again and again, and once after all is done; answers how many answers came from
    /// the cache.
    async fn read_on(&self, read: impl AsyncFn() -> (u64, bool)) -> usize {
        let mut hits = 0;
        loop {
            let last = self.done.load(Ordering::SeqCst);
            let told = self.told.load(Ordering::SeqCst);
            let (version, hit) = read().await;
            assert!(version >= told, "{version} after {told}, hit: {hit}");
            self.reads.fetch_add(1, Ordering::SeqCst);
            hits += usize::from(hit);
            if last {
                return hits;
            }
        }
    }

    fn tell(&self, version: u64) {
        self.told.fetch_max(version, Ordering::SeqCst);
    }

    /// Waits until each reader has read something again.
    async fn some_reads(&self) {
        let enough = self.reads.load(Ordering::SeqCst) + 2 * READERS;
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.reads.load(Ordering::SeqCst) < enough {
            assert!(Instant::now() < deadline, "nobody reads");
            tokio::task::yield_now().await;
        }
    }
}

/// The life of an order, during which it is read.
async fn live(test: &TestApp, order: &Order, meanwhile: &Meanwhile) {
    meanwhile.some_reads().await;
    let processed = process(test, &test.app, order).await;
    meanwhile.tell(1);
    meanwhile.some_reads().await;
    let collected = processed.collected(test.now()).expect("processed");
    cached::forget(&test.app, &collected).await;
    let store = &test.app.store;
    store.order_collect(&processed, &collected, &test.stamp()).await.expect("collected");
    meanwhile.tell(2);
    meanwhile.some_reads().await;
    meanwhile.done.store(true, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_an_order_older_than_it_was_told_to_be() {
    let test = Arc::new(TestApp::start().await);
    let asha = Arc::new(test.student("asha@example.com").await);
    let mut hits = 0;
    for _ in 0..20 {
        test.advance(SignedDuration::from_millis(1));
        let order = Arc::new(placed(&test, &asha).await);
        let meanwhile = Arc::new(Meanwhile::default());
        let mut readers = JoinSet::new();
        for _ in 0..READERS {
            let (test, asha, order) = (test.clone(), asha.clone(), order.clone());
            let meanwhile = meanwhile.clone();
            readers.spawn(async move {
                let read = async || {
                    let (status, hit) = seen(&test, &test.app, &asha, &order).await;
                    (rank(&status), hit)
                };
                meanwhile.read_on(read).await
            });
        }
        live(&test, &order, &meanwhile).await;
        hits += readers.join_all().await.into_iter().sum::<usize>();
    }
    println!("{hits} hits");
    assert!(hits > 0, "the cache was of no use");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_a_count_older_than_it_was_told_to_be() {
    const TOKENS: u64 = 12;
    let test = Arc::new(TestApp::start().await);
    let asha = Arc::new(test.student("asha@example.com").await);
    test.buy_tokens(&asha, u16::try_from(TOKENS).expect("few")).await;
    let meanwhile = Arc::new(Meanwhile::default());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (test, asha, meanwhile) = (test.clone(), asha.clone(), meanwhile.clone());
        readers.spawn(async move {
            // How many are gone, so that more is newer.
            let read = async || {
                let (count, hit) = counted(&test, &test.app, &asha).await;
                (TOKENS - count, hit)
            };
            meanwhile.read_on(read).await
        });
    }
    let mut writers = JoinSet::new();
    for _ in 0..2 {
        let (test, asha, meanwhile) = (test.clone(), asha.clone(), meanwhile.clone());
        writers.spawn(async move {
            for _ in 0..TOKENS / 2 {
                meanwhile.some_reads().await;
                let answer = test.send(TestApp::submit(&asha, 1)).await.expect(201);
                meanwhile.tell(TOKENS - answer.body["balance"].as_u64().expect("a number"));
            }
        });
    }
    writers.join_all().await;
    meanwhile.done.store(true, Ordering::SeqCst);
    let hits: usize = readers.join_all().await.into_iter().sum();
    println!("{hits} hits");
    assert!(hits > 0, "the cache was of no use");
    assert_eq!(counted(&test, &test.app, &asha).await.0, 0);
}
