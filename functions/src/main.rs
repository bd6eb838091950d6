//! The binary of every Lambda function: it runs the function that Lambda names.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), thali_platform::lambda::Error> {
    thali_platform::lambda::run(thali_functions::FUNCTIONS).await
}
