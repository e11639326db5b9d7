//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them.

use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::apiserver::http::context::Context;
use crate::apiserver::http::service::serve;
use crate::base::sync::raised;

/// Bound of a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Bound of reading one request's head; HTTP/1.1 connections that idle longer are closed.
const HEAD: Duration = Duration::from_secs(60);
const LARGEST_HEAD: usize = 64 * 1024;
/// HTTP/2 peers that are silent this long get a PING.
const PING: Duration = Duration::from_secs(30);
/// As kube-apiserver's default.
const MOST_STREAMS: u32 = 250;
/// More connections than this are closed at once.
const MOST_CONNECTIONS: usize = 10_000;
/// How long connections have to finish their requests at a shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `context.stop` says so, then lets requests finish.
pub(crate) async fn run(listener: TcpListener, tls: Arc<ServerConfig>, context: Arc<Context>) {
    let acceptor = TlsAcceptor::from(tls);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = context.stop.clone();
    loop {
        let accepted = tokio::select! {
            () = raised(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) if !context.faults.refuses() && connections.len() < MOST_CONNECTIONS => {
                let (acceptor, watcher) = (acceptor.clone(), graceful.watcher());
                connections.spawn(connection(stream, acceptor, watcher, Arc::clone(&context)));
            }
            Ok((stream, _)) => drop(stream),
            Err(error) => {
                // Out of descriptors: accepting again at once would only spin.
                warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        debug!("some connections did not finish in time");
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    watcher: hyper_util::server::graceful::Watcher,
    context: Arc<Context>,
) {
    // Without it small answers wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return debug!(%error, "TLS handshake failed"),
        Err(_) => return debug!("TLS handshake took too long"),
    };
    let session = stream.get_ref().1;
    let chain: Arc<[CertificateDer<'static>]> =
        session.peer_certificates().into_iter().flatten().map(|c| c.clone().into_owned()).collect();
    // Chosen by ALPN: looking at the first bytes instead would wait for them without a bound.
    let builder = match session.alpn_protocol() {
        Some(b"h2") => auto::Builder::new(TokioExecutor::new()).http2_only(),
        _ => auto::Builder::new(TokioExecutor::new()).http1_only(),
    };
    let builder = limits(builder);
    let service = service_fn(|request| serve(Arc::clone(&context), Arc::clone(&chain), request));
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut faults = context.faults.subscribe();
    tokio::select! {
        served = watcher.watch(serving) => if let Err(error) = served {
            debug!(%error, "connection ended");
        },
        _ = faults.wait_for(|()| context.faults.refuses()) => {}
    }
}

fn limits(mut builder: auto::Builder<TokioExecutor>) -> auto::Builder<TokioExecutor> {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD)
        .auto_date_header(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD as u32)
        .auto_date_header(false);
    builder
}
