//! The function `profile-picture`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::accounts::profile_picture::ENDPOINT).await
}
