//! The function `staff-token-list`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::staff::token_list::ENDPOINT).await
}
