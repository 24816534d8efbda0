//! The HTTP side of a process. In: an address, the process's health and its metrics. Out: a server of its own thread
//! that answers `/metrics`, `/live`, `/ready` and `/status` to GET, until it is stopped or dropped.

mod health;
mod openmetrics;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus::{Gauge, Registry, TextEncoder};
use serde_json::{Value, json};
use tokio::sync::oneshot;

pub use health::{Health, Promise};

/// How long a stop waits for answers that are under way.
const DRAIN: Duration = Duration::from_secs(1);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HttpFault {
    /// Another process has the port.
    #[error(
        "the address {0} is taken by another process; end that one, or set another address: listen under [http], \
         or KINFOLD_HTTP__LISTEN"
    )]
    Taken(SocketAddr),
    /// The address is not one of this machine, or needs rights that the process lacks.
    #[error(
        "cannot listen on {address} ({error}); set another address: listen under [http], or KINFOLD_HTTP__LISTEN"
    )]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused a thread or its event queue.
    #[error("the HTTP server cannot be started ({0}); raise the process's limits on threads and open files")]
    Start(io::Error),
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Where it listens; with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Finishes the answers that are under way, for a second at most.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the HTTP server's thread had panicked");
        }
    }
}

/// Starts to answer. The address is bound before this returns. `ready` is one of the metrics, and tells of `/ready`
/// whenever they are asked for.
///
/// # Errors
/// [`HttpFault`], with the remedy.
pub fn serve(
    listen: SocketAddr,
    health: Arc<Health>,
    registry: Registry,
    ready: Gauge,
) -> Result<Server, HttpFault> {
    let listener = TcpListener::bind(listen).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => HttpFault::Taken(listen),
        _ => HttpFault::Listen { address: listen, error },
    })?;
    listener.set_nonblocking(true).map_err(HttpFault::Start)?;
    let address = listener.local_addr().map_err(HttpFault::Start)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(HttpFault::Start)?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(HttpFault::Start)?
    };
    let (stop, stopped) = oneshot::channel();
    let router = router(Shared { health, registry, ready });
    let thread = std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(answer(listener, router, stopped)))
        .map_err(HttpFault::Start)?;
    Ok(Server { address, stop: Some(stop), thread: Some(thread) })
}

/// Answers until the other end of `stopped` is dropped, and then for [`DRAIN`] at most: an idle client must not be
/// able to hold up the end of the process.
async fn answer(listener: tokio::net::TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let (drain, draining) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = draining.await;
    });
    let deadline = async {
        let _ = stopped.await;
        drop(drain);
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, "the HTTP server ended");
            }
        }
        () = deadline => {}
    }
}

#[derive(Clone)]
struct Shared {
    health: Arc<Health>,
    registry: Registry,
    ready: Gauge,
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(|State(shared): State<Shared>| async move { verdict(shared.health.live()) }))
        .route("/ready", get(|State(shared): State<Shared>| async move { verdict(shared.health.ready()) }))
        .route("/status", get(|State(shared): State<Shared>| async move { Json(shared.health.status()) }))
        .fallback(|| async {
            let paths = ["/metrics", "/live", "/ready", "/status"];
            (StatusCode::NOT_FOUND, Json(json!({"error": "there is no such page", "pages": paths})))
        })
        .with_state(shared)
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    shared.ready.set(if shared.health.ready().0 { 1.0 } else { 0.0 });
    let families = shared.registry.gather();
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if openmetrics::is_preferred(&accept.join(",")) {
        return ([(header::CONTENT_TYPE, openmetrics::CONTENT_TYPE)], openmetrics::encode(&families))
            .into_response();
    }
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn verdict((good, body): (bool, Value)) -> Response {
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;

    use prometheus::IntCounter;

    use super::*;

    /// On a machine that is busy; whoever waits for the silent client waits for ever.
    const PATIENCE: Duration = Duration::from_secs(20);
    const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    fn start() -> (Server, Arc<Health>) {
        let (health, registry) = (Arc::new(Health::new()), Registry::new());
        let records = IntCounter::new("kinfold_records_total", "Records").expect("valid");
        records.inc();
        registry.register(Box::new(records)).expect("new");
        let ready = Gauge::new("kinfold_ready", "Readiness").expect("valid");
        registry.register(Box::new(ready.clone())).expect("new");
        (serve(ANY_PORT, Arc::clone(&health), registry, ready).expect("a free port"), health)
    }

    fn ask(server: &Server, path: &str, accept: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).expect("connected");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        answer
    }

    #[test]
    fn metrics_come_in_the_format_that_was_asked_for() {
        let (server, _) = start();
        let text = ask(&server, "/metrics", "*/*");
        assert!(
            text.contains("text/plain; version=0.0.4") && text.contains("\nkinfold_records_total 1\n"),
            "{text}"
        );
        let text = ask(&server, "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
        assert!(text.contains("application/openmetrics-text; version=1.0.0"), "{text}");
        assert!(text.contains("# TYPE kinfold_records counter\n") && text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn health_is_told_by_status_code_and_reason() {
        let (server, health) = start();
        assert!(ask(&server, "/live", "*/*").starts_with("HTTP/1.1 200 "));
        health.set_not_ready("stitch-0", "restoring");
        let answer = ask(&server, "/ready", "*/*");
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains(r#"{"stitch-0":"restoring"}"#),
            "{answer}"
        );
        health.set_ready("stitch-0");
        health.set_facts("stitch-0", json!({"lag": 7}));
        assert!(ask(&server, "/ready", "*/*").starts_with("HTTP/1.1 200 "));
        assert!(ask(&server, "/status", "*/*").contains(r#""lag":7"#));
        assert!(ask(&server, "/elsewhere", "*/*").starts_with("HTTP/1.1 404 "));
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_the_remedy() {
        let (server, _) = start();
        let fault = serve(
            server.address(),
            Arc::new(Health::new()),
            Registry::new(),
            Gauge::new("r", "r").expect("valid"),
        )
        .expect_err("taken")
        .to_string();
        assert!(
            fault.contains(&server.address().to_string()) && fault.contains("KINFOLD_HTTP__LISTEN"),
            "{fault}"
        );
    }

    #[test]
    fn a_silent_client_does_not_hold_up_the_end() {
        let (server, _) = start();
        let address = server.address();
        let mut silent = TcpStream::connect(address).expect("connected");
        silent.write_all(b"GET /live HTTP/1.1\r\n").expect("sent");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            server.stop();
            let _ = tell.send(());
        });
        assert!(told.recv_timeout(PATIENCE).is_ok(), "it waits for a client that says nothing more");
        assert!(TcpStream::connect(address).is_err());
        drop(silent);
    }
}
