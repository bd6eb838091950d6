//! The function `cycle-upload`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::meals::cycle_upload::ENDPOINT).await
}
