//! The function `refunder`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::worker::serve(&thali_functions::workers::refunder::CONSUMER).await
}
