//! The admin endpoint: `/healthz` and `/metrics` over plain HTTP, for this machine only.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::Metrics;

/// The media type of Prometheus's text form.
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

/// Why there is no admin endpoint.
#[derive(Debug, Error)]
pub enum AdminError {
    /// Others could reach it.
    #[error("{0} can be reached from other machines: give the admin endpoint a loopback address")]
    NotLocal(SocketAddr),
    /// Somebody else listens there.
    #[error("{0} is in use by another program: end it, or give another --admin address")]
    InUse(SocketAddr),
    /// The operating system refused.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What it said.
        reason: String,
    },
}

/// A bound admin endpoint.
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    state: AdminState,
}

#[derive(Clone)]
struct AdminState {
    metrics: Metrics,
    is_healthy: Arc<AtomicBool>,
}

/// Says whether the daemon is well; clones speak of the same daemon.
#[derive(Clone, Debug)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// Is so from now on. A daemon that drains is not well: nobody should send it more work.
    pub fn set(&self, is_healthy: bool) {
        self.0.store(is_healthy, Ordering::Relaxed);
    }
}

impl Admin {
    /// Binds a loopback address; port 0 takes a free one.
    ///
    /// # Errors
    /// Where the address is unfit, in use, or refused.
    pub async fn bind(address: SocketAddr, metrics: Metrics) -> Result<Admin, AdminError> {
        if !address.ip().is_loopback() {
            return Err(AdminError::NotLocal(address));
        }
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => AdminError::InUse(address),
            _ => AdminError::Listen {
                address,
                reason: error.to_string(),
            },
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let state = AdminState {
            metrics,
            is_healthy: Arc::new(AtomicBool::new(true)),
        };
        Ok(Admin {
            listener,
            address,
            state,
        })
    }

    /// Where it listens, with the port that was free.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `/healthz` says.
    pub fn health(&self) -> Health {
        Health(self.state.is_healthy.clone())
    }

    /// Serves until `stop` is done.
    ///
    /// # Errors
    /// Where the listening socket fails as a whole.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics))
            .with_state(self.state);
        axum::serve(self.listener, router)
            .with_graceful_shutdown(stop)
            .await
    }
}

async fn healthz(State(state): State<AdminState>) -> (StatusCode, &'static str) {
    if state.is_healthy.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
    }
}

async fn metrics(State(state): State<AdminState>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], state.metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    const ANY_PORT: &str = "127.0.0.1:0";

    async fn answer(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn health_and_metrics_are_served_until_the_stop() {
        let metrics = Metrics::new();
        metrics
            .counter("imprint_pulls_total", "Pulls answered.")
            .add(3);
        let admin = Admin::bind(ANY_PORT.parse().unwrap(), metrics)
            .await
            .unwrap();
        let (address, health) = (admin.address(), admin.health());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(admin.serve(async {
            let _ = stopped.await;
        }));
        assert!(
            answer(address, "/healthz")
                .await
                .starts_with("HTTP/1.1 200")
        );
        assert!(
            answer(address, "/metrics")
                .await
                .ends_with("imprint_pulls_total 3\n")
        );
        assert!(answer(address, "/other").await.starts_with("HTTP/1.1 404"));
        health.set(false);
        assert!(
            answer(address, "/healthz")
                .await
                .starts_with("HTTP/1.1 503")
        );
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn unfit_addresses_are_refused_by_name() {
        let everybody = Admin::bind("0.0.0.0:7401".parse().unwrap(), Metrics::new()).await;
        let error = everybody.err().unwrap().to_string();
        assert!(error.starts_with("0.0.0.0:7401 can be reached"), "{error}");
        let first = Admin::bind(ANY_PORT.parse().unwrap(), Metrics::new())
            .await
            .unwrap();
        let second = Admin::bind(first.address(), Metrics::new()).await;
        let error = second.err().unwrap().to_string();
        assert!(
            error.starts_with(&format!("{} is in use", first.address())),
            "{error}"
        );
    }
}
