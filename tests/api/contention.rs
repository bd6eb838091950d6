//! Writes that conflict with a transaction on the same item. The in-process store never reports
//! such a conflict, so these tests use a server that responds as DynamoDB does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use axum::http::StatusCode;
use axum::routing::post;
use thali_domain::ids::{AccountId, SessionId};
use thali_platform::clock::Clock;
use thali_platform::config::TableNames;
use thali_platform::store::{Store, StoreError, dynamodb_client};

const CONFLICT: &str = r#"{
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
    "message": "Transaction is ongoing for the item"
}"#;

/// A store whose database refuses the first `conflicts` writes and accepts later ones, and the
/// counter of all writes.
async fn store_refusing(conflicts: usize) -> (Store, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let answer = move || async move {
        let refused = counted.fetch_add(1, Ordering::Relaxed) < conflicts;
        if refused { (StatusCode::BAD_REQUEST, CONFLICT) } else { (StatusCode::OK, "{}") }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let router = axum::Router::new().route("/", post(answer));
    tokio::spawn(axum::serve(listener, router).into_future());
    let credentials = Credentials::new("test", "test", None, None, "test");
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("ap-south-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(thali_platform::aws::retries())
        .build();
    (Store::new(dynamodb_client(&aws), TableNames::of_stack("test")), calls)
}

/// Deletes a session: one write, without a transaction.
async fn write(store: &Store) -> Result<(), StoreError> {
    let account = AccountId::from_ulid(Clock::System.ulid());
    store.session_end(account, SessionId::from_ulid(Clock::System.ulid())).await
}

#[tokio::test]
async fn a_write_that_conflicts_with_a_transaction_is_retried() {
    let (store, calls) = store_refusing(2).await;
    write(&store).await.expect("the third try passes");
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_write_that_keeps_conflicting_fails_as_contended_after_three_attempts() {
    let (store, calls) = store_refusing(usize::MAX).await;
    let refused = write(&store).await;
    assert!(matches!(refused, Err(StoreError::Contended)), "{refused:?}");
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}
