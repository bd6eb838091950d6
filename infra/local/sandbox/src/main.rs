//! `thali-sandbox`: the partner sandbox as a process of the local stack.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use thali_sandbox::{RazorpayConfig, Sandbox, SandboxConfig};
use tokio::signal::unix::{SignalKind, signal};

/// How long requests in hand may take once the process was told to stop.
const STOP_MAX: Duration = Duration::from_secs(3);

/// Razorpay on loopback: orders, payments, refunds, webhooks, and faults on demand.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, env = "THALI_SANDBOX_PORT", default_value_t = 8090)]
    port: u16,

    /// The API key's id, basic auth's user
    #[arg(long, env = "RAZORPAY_KEY_ID")]
    razorpay_key_id: String,

    /// The API key's secret, which also signs what Checkout hands back
    #[arg(long, env = "RAZORPAY_KEY_SECRET", hide_env_values = true)]
    razorpay_key_secret: String,

    /// The secret that signs webhooks
    #[arg(long, env = "RAZORPAY_WEBHOOK_SECRET", hide_env_values = true)]
    razorpay_webhook_secret: String,

    /// Where webhooks are delivered; without it they are recorded and not sent
    #[arg(long, env = "WEBHOOK_URL")]
    webhook_url: Option<String>,

    /// A JSON file that keeps orders, payments and refunds over restarts
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    tracing_subscriber::fmt().init();
    let arguments = Arguments::parse();

    let sandbox = Sandbox::start(SandboxConfig {
        port: arguments.port,
        state: arguments.state,
        razorpay: RazorpayConfig {
            key_id: arguments.razorpay_key_id,
            key_secret: arguments.razorpay_key_secret,
            webhook_secret: arguments.razorpay_webhook_secret,
            webhook_url: arguments.webhook_url,
            ..RazorpayConfig::default()
        },
    })
    .await?;
    tracing::info!(url = sandbox.url(), "the sandbox listens");

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    // A request that a fault holds back would otherwise hold the process back too.
    match tokio::time::timeout(STOP_MAX, sandbox.stop()).await {
        Ok(stopped) => stopped,
        Err(_) => Ok(()),
    }
}
