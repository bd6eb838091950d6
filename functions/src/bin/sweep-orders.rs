//! The function `sweep-orders`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    thali_platform::worker::serve_job(&thali_functions::jobs::sweep_orders::JOB).await
}
