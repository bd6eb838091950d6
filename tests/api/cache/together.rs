//! Concurrent requests: no answer is older than an answer that was received before the request was
//! sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use thali_platform::store::Attempt;

use futures_util::future::{join, join_all};
use thali_domain::orders::order::Order;
use thali_functions::orders::cached;

use super::{counted, placed, process, seen};
use crate::support::TestApp;

const READERS: u64 = 4;

/// The position of a status in an order's life.
fn rank(status: &str) -> u64 {
    let life = ["Pending", "Processed", "Collected"];
    let rank = life.iter().position(|known| *known == status).expect("a status of its life");
    u64::try_from(rank).expect("small")
}

/// What readers and writers share.
#[derive(Default)]
struct Progress {
    /// The newest version that was reported: no read that begins later may be older.
    told: AtomicU64,
    /// How many reads have ended.
    reads: AtomicU64,
    done: AtomicBool,
}

impl Progress {
    /// Reads again and again, and once more after `done` is set; returns the number of cache hits.
    async fn read_until_done(&self, read: &impl AsyncFn() -> (u64, bool)) -> usize {
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

    /// Waits for two more reads per reader, on average.
    async fn wait_for_reads(&self) {
        let enough = self.reads.load(Ordering::SeqCst) + 2 * READERS;
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.reads.load(Ordering::SeqCst) < enough {
            assert!(Instant::now() < deadline, "nobody reads");
            tokio::task::yield_now().await;
        }
    }
}

/// Processes and collects an order while it is read.
async fn live(test: &TestApp, order: &Order, meanwhile: &Progress) {
    meanwhile.wait_for_reads().await;
    let processed = process(test, &test.app, order).await;
    meanwhile.tell(1);
    meanwhile.wait_for_reads().await;
    let collected = processed.collected(test.now()).expect("processed");
    cached::forget(&test.app, &collected).await;
    let store = &test.app.store;
    let written = store.order_collect(&processed, &collected, &test.stamp()).await;
    assert_eq!(written.expect("written or overtaken"), Attempt::Done(()), "collected");
    meanwhile.tell(2);
    meanwhile.wait_for_reads().await;
    meanwhile.done.store(true, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reads_never_return_an_outdated_order() {
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    let mut hits = 0;
    for _ in 0..20 {
        let order = placed(&test, &asha).await;
        let meanwhile = Progress::default();
        let read = async || {
            let (status, hit) = seen(&test, &test.app, &asha, &order).await;
            (rank(&status), hit)
        };
        let readers = join_all((0..READERS).map(|_| meanwhile.read_until_done(&read)));
        let ((), of_readers) = join(live(&test, &order, &meanwhile), readers).await;
        hits += of_readers.into_iter().sum::<usize>();
    }
    println!("{hits} hits");
    assert!(hits > 0, "there was no cache hit");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reads_never_return_an_outdated_token_count() {
    const TOKENS: u64 = 12;
    let test = TestApp::start().await;
    let asha = test.student("asha@example.com").await;
    test.buy_tokens(&asha, u16::try_from(TOKENS).expect("few")).await;
    let meanwhile = Progress::default();
    // Counts redeemed tokens, so that a higher number is newer.
    let read = async || {
        let (count, hit) = counted(&test, &test.app, &asha).await;
        (TOKENS - count, hit)
    };
    let readers = join_all((0..READERS).map(|_| meanwhile.read_until_done(&read)));
    let write = async || {
        for _ in 0..TOKENS / 2 {
            meanwhile.wait_for_reads().await;
            let answer = test.send(TestApp::submit(&asha, 1)).await.expect(201);
            meanwhile.tell(TOKENS - answer.body["balance"].as_u64().expect("a number"));
        }
    };
    let writers = async {
        join(write(), write()).await;
        meanwhile.done.store(true, Ordering::SeqCst);
    };
    let ((), hits) = join(writers, readers).await;
    let hits: usize = hits.into_iter().sum();
    println!("{hits} hits");
    assert!(hits > 0, "there was no cache hit");
    assert_eq!(read().await.0, TOKENS);
}
