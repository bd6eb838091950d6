//! Starting and stopping the sandbox, and the one router of all partners.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::{Hangup, Wires};
use crate::razorpay::{self, Delivery, Razorpay, RazorpayConfig};
use crate::store::Store;

/// The largest request body that is read, far above any that a partner takes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What a sandbox is started with. The default suits a test: a free port, known keys,
/// nothing on disk.
#[derive(Clone, Default)]
pub struct SandboxConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where the state is kept over restarts; without it, in memory alone.
    pub state: Option<PathBuf>,
    /// The keys and the webhook of the one Razorpay account.
    pub razorpay: RazorpayConfig,
}

/// A running sandbox. Dropping it closes its port, lets requests that are in hand
/// finish, and ends every webhook delivery that is still to be retried.
pub struct Sandbox {
    url: String,
    razorpay: Razorpay,
    /// Never sent on: its end is what the server and the deliveries wait for.
    running: watch::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// Binds the port and serves on the current tokio runtime.
    ///
    /// # Errors
    /// The port is taken, or the state file cannot be read.
    pub async fn start(config: SandboxConfig) -> io::Result<Self> {
        let store = Arc::new(Store::open(config.state)?);
        // Loopback alone: the control calls make money appear and know no password.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
        let url = format!("http://{}", listener.local_addr()?);

        let (running, stopped) = watch::channel(());
        let razorpay = Razorpay::new(config.razorpay, store, stopped.clone())?;
        let service = router(razorpay.clone()).into_make_service_with_connect_info::<Hangup>();
        let server =
            axum::serve(Wires(listener), service).with_graceful_shutdown(until_dropped(stopped));
        Ok(Self { url, razorpay, running, server: tokio::spawn(server.into_future()) })
    }

    /// The sandbox's address, such as `http://127.0.0.1:8090`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What stands for `https://api.razorpay.com`; the API's paths begin with `/v1`.
    #[must_use]
    pub fn razorpay_url(&self) -> String {
        format!("{}/razorpay", self.url)
    }

    /// Sets where Razorpay's webhooks go from now on: a test knows its own address only
    /// after the sandbox, whose address it needs, has started.
    pub fn webhook_url_set(&self, url: &str) {
        self.razorpay.webhooks().url_set(url);
    }

    /// The last attempts to deliver a webhook, oldest first, finished ones only.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.razorpay.webhooks().deliveries()
    }

    /// Stops, and waits until the port is closed and the requests in hand are answered.
    ///
    /// # Errors
    /// The server had ended by itself, with this error.
    pub async fn stop(self) -> io::Result<()> {
        drop(self.running);
        self.server.await.map_err(io::Error::other)?
    }
}

/// Ends when the [`Sandbox`] that holds the other side is gone.
pub(crate) async fn until_dropped(mut stopped: watch::Receiver<()>) {
    while stopped.changed().await.is_ok() {}
}

fn router(razorpay: Razorpay) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .nest("/razorpay", razorpay::router(razorpay))
        .fallback(route_not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn route_not_found(uri: Uri) -> Response {
    let error = format!("nothing at {}; the only partner here is razorpay", uri.path());
    (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response()
}
