//! The admin address: small HTTP answers for people, probes and Prometheus.
//!
//! | path       | answers                                                              |
//! | ---------- | -------------------------------------------------------------------- |
//! | `/healthz` | 200 as long as the process serves HTTP                               |
//! | `/readyz`  | 200 when client requests are answered, else 503 and why              |
//! | `/metrics` | counts in the OpenMetrics text format                                |
//! | `/status`  | the node's state as JSON                                             |
//!
//! 1. It is up before the data is loaded, so that probes can tell loading from dead.
//! 2. Connections, requests and their time are bounded: one request a connection.
//! 3. On an address that other machines can reach, `/metrics` and `/status` take the password
//!    (HTTP basic authentication, any user).

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::exposition;
use super::hub::Hub;
use super::status_page::StatusPage;
use crate::secret::Secret;
use crate::status::Status;

mod basic_auth;

/// Connections at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 64;

/// From accepting a connection to its end.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// Request line and headers.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Pause after a failure to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What it tells about.
pub(crate) struct Observed {
    pub(crate) hub: Arc<Hub>,
    pub(crate) status: Box<dyn Fn() -> Status + Send + Sync>,
    pub(crate) register_metrics: Box<dyn Fn(&mut Registry) + Send + Sync>,
}

/// Answers admin requests until it is dropped.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    view: Arc<View>,
    task: JoinHandle<()>,
}

/// What requests see.
pub(crate) struct View {
    /// Set once the node serves.
    observed: OnceLock<Observed>,
    /// Needed for all but the probes.
    password: Option<Secret>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("is_serving", &self.observed.get().is_some())
            .finish_non_exhaustive()
    }
}

impl Admin {
    /// Answers requests on `listener` from now on.
    pub(crate) fn start(listener: TcpListener, password: Option<Secret>) -> io::Result<Admin> {
        let address = listener.local_addr()?;
        let view = Arc::new(View {
            observed: OnceLock::new(),
            password: password.filter(|_| !address.ip().is_loopback()),
        });
        let task = tokio::spawn(accept(listener, router(view.clone())));
        Ok(Admin {
            address,
            view,
            task,
        })
    }

    /// From now on it tells about this node.
    pub(crate) fn observe(&self, observed: Observed) {
        assert!(
            self.view.observed.set(observed).is_ok(),
            "a server starts once"
        );
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(view: Arc<View>) -> Router {
    let guard = axum::middleware::from_fn_with_state(view.clone(), basic_auth::check);
    Router::new()
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route_layer(guard)
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(view)
}

async fn accept(listener: TcpListener, router: Router) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let slot = slots.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = serve(stream, router.clone());
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept admin connections; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_TIME_MAX)
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "admin request failed");
    }
}

async fn ready(State(view): State<Arc<View>>) -> Response {
    match why_not_ready(&view) {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

fn why_not_ready(view: &View) -> Option<String> {
    let Some(observed) = view.observed.get() else {
        return Some("loading".into());
    };
    if observed.hub.clients.is_closed() {
        return Some("stopping".into());
    }
    let status = (observed.status)();
    (!status.ready).then(|| format!("not ready: {}", status.health))
}

async fn metrics(State(view): State<Arc<View>>) -> Response {
    let Some(observed) = view.observed.get() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "loading\n").into_response();
    };
    let mut registry = Registry::default();
    (observed.register_metrics)(&mut registry);
    let text = exposition::text(registry, &observed.hub, (observed.status)());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn status(State(view): State<Arc<View>>) -> Response {
    let page = match view.observed.get() {
        Some(observed) => StatusPage::new(&observed.hub, (observed.status)()),
        None => StatusPage::loading(Status {
            health: "loading".into(),
            ..Status::default()
        }),
    };
    ([(header::CONTENT_TYPE, "application/json")], page.json()).into_response()
}
