//! The function `closure-create`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::meals::closure_create::ENDPOINT).await
}
