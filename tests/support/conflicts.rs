//! A proxy before the database that locks the items of a transaction for a moment, as `DynamoDB`
//! does, and refuses other transactions on the same items meanwhile. The in-process store never
//! has such conflicts.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use thali_platform::app::App;
use thali_platform::aws::retries;
use thali_platform::store::dynamodb_client;

use super::app::TestApp;

/// The proxy before the store.
#[derive(Clone)]
struct Gate {
    store: String,
    held_for: Duration,
    held: Arc<Mutex<HashSet<String>>>,
    http: reqwest::Client,
}

/// The items of a transaction, each as the text of its table and key.
fn written(request: &Value) -> Vec<String> {
    let operations = request["TransactItems"].as_array().cloned().unwrap_or_default();
    let key = |operation: &Value| {
        let (kind, operation) = operation.as_object()?.iter().next()?;
        let of = if kind == "Put" { &operation["Item"] } else { &operation["Key"] };
        Some(format!("{}{}{}", operation["TableName"], of["pk"], of["sk"]))
    };
    operations.iter().filter_map(key).collect()
}

impl Gate {
    /// `DynamoDB`'s refusal of a transaction, if one of its items is locked; otherwise locks them.
    fn refusal(&self, keys: &[String]) -> Option<String> {
        let mut held = self.held.lock().expect("no holder panics");
        if keys.iter().any(|key| held.contains(key)) {
            let reason = |key: &String| {
                let met = held.contains(key);
                json!({ "Code": if met { "TransactionConflict" } else { "None" } })
            };
            let reasons: Vec<Value> = keys.iter().map(reason).collect();
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
            let refusal = json!({
                "__type": kind, "message": "cancelled", "CancellationReasons": reasons
            });
            return Some(refusal.to_string());
        }
        held.extend(keys.iter().cloned());
        None
    }

    async fn pass(self, headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
        let request: Value = serde_json::from_slice(&body).expect("requests are JSON");
        let keys = written(&request);
        if let Some(refusal) = self.refusal(&keys) {
            return (StatusCode::BAD_REQUEST, refusal.into_bytes());
        }
        let mut forwarded = self.http.post(&self.store).body(body);
        for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
            if let Some(value) = headers.get(name) {
                forwarded = forwarded.header(name, value.as_bytes());
            }
        }
        let answer = forwarded.send().await.expect("the store answers");
        let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
        let body = answer.bytes().await.expect("a body").to_vec();
        if !keys.is_empty() {
            tokio::time::sleep(self.held_for).await;
            let mut held = self.held.lock().expect("no holder panics");
            for key in &keys {
                held.remove(key);
            }
        }
        (status, body)
    }
}

impl TestApp {
    /// The app of a process whose database locks the items of a transaction for `held_for`.
    pub async fn contended(&self, held_for: Duration) -> App {
        let gate = Gate {
            store: self.dynamo.url().to_owned(),
            held_for,
            held: Arc::default(),
            http: reqwest::Client::new(),
        };
        let answer = async |State(gate): State<Gate>, headers: HeaderMap, body: Bytes| {
            gate.pass(headers, body).await
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let router = axum::Router::new().route("/", post(answer)).with_state(gate);
        tokio::spawn(axum::serve(listener, router).into_future());
        let credentials =
            aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test");
        let aws = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .endpoint_url(url)
            .region(aws_config::Region::new("ap-south-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                credentials,
            ))
            .retry_config(retries())
            .build();
        self.process_with(|backends| backends.dynamodb = dynamodb_client(&aws))
    }
}
