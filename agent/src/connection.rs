//! HTTPS connections that carry the node's identity, and move to the new one at each rotation.
//!
//! A connection has the identity that was live when it was opened. At a switch new requests go to new connections;
//! an old one ends when its requests have, and in any case before its certificate does. Nobody's request is cut
//! because of a rotation.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use certrotate_core::id::{Generation, LeafDigest};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::http::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::identity::{Identity, LiveIdentity};
use crate::kubeconfig::{Endpoint, Secret};
use crate::tls;

/// Any error of a body or a connection.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// How long a TCP connection and a TLS handshake may take together.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection may be idle in the pool.
const IDLE: Duration = Duration::from_secs(60);
/// The longest wait between two looks at the clock while a connection is open.
const LOOK: Duration = Duration::from_secs(1);

/// Why a request was not answered.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectionError {
    /// There is no live identity, and this client is never anonymous.
    NoIdentity,
    /// The server's address or CA cannot be used.
    Endpoint(String),
    /// The connection could not be made, or broke.
    Http(hyper_util::client::legacy::Error),
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentity => f.write_str("there is no live identity; wait for the first certificate"),
            Self::Endpoint(why) => write!(f, "the server cannot be used: {why}; check the kubeconfig"),
            Self::Http(error) => write!(f, "{}", chain(error)),
        }
    }
}

impl std::error::Error for ConnectionError {}

/// An error with its causes, which hyper keeps to itself otherwise.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// How many connections are open, by the generation that they carry (0: the bootstrap credential).
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<BTreeMap<Generation, usize>>>);

impl Connections {
    /// The numbers now; generations without a connection are left out.
    #[must_use]
    pub fn open(&self) -> BTreeMap<Generation, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, generation: Generation) -> Counted {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(generation).or_default() += 1;
        Counted { connections: self.clone(), generation }
    }
}

struct Counted {
    connections: Connections,
    generation: Generation,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.generation);
            }
        }
    }
}

type Pool = Client<Connector, Body>;

/// A client of one server that proves itself with whatever identity is live. Cheap to clone: a clone has the same pool.
#[derive(Clone)]
pub struct LiveClient {
    endpoint: Arc<Endpoint>,
    live: LiveIdentity,
    connections: Connections,
    pool: Arc<Mutex<Option<(LeafDigest, Pool)>>>,
}

impl fmt::Debug for LiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveClient").field("server", &self.endpoint.server).finish_non_exhaustive()
    }
}

impl LiveClient {
    /// A client of this server. Nothing is opened before the first request.
    #[must_use]
    pub fn new(endpoint: Endpoint, live: LiveIdentity) -> Self {
        Self { endpoint: Arc::new(endpoint), live, connections: Connections::default(), pool: Arc::default() }
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Sends a request as the live identity; the path is relative to the server's URL.
    ///
    /// # Errors
    ///
    /// There is no live identity, or the request got no answer.
    pub async fn request(&self, request: Request<Body>) -> Result<Response<Incoming>, ConnectionError> {
        let identity = self.live.current_now().ok_or(ConnectionError::NoIdentity)?;
        let pool = self.pool(&identity)?;
        send(&pool, &self.endpoint.server, request).await
    }

    /// The pool of this identity. The pool of an older one is let go: its idle connections end now, the others
    /// when their requests have.
    fn pool(&self, identity: &Arc<Identity>) -> Result<Pool, ConnectionError> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((leaf, pool)) = &*pool
            && *leaf == identity.leaf()
        {
            return Ok(pool.clone());
        }
        let signer = Arc::clone(identity.signer());
        let config = tls::client(&self.endpoint.roots, Some(Arc::new(tls::Always(signer))));
        let ending = Ending { live: self.live.clone(), identity: Arc::clone(identity) };
        let connector = Connector::new(&self.endpoint, config, Some(ending), &self.connections)?;
        let fresh = build(connector);
        *pool = Some((identity.leaf(), fresh.clone()));
        Ok(fresh)
    }
}

/// A client of one server with a credential that is not the live identity: the bootstrap kubeconfig's.
#[derive(Clone)]
pub struct FixedClient {
    server: String,
    token: Option<Arc<zeroize::Zeroizing<String>>>,
    pool: Pool,
}

impl fmt::Debug for FixedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedClient").field("server", &self.server).finish_non_exhaustive()
    }
}

impl FixedClient {
    /// A client of this server with this credential.
    ///
    /// # Errors
    ///
    /// The server's CA or the client certificate cannot be used.
    pub fn new(endpoint: &Endpoint, secret: Secret) -> Result<Self, ConnectionError> {
        let (token, identity) = match secret {
            Secret::Token(token) => (Some(Arc::new(token)), None),
            Secret::Certificate { chain, key } => {
                let signer =
                    tls::signer(&key, chain).map_err(|error| ConnectionError::Endpoint(error.to_string()))?;
                (None, Some(signer))
            }
        };
        let resolver = identity.map(|signer| Arc::new(tls::Always(signer)) as Arc<_>);
        let config = tls::client(&endpoint.roots, resolver);
        let connector = Connector::new(endpoint, config, None, &Connections::default())?;
        Ok(Self { server: endpoint.server.clone(), token, pool: build(connector) })
    }

    /// Sends a request with the credential; the path is relative to the server's URL.
    ///
    /// # Errors
    ///
    /// The request got no answer.
    pub async fn request(&self, mut request: Request<Body>) -> Result<Response<Incoming>, ConnectionError> {
        if let Some(token) = &self.token {
            let bearer = zeroize::Zeroizing::new(format!("Bearer {}", token.as_str()));
            let mut value = hyper::header::HeaderValue::from_str(&bearer).map_err(|_| {
                ConnectionError::Endpoint("the token has a character that no header can carry".into())
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(hyper::header::AUTHORIZATION, value);
        }
        send(&self.pool, &self.server, request).await
    }
}

fn build(connector: Connector) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(10))
        .build(connector)
}

async fn send(
    pool: &Pool,
    server: &str,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, ConnectionError> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = format!("{}{path}", server.trim_end_matches('/'));
    *request.uri_mut() = uri.parse().map_err(|_| ConnectionError::Endpoint(format!("{uri} is not a URL")))?;
    pool.request(request).await.map_err(ConnectionError::Http)
}

/// What a connection must not outlive.
#[derive(Clone)]
struct Ending {
    live: LiveIdentity,
    identity: Arc<Identity>,
}

impl Ending {
    /// Returns when the identity's certificate is over by the wall clock.
    async fn reached(self) {
        loop {
            let left = self.identity.not_after().since(self.live.wall()).ms();
            if left == 0 {
                return;
            }
            // The wall clock may be set at any time: it is looked at often rather than trusted once.
            tokio::time::sleep(Duration::from_millis(left).min(LOOK)).await;
        }
    }
}

/// Opens connections with one fixed identity.
#[derive(Clone)]
struct Connector {
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
    ending: Option<Ending>,
    connections: Connections,
}

impl Connector {
    fn new(
        endpoint: &Endpoint,
        config: Result<ClientConfig, rustls::Error>,
        ending: Option<Ending>,
        connections: &Connections,
    ) -> Result<Self, ConnectionError> {
        let unusable = |error: &dyn fmt::Display| ConnectionError::Endpoint(error.to_string());
        let mut config = config.map_err(|error| unusable(&error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let server_name = endpoint.tls_server_name.clone().map(ServerName::try_from).transpose();
        let server_name = server_name.map_err(|error| unusable(&error))?;
        let tls = TlsConnector::from(Arc::new(config));
        Ok(Self { tls, server_name, ending, connections: connections.clone() })
    }

    async fn open(self, uri: Uri) -> io::Result<Stream> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(443);
        let name = match self.server_name {
            Some(name) => name,
            None => ServerName::try_from(host.clone()).map_err(io::Error::other)?,
        };
        let connect = async {
            let tcp = TcpStream::connect((host.as_str(), port)).await?;
            tcp.set_nodelay(true)?;
            self.tls.connect(name, tcp).await
        };
        let tls = tokio::time::timeout(CONNECT, connect).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let generation = self.ending.as_ref().map_or(Generation(0), |ending| ending.identity.generation());
        let ended =
            self.ending.map(|ending| Box::pin(ending.reached()) as Pin<Box<dyn Future<Output = ()> + Send>>);
        Ok(Stream { io: TokioIo::new(Guarded { tls, ended, _counted: self.connections.count(generation) }) })
    }
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().open(uri))
    }
}

/// A TLS stream that ends with the certificate it was opened with.
struct Guarded {
    tls: TlsStream<TcpStream>,
    ended: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _counted: Counted,
}

impl Guarded {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.ended.as_mut().map(|ended| ended.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => {
                self.ended = Some(Box::pin(std::future::ready(())));
                Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the certificate of this connection has ended",
                ))
            }
            Some(Poll::Pending) | None => Ok(()),
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

/// A [`Guarded`] in hyper's clothes.
struct Stream {
    io: TokioIo<Guarded>,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let (_, session) = self.io.inner().tls.get_ref();
        let connected = Connected::new();
        if session.alpn_protocol() == Some(b"h2") { connected.negotiated_h2() } else { connected }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
