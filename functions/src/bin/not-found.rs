//! The function `not-found`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::ops::not_found::ENDPOINT).await
}
