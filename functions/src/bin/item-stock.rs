//! The function `item-stock`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::orders::item_stock::ENDPOINT).await
}
