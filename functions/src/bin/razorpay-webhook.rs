//! The function `razorpay-webhook`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::http::serve(&thali_functions::payments::razorpay_webhook::ENDPOINT).await
}
