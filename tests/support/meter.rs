//! The cost of `DynamoDB` requests, metered at the client: the number of requests, and the write
//! and read units that the responses report.
//!
//! The in-process store counts units by `DynamoDB`'s own rules; the tests below check that. A
//! refused request consumes units too, but its response does not report them. Such requests are
//! counted separately, so that nobody takes an incomplete figure for a complete one.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::ops::AddAssign;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, scan,
    transact_get_items, transact_write_items, update_item,
};
use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::client::interceptors::context::{Input, Output};
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// Write or read units, counted in halves because an eventually consistent read costs half a unit.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units {
    halves: u32,
}

/// The consumed units, either write or read units.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Units of the tables themselves.
    pub table: Units,
    /// Units of their indexes. A transaction does not double these.
    pub index: Units,
}

/// The cost of some requests.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many were sent, counting each attempt of the SDK.
    pub requests: u32,
    /// How many of them got an error or no response (yet). No figure includes the units that
    /// these consumed.
    pub failed: u32,
    pub writes: Consumed,
    pub reads: Consumed,
    /// The number of requests of each operation.
    pub operations: BTreeMap<String, u32>,
}

/// Adds up the cost of the requests of all clients that it intercepts. A clone is the same meter.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    cost: Arc<Mutex<Cost>>,
}

impl Meter {
    /// Returns the cost since the last call, and resets the meter to zero.
    pub fn take(&self) -> Cost {
        std::mem::take(&mut *self.cost.lock().expect("no holder panics"))
    }

    fn add(&self, add: impl FnOnce(&mut Cost)) {
        add(&mut self.cost.lock().expect("no holder panics"));
    }
}

/// The kind of an operation's units, if its response does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

/// Lists the operations that consume units: their types, and the kind of their units.
macro_rules! operations {
    ($($kind:ident $module:ident $input:ident $output:ident;)*) => {
        /// Asks for the consumed units, by table and index, in the response.
        ///
        /// # Panics
        ///
        /// If the operation is not listed, because its cost would be missing.
        fn ask(input: &mut Input) {
            let indexes = Some(ReturnConsumedCapacity::Indexes);
            $(if let Some(input) = input.downcast_mut::<$module::$input>() {
                input.return_consumed_capacity = indexes;
                return;
            })*
            panic!("the meter does not know {input:?}");
        }

        /// The consumed units in a response, for each table.
        fn told(output: &Output) -> (Kind, Vec<&ConsumedCapacity>) {
            $(if let Some(output) = output.downcast_ref::<$module::$output>() {
                return (Kind::$kind, output.consumed_capacity().into_iter().collect());
            })*
            panic!("the meter does not know {output:?}");
        }
    };
}

operations! {
    Read batch_get_item BatchGetItemInput BatchGetItemOutput;
    Read get_item GetItemInput GetItemOutput;
    Read query QueryInput QueryOutput;
    Read scan ScanInput ScanOutput;
    Read transact_get_items TransactGetItemsInput TransactGetItemsOutput;
    Write batch_write_item BatchWriteItemInput BatchWriteItemOutput;
    Write delete_item DeleteItemInput DeleteItemOutput;
    Write put_item PutItemInput PutItemOutput;
    Write transact_write_items TransactWriteItemsInput TransactWriteItemsOutput;
    Write update_item UpdateItemInput UpdateItemOutput;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "the meter of costs"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask(context.input_mut());
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().expect("an operation has a name").name();
        self.add(|cost| {
            cost.requests += 1;
            cost.failed += 1;
            *cost.operations.entry(operation.to_owned()).or_default() += 1;
        });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error() {
            let (kind, tables) = told(output);
            assert!(!tables.is_empty(), "no units are reported in {output:?}");
            self.add(|cost| {
                // A meter that was reset since the request was sent no longer counts it.
                cost.failed = cost.failed.saturating_sub(1);
                for table in tables {
                    cost.consume(kind, table);
                }
            });
        }
        Ok(())
    }
}

impl Cost {
    fn consume(&mut self, kind: Kind, told: &ConsumedCapacity) {
        let table = told.table().expect("the table's own units were requested");
        self.add_units(kind, table, |consumed| &mut consumed.table);
        let indexes = [told.global_secondary_indexes(), told.local_secondary_indexes()];
        for index in indexes.into_iter().flatten().flat_map(|indexes| indexes.values()) {
            self.add_units(kind, index, |consumed| &mut consumed.index);
        }
    }

    /// The response of a transaction reports the kind of its units, because a transaction that is
    /// repeated with its token only reads. Other responses do not; their units are of `kind`.
    fn add_units(&mut self, kind: Kind, told: &Capacity, of: fn(&mut Consumed) -> &mut Units) {
        let (reads, writes) = match (told.read_capacity_units(), told.write_capacity_units()) {
            (None, None) if kind == Kind::Read => (told.capacity_units(), None),
            (None, None) => (None, told.capacity_units()),
            each => each,
        };
        *of(&mut self.reads) += Units::of(reads.unwrap_or_default());
        *of(&mut self.writes) += Units::of(writes.unwrap_or_default());
    }
}

impl Consumed {
    /// The billed units.
    pub fn total(self) -> Units {
        Units { halves: self.table.halves + self.index.halves }
    }
}

impl Units {
    /// Converts a number of units, which must be a multiple of a half.
    pub fn of(units: f64) -> Self {
        let halves = units * 2.0;
        assert!((0.0..1e6).contains(&halves) && halves.fract() == 0.0, "{units} units");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
        Self { halves: halves as u32 }
    }
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.halves += other.halves;
    }
}

impl PartialEq<f64> for Units {
    fn eq(&self, other: &f64) -> bool {
        *self == Self::of(*other)
    }
}

impl Display for Units {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let half = if self.halves.is_multiple_of(2) { "" } else { ".5" };
        out.pad(&format!("{}{half}", self.halves / 2))
    }
}

impl Debug for Units {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, out)
    }
}

impl Display for Consumed {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{} (tables {}, indexes {})", self.total(), self.table, self.index)
    }
}

impl Debug for Consumed {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, out)
    }
}

impl Display for Cost {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { requests, failed, writes, reads, operations } = self;
        write!(out, "{requests} requests, {failed} failed: {operations:?}; ")?;
        write!(out, "write units {writes}, read units {reads}")
    }
}

impl Debug for Cost {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    //! The rules are from `DynamoDB`'s developer guide: "`DynamoDB` read and write operations",
    //! "Global secondary indexes", "Amazon `DynamoDB` Transactions".

    use std::collections::HashMap;
    use std::time::Duration;

    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::retry::RetryConfig;
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, AttributeValue, BillingMode, ConditionCheck, Get,
        GlobalSecondaryIndex, KeySchemaElement, KeyType, KeysAndAttributes, Projection,
        ProjectionType, Put, ScalarAttributeType, TransactGetItem, TransactWriteItem,
    };
    use tokio::task::JoinSet;

    use super::*;
    use crate::support::closed_port;
    use crate::support::dynamo::Dynamo;

    const TABLE: &str = "metered";
    type Item = HashMap<String, AttributeValue>;

    /// Creates a table with two indexes: `whole` holds whole items, `keys` holds only keys.
    /// Returns a metered client of it, and the meter.
    async fn metered() -> (Client, Meter) {
        let dynamo = Dynamo::start().await;
        let attribute = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().expect("complete")
        };
        let key = |name: &str, kind: KeyType| {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            key.build().expect("complete")
        };
        let index = |name: &str, projection: ProjectionType| {
            let index = GlobalSecondaryIndex::builder().index_name(name);
            let projection = Projection::builder().projection_type(projection).build();
            let index = index.key_schema(key(name, KeyType::Hash)).projection(projection);
            index.build().expect("complete")
        };
        let request = dynamo.client().create_table().table_name(TABLE);
        let request = request.billing_mode(BillingMode::PayPerRequest);
        let request = request
            .set_attribute_definitions(Some(["pk", "sk", "whole", "keys"].map(attribute).into()))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .global_secondary_indexes(index("whole", ProjectionType::All))
            .global_secondary_indexes(index("keys", ProjectionType::KeysOnly));
        request.send().await.expect("the table is made");
        let meter = Meter::default();
        (dynamo.metered_client(&meter), meter)
    }

    fn text(value: impl Into<String>) -> AttributeValue {
        AttributeValue::S(value.into())
    }

    fn key(sk: &str) -> Item {
        HashMap::from([("pk".to_owned(), text("p")), ("sk".to_owned(), text(sk))])
    }

    /// An item of this size in bytes, counting its attributes' names and values.
    fn sized(sk: &str, size: usize) -> Item {
        let filled = "pk".len() + "p".len() + "sk".len() + sk.len() + "f".len();
        let mut item = key(sk);
        item.insert("f".to_owned(), text("x".repeat(size - filled)));
        item
    }

    fn with(mut item: Item, name: &str, value: &str) -> Item {
        item.insert(name.to_owned(), text(value));
        item
    }

    async fn put(client: &Client, item: Item) {
        client.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("put");
    }

    fn put_in_transaction(item: Item) -> TransactWriteItem {
        let put = Put::builder().table_name(TABLE).set_item(Some(item)).build();
        TransactWriteItem::builder().put(put.expect("complete")).build()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_write_costs_a_unit_per_started_kilobyte_of_the_larger_image() {
        let (client, meter) = metered().await;
        for (size, units) in [(1024, 1.0), (1025, 2.0), (3 * 1024, 3.0), (1024, 3.0), (1024, 1.0)] {
            put(&client, sized("a", size)).await;
            let cost = meter.take();
            assert_eq!(cost.writes.table, units, "{size}: {cost}");
            assert_eq!((cost.requests, cost.failed, cost.reads.total()), (1, 0, Units::of(0.0)));
        }
        put(&client, sized("a", 2048)).await;
        let update = client.update_item().table_name(TABLE).set_key(Some(key("a")));
        let update = update.update_expression("SET f = :f");
        update.expression_attribute_values(":f", text("")).send().await.expect("updated");
        assert_eq!(meter.take().writes.table, 4.0, "the image before the update is larger");
        for (sk, size, units) in [("b", 1025, 2.0), ("b", 1024, 1.0)] {
            put(&client, sized(sk, size)).await;
            meter.take();
            let delete = client.delete_item().table_name(TABLE).set_key(Some(key(sk)));
            delete.send().await.expect("deleted");
            assert_eq!(meter.take().writes.table, units, "{size}");
        }
        client.delete_item().table_name(TABLE).set_key(Some(key("b"))).send().await.expect("none");
        assert_eq!(meter.take().writes.table, 1.0, "a delete of nothing");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_transaction_costs_double_and_its_indexes_once() {
        let (client, meter) = metered().await;
        put(&client, sized("there", 4097)).await;
        meter.take();
        let check = ConditionCheck::builder().table_name(TABLE).set_key(Some(key("gone")));
        let check = check.condition_expression("attribute_not_exists(pk)").build();
        let items = vec![
            put_in_transaction(sized("a", 1024)),
            put_in_transaction(sized("b", 1025)),
            put_in_transaction(with(sized("c", 100), "keys", "k")),
            TransactWriteItem::builder().condition_check(check.expect("complete")).build(),
        ];
        let transaction = client.transact_write_items().set_transact_items(Some(items));
        let transaction = transaction.client_request_token("token");
        transaction.clone().send().await.expect("carried out");
        let cost = meter.take();
        assert_eq!(cost.writes.table, 2.0 + 4.0 + 2.0 + 2.0, "{cost}");
        assert_eq!((cost.writes.index, cost.requests), (Units::of(1.0), 1), "{cost}");

        transaction.send().await.expect("carried out before");
        let cost = meter.take();
        assert_eq!(cost.writes.total(), 0.0, "a repetition reads: {cost}");
        assert_eq!(cost.reads.table, 8.0, "{cost}");

        let get = Get::builder().table_name(TABLE).set_key(Some(key("there"))).build();
        let get = TransactGetItem::builder().get(get.expect("complete")).build();
        client.transact_get_items().transact_items(get).send().await.expect("read");
        assert_eq!(meter.take().reads.table, 4.0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_read_costs_a_unit_per_started_four_kilobytes_or_half_eventually() {
        let (client, meter) = metered().await;
        put(&client, sized("small", 4096)).await;
        put(&client, sized("large", 4097)).await;
        meter.take();
        for (sk, strong) in [("small", 1.0), ("large", 2.0), ("gone", 1.0)] {
            for (consistent, units) in [(true, strong), (false, strong / 2.0)] {
                let get = client.get_item().table_name(TABLE).set_key(Some(key(sk)));
                get.consistent_read(consistent).send().await.expect("read");
                let cost = meter.take();
                assert_eq!(cost.reads.table, units, "{sk} {consistent}: {cost}");
                assert_eq!(cost.writes.total(), 0.0, "{cost}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_is_charged_per_item_and_a_query_by_total_size() {
        let (client, meter) = metered().await;
        for sk in ["a", "b", "c"] {
            put(&client, with(sized(sk, 1500), "whole", "w")).await;
        }
        meter.take();
        let keys = KeysAndAttributes::builder().set_keys(Some(["a", "b", "gone"].map(key).into()));
        let batch = client.batch_get_item().request_items(TABLE, keys.build().expect("complete"));
        batch.send().await.expect("read");
        assert_eq!(meter.take().reads.table, 1.5, "three items, eventually");

        let query = client.query().table_name(TABLE).key_condition_expression("pk = :pk");
        for (pk, consistent, units) in
            [("p", true, 2.0), ("p", false, 1.0), ("none", true, 1.0), ("none", false, 0.5)]
        {
            let query = query.clone().expression_attribute_values(":pk", text(pk));
            query.consistent_read(consistent).send().await.expect("read");
            assert_eq!(meter.take().reads.table, units, "4500 bytes or none: {pk} {consistent}");
        }
        let query = client.query().table_name(TABLE).index_name("whole");
        let query = query.key_condition_expression("#whole = :whole");
        let query = query.expression_attribute_names("#whole", "whole");
        query.expression_attribute_values(":whole", text("w")).send().await.expect("read");
        let cost = meter.take();
        assert_eq!(
            (cost.reads.table, cost.reads.index),
            (Units::of(0.0), Units::of(1.0)),
            "{cost}"
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_index_costs_only_what_changes_in_it() {
        let (client, meter) = metered().await;
        let plain = || sized("a", 1020);
        let whole = |value| with(plain(), "whole", value);
        let keyed = |item| with(item, "keys", "k");
        let steps = [
            (plain(), 0.0, "in no index"),
            (keyed(whole("w")), 3.0, "new in both; what is whole is larger than a kilobyte"),
            (keyed(whole("w")), 0.0, "nothing changes"),
            (with(keyed(whole("w")), "g", "h"), 2.0, "only what is whole changes"),
            (keyed(whole("v")), 4.0, "another key: out of its old place and into the new one"),
            (keyed(plain()), 2.0, "gone from one"),
            (plain(), 1.0, "and from the other"),
        ];
        for (item, units, what) in steps {
            put(&client, item).await;
            let cost = meter.take();
            assert_eq!(cost.writes.index, units, "{what}: {cost}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refused_request_is_counted_but_its_units_are_unknown() {
        let (client, meter) = metered().await;
        put(&client, sized("a", 100)).await;
        let again = client.put_item().table_name(TABLE).set_item(Some(sized("a", 100)));
        let again = again.condition_expression("attribute_not_exists(pk)").send().await;
        assert!(again.is_err());
        let cost = meter.take();
        assert_eq!((cost.requests, cost.failed), (2, 1), "{cost}");
        let expected = "2 requests, 1 failed: {\"PutItem\": 2}; write units 1 (tables 1, indexes \
                        0), read units 0 (tables 0, indexes 0)";
        assert_eq!(format!("{cost:?}"), expected);
        assert_eq!(meter.take(), Cost::default(), "the meter is at zero");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_attempt_counts_as_a_request() {
        let meter = Meter::default();
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let nobody = Dynamo::start().await.metered_client(&meter).config().to_builder();
        let nobody = nobody.endpoint_url(closed_port()).retry_config(retries.with_max_attempts(3));
        let nobody = Client::from_conf(nobody.build());
        nobody.get_item().table_name(TABLE).set_key(Some(key("a"))).send().await.expect_err("shut");
        let cost = meter.take();
        assert_eq!((cost.requests, cost.failed), (3, 3), "{cost}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn concurrent_requests_add_up() {
        let (client, meter) = metered().await;
        let mut tasks = JoinSet::new();
        for number in 0..100 {
            let client = client.clone();
            tasks.spawn(async move {
                let sk = number.to_string();
                put(&client, with(sized(&sk, 1025), "keys", "k")).await;
                let get = client.get_item().table_name(TABLE).set_key(Some(key(&sk)));
                get.send().await.expect("read");
            });
        }
        tasks.join_all().await;
        let cost = meter.take();
        assert_eq!((cost.requests, cost.failed), (200, 0), "{cost}");
        assert_eq!((cost.writes.table, cost.writes.index), (Units::of(200.0), Units::of(100.0)));
        assert_eq!((cost.reads.table, cost.reads.index), (Units::of(50.0), Units::of(0.0)));
    }
}
