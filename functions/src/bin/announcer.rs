//! The function `announcer`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::worker::serve(&thali_functions::workers::announcer::CONSUMER).await
}
