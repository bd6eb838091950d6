//! The function `qr-rotate`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::owner::codes_rotate::ENDPOINT).await
}
