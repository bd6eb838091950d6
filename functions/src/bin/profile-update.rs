//! The function `profile-update`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::accounts::profile_update::ENDPOINT).await
}
