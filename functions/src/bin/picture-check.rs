//! The function `picture-check`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_functions::workers::picture_check::serve().await
}
