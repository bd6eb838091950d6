//! Faults around the app, and direct access of tests to the database.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use thali_domain::accounts::identity::AccountStatus;
use thali_domain::ids::AccountId;
use thali_platform::app::App;
use thali_platform::config::QueueUrls;
use thali_platform::queue::Queues;
use thali_platform::store::Consistency;
use thali_platform::store::keys::{self, Key};

use super::app::TestApp;
use super::dynamo::{Dynamo, STACK};

/// An address at which nobody listens.
pub fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}

/// Queues at an address at which nobody listens, so every call fails.
pub fn unreachable_queues() -> Queues {
    let nowhere = closed_port();
    let client = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&nowhere)
        .region(Region::new("ap-south-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"));
    let url = |name: &str| format!("{nowhere}/000000000000/{name}");
    let urls = QueueUrls {
        mail: url("mail"),
        audit: url("audit"),
        refunds: url("refunds"),
        orders: url("orders"),
        notices: url("notices"),
        announcements: url("announcements"),
    };
    Queues::Sqs { client: aws_sdk_sqs::Client::from_conf(client.build()), urls }
}

/// An interceptor that lets no update reach the database.
#[derive(Debug)]
struct NoUpdates;

impl Intercept for NoUpdates {
    fn name(&self) -> &'static str {
        "no updates"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = context.request().headers().get("x-amz-target").unwrap_or_default();
        if operation.ends_with(".UpdateItem") { Err("no updates".into()) } else { Ok(()) }
    }
}

impl TestApp {
    /// Makes the Razorpay sandbox fail until [`TestApp::partner_recovers`], or for the number of
    /// requests in the fault.
    pub async fn partner_fails(&self, fault: Value) {
        let request = reqwest::Client::new().put(self.faults_url()).json(&fault);
        let answer = request.send().await.expect("the sandbox answers");
        assert_eq!(answer.status(), 200, "{fault}");
    }

    /// Ends the failures of the Razorpay sandbox.
    pub async fn partner_recovers(&self) {
        let request = reqwest::Client::new().delete(self.faults_url());
        let answer = request.send().await.expect("the sandbox answers");
        assert_eq!(answer.status(), 204);
    }

    fn faults_url(&self) -> String {
        format!("{}/sandbox/faults", self.sandbox.razorpay_url())
    }

    /// Sets the status of an account and nothing else, like an owner's decision whose process died
    /// before the follow-up work.
    pub async fn set_status(&self, account_id: &str, status: AccountStatus) {
        let id = AccountId::parse(account_id).expect("an id");
        let account = self.app.store.account_get(id, Consistency::Strong).await.expect("read");
        let account = account.expect("it is there");
        let key = keys::account(id);
        let directory = keys::directory_partition(&account.mess_id, account.role, status);
        for (name, value) in [("status", status.as_str()), ("directory", &directory)] {
            let value = AttributeValue::S(value.to_owned());
            self.dynamo.set("accounts", &key, name, value).await;
        }
    }

    /// The app of a process whose updates of items fail.
    pub fn without_updates(&self) -> App {
        let config = self.dynamo.client().config().to_builder().interceptor(NoUpdates).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        self.process_with(|backends| backends.dynamodb = client)
    }

    /// The app of a process that cannot reach `DynamoDB`.
    pub fn without_database(&self) -> App {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(closed_port())
            .region(Region::new("ap-south-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"));
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        self.process_with(|backends| backends.dynamodb = client)
    }
}

impl Dynamo {
    /// Sets one attribute of an existing item; `table` is the name within the stack.
    pub async fn set(&self, table: &str, key: &Key, attribute: &str, value: AttributeValue) {
        let request = self
            .client()
            .update_item()
            .table_name(format!("{STACK}-{table}"))
            .set_key(Some(key.attributes()))
            .update_expression("SET #attribute = :value")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", value);
        request.send().await.expect("the item is there");
    }

    /// Deletes an existing item and returns it.
    pub async fn take(&self, table: &str, key: &Key) -> HashMap<String, AttributeValue> {
        let request = self.client().delete_item().table_name(format!("{STACK}-{table}"));
        let request = request.set_key(Some(key.attributes())).return_values("ALL_OLD".into());
        let answer = request.send().await.expect("the store answers");
        answer.attributes.expect("the item is there")
    }

    pub async fn put(&self, table: &str, item: HashMap<String, AttributeValue>) {
        let request = self.client().put_item().table_name(format!("{STACK}-{table}"));
        request.set_item(Some(item)).send().await.expect("the store takes it");
    }

    /// Reads an item as plain JSON.
    pub async fn item(&self, table: &str, key: &Key) -> Value {
        let request = self.client().get_item().table_name(format!("{STACK}-{table}"));
        let answer = request.set_key(Some(key.attributes())).send().await;
        let item = answer.expect("the store answers").item.expect("it is there");
        serde_dynamo::from_item(item).expect("plain data")
    }

    /// Every item of a table.
    pub async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        self.items_of(table, None).await
    }

    /// Every item of an index.
    pub async fn index_items(
        &self,
        table: &str,
        index: &str,
    ) -> Vec<HashMap<String, AttributeValue>> {
        self.items_of(table, Some(index.to_owned())).await
    }

    async fn items_of(
        &self,
        table: &str,
        index: Option<String>,
    ) -> Vec<HashMap<String, AttributeValue>> {
        let request = self.client().scan().table_name(format!("{STACK}-{table}"));
        let request = request.set_index_name(index);
        let mut pages = request.into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.expect("the store answers"));
        }
        items
    }
}
