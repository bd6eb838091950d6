//! A `DynamoDB` store in this process, with the template's tables and their streams.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{self, BehaviorVersion, Credentials, Intercept, Region};
use dynoxide::Database;
use serde_json::{Value, json};

use super::meter::Meter;
use super::template;

/// The stack's name, with which the tables' names begin.
pub const STACK: &str = "test";

/// The store, and the position up to which its changes were read.
pub struct Dynamo {
    url: String,
    http: reqwest::Client,
    /// The last sequence number read, by stream and shard.
    read: Mutex<HashMap<String, Value>>,
}

impl Dynamo {
    /// Starts a store with the template's tables.
    pub async fn start() -> Self {
        let database = Database::memory().expect("a store in memory");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let dynamo = Self { url, http: reqwest::Client::new(), read: Mutex::default() };
        for request in template::create_table_requests(STACK) {
            dynamo.raw("DynamoDB_20120810.CreateTable", &request).await;
        }
        dynamo
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client for what a test does directly, without the app.
    pub fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }

    /// A client whose requests are metered.
    pub fn metered_client(&self, meter: &Meter) -> Client {
        self.intercepted_client(meter.clone())
    }

    /// A client whose requests and responses pass through an interceptor.
    pub fn intercepted_client(&self, interceptor: impl Intercept + 'static) -> Client {
        Client::from_conf(self.config().interceptor(interceptor).build())
    }

    fn config(&self) -> config::Builder {
        config::Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new("ap-south-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
    }

    /// The changes since the last call, in the format in which Lambda passes them to the relay.
    pub async fn new_changes(&self) -> Vec<Value> {
        let streams = self.raw("DynamoDBStreams_20120810.ListStreams", &json!({})).await;
        let mut changes = Vec::new();
        for stream in streams["Streams"].as_array().expect("a list") {
            let stream = &stream["StreamArn"];
            let request = json!({ "StreamArn": stream });
            let described = self.raw("DynamoDBStreams_20120810.DescribeStream", &request).await;
            for shard in described["StreamDescription"]["Shards"].as_array().expect("a list") {
                changes.extend(self.new_records(stream, &shard["ShardId"]).await);
            }
        }
        changes
    }

    /// The records of a shard after the last one that was read.
    async fn new_records(&self, stream: &Value, shard: &Value) -> Vec<Value> {
        let place = format!("{stream}{shard}");
        let mut request = json!({ "StreamArn": stream, "ShardId": shard });
        match self.read.lock().expect("no holder panics").get(&place) {
            None => request["ShardIteratorType"] = json!("TRIM_HORIZON"),
            Some(last) => {
                request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
                request["SequenceNumber"] = last.clone();
            }
        }
        let got = self.raw("DynamoDBStreams_20120810.GetShardIterator", &request).await;
        let mut iterator = got["ShardIterator"].clone();
        let mut records = Vec::new();
        while !iterator.is_null() {
            let request = json!({ "ShardIterator": iterator });
            let page = self.raw("DynamoDBStreams_20120810.GetRecords", &request).await;
            let page_records = page["Records"].as_array().expect("a list");
            let Some(last) = page_records.last() else { break };
            let last = last["dynamodb"]["SequenceNumber"].clone();
            self.read.lock().expect("no holder panics").insert(place.clone(), last);
            records.extend(page_records.clone());
            iterator = page["NextShardIterator"].clone();
        }
        records
    }

    async fn raw(&self, target: &str, request: &Value) -> Value {
        let answer = self
            .http
            .post(&self.url)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20260101/ap-south-1/dynamodb/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature=0",
            )
            .header("x-amz-date", "20260101T000000Z")
            .body(request.to_string())
            .send()
            .await
            .expect("the store answers");
        let status = answer.status();
        let body = answer.text().await.expect("a body");
        assert!(status.is_success(), "{target}: {status} {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}
