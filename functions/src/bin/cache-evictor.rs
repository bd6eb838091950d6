//! The function `cache-evictor`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_functions::workers::cache_evictor::serve().await
}
