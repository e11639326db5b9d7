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

use crate::apiserver::http::connections::{Connection, Connections};
use crate::apiserver::http::context::Context;
use crate::apiserver::http::service::serve;
use crate::base::budgets::{HANDSHAKE_TIME, HEAD_BYTES, IDLE_TIME, STREAM_BYTES, STREAMS};
use crate::base::quiet::Quiet;
use crate::base::sync::raised;

/// HTTP/2 peers that are silent this long get a PING.
const PING: Duration = Duration::from_secs(30);
/// How long connections have to finish their requests at a shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// The lines about connections that could not be accepted.
static REFUSED: Quiet = Quiet::new();

/// Serves until `context.stop` says so, then lets requests finish.
pub(crate) async fn run(listener: TcpListener, tls: Arc<ServerConfig>, context: Arc<Context>) {
    let acceptor = TlsAcceptor::from(tls);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = context.stop.clone();
    let open = Arc::new(Connections::new());
    loop {
        let accepted = tokio::select! {
            () = raised(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => match open.open().filter(|_| !context.faults.refuses()) {
                Some(place) => {
                    let (acceptor, watcher) = (acceptor.clone(), graceful.watcher());
                    connections.spawn(connection(stream, acceptor, watcher, (Arc::clone(&context), place)));
                }
                None => drop(stream),
            },
            Err(error) => {
                // Out of descriptors: accepting again at once would only spin.
                if let Some(left_out) = REFUSED.allow(std::time::Instant::now()) {
                    warn!(%error, left_out, "cannot accept a connection; raise the limit of open files");
                }
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
    (context, place): (Arc<Context>, Connection),
) {
    // Without it small answers wait for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    let place = Arc::new(place);
    let accepted = tokio::select! {
        accepted = timeout(HANDSHAKE_TIME, acceptor.accept(stream)) => accepted,
        why = place.ended() => return debug!(why, "connection is closed"),
    };
    let stream = match accepted {
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
    let service =
        service_fn(|request| serve((Arc::clone(&context), Arc::clone(&place)), Arc::clone(&chain), request));
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut faults = context.faults.subscribe();
    tokio::select! {
        served = watcher.watch(serving) => if let Err(error) = served {
            debug!(%error, "connection ended");
        },
        why = place.ended() => debug!(why, "connection is closed"),
        _ = faults.wait_for(|()| context.faults.refuses()) => {}
    }
}

fn limits(mut builder: auto::Builder<TokioExecutor>) -> auto::Builder<TokioExecutor> {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIME)
        .max_buf_size(HEAD_BYTES)
        .auto_date_header(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(STREAM_BYTES)
        .max_header_list_size(HEAD_BYTES as u32)
        .auto_date_header(false);
    builder
}
