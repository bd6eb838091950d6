//! The function `notifier`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::worker::serve(&thali_functions::workers::notifier::CONSUMER).await
}
