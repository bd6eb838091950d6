//! The function `password-reset`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::accounts::password_reset::ENDPOINT).await
}
