//! The function `scans-csv`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::owner::scans_csv::ENDPOINT).await
}
