//! The function `cycle-verify`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::meals::cycle_verify::ENDPOINT).await
}
