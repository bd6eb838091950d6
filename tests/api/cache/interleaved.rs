//! Writers, readers and the evictor take steps in random order, on a real Redis and a database that
//! is one number. A hit is never older than a write that was reported as done before the read
//! began. If a writer could not reach Redis, its write counts as reported once the evictor has
//! evicted it.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use thali_domain::ids::{AccountId, OrderId};
use thali_platform::cache::{Cache, Entry};
use ulid::Ulid;

use crate::support::RedisServer;

const WRITERS: usize = 3;
const READERS: usize = 3;

/// Who takes the next step.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A writer; `heard` is whether it can reach Redis.
    Write {
        writer: usize,
        heard: bool,
    },
    Read {
        reader: usize,
    },
    /// The evictor evicts what the next change made outdated.
    Evict,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (0..WRITERS, prop::bool::weighted(0.8))
        .prop_map(|(writer, heard)| Step::Write { writer, heard });
    let read = (0..READERS).prop_map(|reader| Step::Read { reader });
    prop::collection::vec(prop_oneof![4 => write, 6 => read, 1 => Just(Step::Evict)], 1..80)
}

/// What a writer has done so far.
#[derive(Debug, Clone, Copy)]
enum Writer {
    Idle,
    /// Has read this version, and decided on a change.
    Decided(u64),
    /// Has evicted the version that it read, if it could reach Redis, and is about to write the
    /// next one.
    Evicted {
        read: u64,
        heard: bool,
    },
    /// Has written this version, and is about to evict older ones.
    Wrote(u64),
}

/// What a reader has done so far.
#[derive(Debug, Clone, Copy)]
enum Reader {
    Idle,
    /// The cache had nothing when it was asked at this time.
    Missed {
        asked_at: u64,
    },
    /// Has read this version from the database, and is about to cache it.
    Read {
        asked_at: u64,
        version: u64,
    },
}

struct World<'a> {
    cache: &'a Cache,
    entry: Entry,
    /// The version in the database.
    stored: u64,
    /// The newest version that was reported as written: no hit may be older.
    told: u64,
    /// The evictor has evicted what the changes up to this version made outdated.
    evicted: u64,
    writers: [Writer; WRITERS],
    readers: [Reader; READERS],
    hits: &'a Cell<usize>,
}

impl World<'_> {
    fn new<'a>(cache: &'a Cache, entry: Entry, hits: &'a Cell<usize>) -> World<'a> {
        let (writers, readers) = ([Writer::Idle; WRITERS], [Reader::Idle; READERS]);
        World { cache, entry, stored: 1, told: 0, evicted: 1, writers, readers, hits }
    }

    const fn counts_changes(&self) -> bool {
        matches!(self.entry, Entry::Order(_))
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Write { writer, heard } => self.write(writer, heard).await,
            Step::Read { reader } => self.read(reader).await?,
            Step::Evict => self.evict().await,
        }
        Ok(())
    }

    /// An order is evicted before it is written, and written only if it is unchanged since the
    /// read. A purchase is written first, and then the count is evicted.
    async fn write(&mut self, writer: usize, heard: bool) {
        let next = match self.writers[writer] {
            Writer::Idle => Writer::Decided(self.stored),
            Writer::Decided(read) if self.counts_changes() => {
                let heard = heard && self.cache.drop_before(self.entry, read + 1).await;
                Writer::Evicted { read, heard }
            }
            Writer::Decided(_) => {
                self.stored += 1;
                Writer::Wrote(self.stored)
            }
            Writer::Evicted { read, heard } => {
                if read == self.stored {
                    self.stored += 1;
                    self.tell(self.stored, heard);
                }
                Writer::Idle
            }
            Writer::Wrote(version) => {
                let heard = heard && self.cache.drop_now(self.entry).await;
                self.tell(version, heard);
                Writer::Idle
            }
        };
        self.writers[writer] = next;
    }

    /// Reports `version` as written, if Redis was reached.
    fn tell(&mut self, version: u64, heard: bool) {
        if heard {
            self.told = self.told.max(version);
        }
    }

    async fn read(&mut self, reader: usize) -> Result<(), TestCaseError> {
        self.readers[reader] = match self.readers[reader] {
            Reader::Idle => {
                let looked = self.cache.look::<u64>(self.entry).await;
                match looked.found {
                    Some(version) => {
                        self.hits.set(self.hits.get() + 1);
                        prop_assert!(version >= self.told, "{version} after {}", self.told);
                        prop_assert!(version <= self.stored);
                        Reader::Idle
                    }
                    None => Reader::Missed { asked_at: looked.version },
                }
            }
            Reader::Missed { asked_at } => Reader::Read { asked_at, version: self.stored },
            Reader::Read { asked_at, version } => {
                let of = if self.counts_changes() { version } else { asked_at };
                self.cache.keep(self.entry, of, &version).await;
                Reader::Idle
            }
        };
        Ok(())
    }

    async fn evict(&mut self) {
        if self.evicted == self.stored {
            return;
        }
        let next = self.evicted + 1;
        let done = match self.entry {
            Entry::Order(_) => self.cache.drop_before(self.entry, next).await,
            Entry::TokenCount(_) => self.cache.drop_now(self.entry).await,
        };
        if done {
            self.evicted = next;
            self.tell(next, true);
        }
    }
}

/// Runs many random histories, each with an entry of its own.
fn run(entry: impl Fn(Ulid) -> Entry) {
    let redis = RedisServer::start();
    let cache = Cache::new(Some(&redis.url()), "test").expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (hits, number) = (Cell::new(0), Cell::new(0_u128));
    let histories = 400;
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(histories) });
    let ran = runner.run(&steps(), |steps| {
        number.set(number.get() + 1);
        let mut world = World::new(&cache, entry(Ulid(number.get())), &hits);
        runtime.block_on(async {
            for step in steps {
                world.step(step).await?;
            }
            Ok(())
        })
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{histories} histories, {} hits", hits.get());
    assert!(hits.get() > 100, "only {} reads were hits", hits.get());
}

#[test]
fn a_cached_order_is_never_older_than_the_last_reported_change() {
    run(|ulid| Entry::Order(OrderId::from_ulid(ulid)));
}

#[test]
fn a_cached_count_is_never_older_than_the_last_reported_change() {
    run(|ulid| Entry::TokenCount(AccountId::from_ulid(ulid)));
}
