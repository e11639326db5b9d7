//! HTTPS connections that authenticate with the node's identity, and follow it at each rotation.
//!
//! A connection keeps the identity that was live when it was opened. After a switch, new requests use new connections.
//! An old connection ends with its last request, at the latest shortly before its certificate expires. A rotation
//! interrupts no request.

mod addresses;
mod connector;
mod early;
mod explain;
mod peer;
mod race;
mod stream;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use certrotate_core::time::WallTime;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Incoming};
use hyper::http::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::edges::{Dial, Tcp};
use crate::identity::{Identity, LiveIdentity};
use crate::kubeconfig::{Endpoint, Secret};
use crate::{limits, tls};

use addresses::Addresses;
use connector::{Connector, Ending, cut_at};
pub(crate) use explain::explain;
pub(crate) use peer::Peer;
use peer::Unanswered;
pub use stream::Connections;

/// Any error of a body or a connection.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The offered protocols (ALPN), the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

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
    /// The head of the answer did not arrive in time: this address took the request, or there was no connection yet.
    Silent(Option<SocketAddr>),
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentity => f.write_str("there is no live identity; wait for the first certificate"),
            Self::Endpoint(why) => write!(f, "the server cannot be used: {why}; check the kubeconfig"),
            Self::Http(error) => f.write_str(&explain(error)),
            Self::Silent(address) => {
                match address {
                    Some(address) => write!(f, "{address} took the request and did not answer")?,
                    None => f.write_str("there was no connection")?,
                }
                write!(f, " within {} s; check the server's log, and what is between", limits::HEAD.as_secs())
            }
        }
    }
}

impl std::error::Error for ConnectionError {}

type Pool = Client<Connector, Body>;

/// The pool of an identity's connections.
struct Current {
    identity: Arc<Identity>,
    endpoint: Arc<Endpoint>,
    pool: Pool,
}

type Slot = Mutex<Option<Current>>;

/// A client of one server that authenticates with the live identity. Cheap to clone: a clone has the same pool.
#[derive(Clone)]
pub struct LiveClient {
    /// The present server and its CAs. All clients that come from one share it.
    endpoint: Arc<Mutex<Arc<Endpoint>>>,
    http2: bool,
    network: Arc<dyn Dial>,
    live: LiveIdentity,
    connections: Connections,
    addresses: Addresses,
    current: Arc<Slot>,
}

impl fmt::Debug for LiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveClient").field("server", &self.endpoint().server).finish_non_exhaustive()
    }
}

impl LiveClient {
    /// Returns a client of this server. The first request opens the first connection.
    #[must_use]
    pub fn new(endpoint: Endpoint, live: LiveIdentity) -> Self {
        let endpoint = Arc::new(Mutex::new(Arc::new(endpoint)));
        let (connections, current) = (Connections::default(), Arc::default());
        let (network, addresses) = (Arc::new(Tcp), Addresses::default());
        Self { endpoint, http2: true, network, live, connections, addresses, current }
    }

    /// Returns a client with a pool of its own that connects over this network.
    #[must_use]
    pub fn with_network(self, network: Arc<dyn Dial>) -> Self {
        Self { network, current: Arc::default(), ..self }
    }

    /// Returns a client of the same server with a pool of its own.
    #[must_use]
    pub(crate) fn with_own_pool(&self) -> Self {
        Self { connections: Connections::default(), current: Arc::default(), ..self.clone() }
    }

    /// Uses this server and these CAs from now on, also in every clone. Requests in flight end on their connections.
    pub fn set_endpoint(&self, endpoint: Endpoint) {
        let mut current = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if **current != endpoint {
            *current = Arc::new(endpoint);
        }
    }

    fn endpoint(&self) -> Arc<Endpoint> {
        Arc::clone(&self.endpoint.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a client with a pool of its own that speaks HTTP/1.1 only (the kubelet's DISABLE_HTTP2).
    #[must_use]
    pub fn without_http2(self) -> Self {
        Self { http2: false, current: Arc::default(), ..self }
    }

    /// Reads the wall clock that decides whether the live identity is valid.
    pub(crate) fn wall(&self) -> WallTime {
        self.live.wall()
    }

    /// Returns the counter of open connections.
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
        let now = self.live.wall();
        let identity = self.live.current(now).filter(|identity| now < cut_at(identity));
        let endpoint = self.endpoint();
        let pool = self.pool(identity.ok_or(ConnectionError::NoIdentity)?, &endpoint)?;
        send(&pool, &endpoint.server, &self.addresses, request).await
    }

    /// Returns the pool of this identity and server. The pool of an older one is dropped: its idle connections end now,
    /// the others with their last request.
    fn pool(&self, identity: Arc<Identity>, endpoint: &Arc<Endpoint>) -> Result<Pool, ConnectionError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = &*current
            && Arc::ptr_eq(&current.identity, &identity)
            && Arc::ptr_eq(&current.endpoint, endpoint)
        {
            return Ok(current.pool.clone());
        }
        let signer = Arc::clone(identity.signer());
        let config = tls::client(&endpoint.roots, Some(Arc::new(tls::Always(signer))));
        let ending = Ending { live: self.live.clone(), identity: Arc::clone(&identity) };
        let protocols = if self.http2 { &PROTOCOLS[..] } else { &PROTOCOLS[1..] };
        let mut connector = Connector::new(endpoint, protocols, config, (&self.network, &self.addresses))
            .map_err(ConnectionError::Endpoint)?;
        (connector.ending, connector.connections) = (Some(ending), self.connections.clone());
        let pool = build(connector);
        *current = Some(Current {
            identity: Arc::clone(&identity),
            endpoint: Arc::clone(endpoint),
            pool: pool.clone(),
        });
        tokio::spawn(retire(Arc::downgrade(&self.current), self.live.clone(), identity));
        Ok(pool)
    }
}

/// Drops an identity's pool at the switch to the next identity, even if no request follows.
async fn retire(slot: Weak<Slot>, live: LiveIdentity, identity: Arc<Identity>) {
    let mut shown = live.subscribe();
    drop(live);
    let other = |shown: &Option<Arc<Identity>>| !is(shown.as_ref(), &identity);
    // An error means that the identity handle is gone: the pool ends, too.
    let _ = shown.wait_for(other).await;
    if let Some(slot) = slot.upgrade() {
        let mut current = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if is(current.as_ref().map(|current| &current.identity), &identity) {
            *current = None;
        }
    }
}

fn is(one: Option<&Arc<Identity>>, other: &Arc<Identity>) -> bool {
    one.is_some_and(|one| Arc::ptr_eq(one, other))
}

/// A client of one server with a fixed credential: that of a kubeconfig, not the live identity.
#[derive(Clone)]
pub struct FixedClient {
    server: String,
    token: Option<Arc<zeroize::Zeroizing<String>>>,
    addresses: Addresses,
    connector: Connector,
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
        Self::over(&(Arc::new(Tcp) as Arc<dyn Dial>), endpoint, secret)
    }

    /// As [`FixedClient::new`], over this network.
    pub(crate) fn over(
        network: &Arc<dyn Dial>,
        endpoint: &Endpoint,
        secret: Secret,
    ) -> Result<Self, ConnectionError> {
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
        let addresses = Addresses::default();
        let connector = Connector::new(endpoint, &PROTOCOLS, config, (network, &addresses))
            .map_err(ConnectionError::Endpoint)?;
        let pool = build(connector.clone());
        Ok(Self { server: endpoint.server.clone(), token, addresses, connector, pool })
    }

    /// Opens the connection of the first request now. A failure is that request's.
    pub(crate) fn open_early(&self) {
        // A server that is no URL is the first request's failure, too.
        if let Ok(uri) = self.server.parse() {
            self.connector.open_early(uri);
        }
    }

    /// Returns the token that no text for the log may have.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
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
        send(&self.pool, &self.server, &self.addresses, request).await
    }
}

fn build(connector: Connector) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_idle_timeout(limits::IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http1_max_buf_size(limits::MAX_HEAD as usize)
        .http1_max_headers(limits::MAX_HEADERS)
        .http2_max_header_list_size(limits::MAX_HEAD)
        .http2_keep_alive_interval(limits::PING)
        .http2_keep_alive_timeout(limits::PONG)
        .build(connector)
}

async fn send(
    pool: &Pool,
    server: &str,
    addresses: &Addresses,
    mut request: Request<Body>,
) -> Result<Response<Incoming>, ConnectionError> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = format!("{}{path}", server.trim_end_matches('/'));
    *request.uri_mut() = uri.parse().map_err(|_| ConnectionError::Endpoint(format!("{uri} is not a URL")))?;
    let deadline = request.extensions_mut().remove::<Deadline>();
    let unanswered = Unanswered::new(&mut request, addresses);
    let answer = match deadline {
        Some(Deadline(limit)) => tokio::time::timeout(limit, pool.request(request))
            .await
            .map_err(|_| ConnectionError::Silent(unanswered.address()))?,
        None => pool.request(request).await,
    };
    let mut answer = answer.map_err(ConnectionError::Http)?;
    answer.extensions_mut().insert(unanswered.answered());
    Ok(answer)
}

/// An extension of a request: the time limit for the head of its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Duration);
