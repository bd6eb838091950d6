//! The function `notification-read`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::owner::notification_read::ENDPOINT).await
}
