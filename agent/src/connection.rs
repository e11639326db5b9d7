//! Connections to a server that know whose identity they carry.
//!
//! A connection takes the identity that is live when it is opened, and keeps it. At a switch new requests go to new
//! connections; an old one ends when its requests have, and in any case before its certificate does (F66–F70, F75).
//! So there is one HTTP client per identity, which is replaced at a switch: the old one loses its idle connections
//! at once, and what is still busy is cut shortly before the certificate's end.

mod counted;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use certrotate_core::id::Generation;
use certrotate_core::time::{Span, WallTime};
use futures_util::future::BoxFuture;
use http::header::{HeaderValue, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Bytes, Incoming};
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use rustls::client::ResolvesClientCert;
use tokio::sync::watch;

use crate::clock::{Clock as _, SystemClock};
use crate::identity::{Identity, LiveIdentity};
use crate::kubeconfig::Endpoint;
use crate::tls;
use counted::{Counted, Counter};

/// Any error, as tower and kube pass it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What every request says it is from: `certrotate/VERSION`.
pub const AGENT: &str = concat!("certrotate/", env!("CARGO_PKG_VERSION"));

const CONNECT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept: less than servers and load balancers do.
const IDLE: Duration = Duration::from_secs(60);
/// How often a silent HTTP/2 connection is asked whether it still lives (F74), and how long it may take to answer.
const PING: Duration = Duration::from_secs(15);

type OutBody = UnsyncBoxBody<Bytes, BoxError>;
type Http = legacy::Client<Counted, OutBody>;

/// Why a request got no response.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no live identity. Nothing was sent: this client is never anonymous (W41).
    NoIdentity,
    /// The server's URL cannot be used; it is named.
    Server(String),
    /// TLS cannot be set up: a CA certificate is unusable.
    Tls(rustls::Error),
    /// No connection, or it broke.
    Http(legacy::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIdentity => f.write_str("no certificate is live; wait until one is"),
            Self::Server(server) => write!(f, "server {server:?} is not an https URL; correct it in the kubeconfig"),
            Self::Tls(error) => write!(f, "the server's CA is of no use ({error}); correct it in the kubeconfig"),
            Self::Http(error) => {
                // hyper's own text is a bare category; what is behind it names the trouble.
                let mut cause: &dyn std::error::Error = error;
                while let Some(next) = cause.source() {
                    cause = next;
                }
                write!(f, "{cause}")
            }
        }
    }
}

impl std::error::Error for ClientError {}

/// A server and how to reach it; makes HTTP clients for it.
#[derive(Clone, Debug)]
struct Dial {
    endpoint: Endpoint,
    authority: Authority,
    /// The path of the server's URL, without a slash at its end.
    prefix: String,
}

impl Dial {
    fn new(endpoint: Endpoint) -> Result<Self, ClientError> {
        let bad = || ClientError::Server(endpoint.server.clone());
        let uri: Uri = endpoint.server.parse().map_err(|_| bad())?;
        if uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(bad());
        }
        let authority = uri.authority().cloned().ok_or_else(bad)?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { endpoint, authority, prefix })
    }

    fn http(
        &self,
        identity: Option<Arc<dyn ResolvesClientCert>>,
        cut: watch::Receiver<bool>,
        counter: Counter,
    ) -> Result<Http, ClientError> {
        let config = tls::client(&self.endpoint.roots, identity).map_err(ClientError::Tls)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_keepalive(Some(PING));
        let mut https = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        if let Some(name) = &self.endpoint.tls_server_name {
            let name = rustls_pki_types::ServerName::try_from(name.clone())
                .map_err(|_| ClientError::Server(name.clone()))?;
            https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let https = https.enable_all_versions().wrap_connector(tcp);
        Ok(legacy::Client::builder(Tasks(cut))
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(Counted::new(https, counter)))
    }

    /// The request as it goes out: to this server, from this program.
    fn address<B>(&self, request: Request<B>) -> Result<Request<OutBody>, ClientError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        parts.uri = Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
            .map_err(|_| ClientError::Server(self.endpoint.server.clone()))?;
        parts.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        Ok(Request::from_parts(parts, body.map_err(Into::into).boxed_unsync()))
    }
}

/// Runs the tasks of a client's connections until they are cut.
#[derive(Clone)]
struct Tasks(watch::Receiver<bool>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut cut = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = cut.wait_for(|cut| *cut) => {}
                () = task => {}
            }
        });
    }
}

/// A client with a fixed credential: the bootstrap's.
#[derive(Clone)]
pub struct FixedClient {
    dial: Dial,
    http: Http,
    /// Connections live as long as the clients and their requests do.
    _kept: Arc<watch::Sender<bool>>,
}

impl FixedClient {
    /// A client of `endpoint` that presents `identity`, or nothing.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be used.
    pub fn new(
        endpoint: &Endpoint,
        identity: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Result<Self, ClientError> {
        let dial = Dial::new(endpoint.clone())?;
        let (kept, cut) = watch::channel(false);
        let http = dial.http(identity, cut, Counter::default())?;
        Ok(Self { dial, http, _kept: Arc::new(kept) })
    }

    /// Sends a request; only the path and query of its URI count.
    ///
    /// # Errors
    ///
    /// There was no response.
    pub async fn request<B>(&self, request: Request<B>) -> Result<Response<Incoming>, ClientError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.http.request(self.dial.address(request)?).await.map_err(ClientError::Http)
    }
}

impl fmt::Debug for FixedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedClient").field("server", &self.dial.endpoint.server).finish_non_exhaustive()
    }
}

/// How many connections carry an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Whose they are.
    pub generation: Generation,
    /// The serial number of their certificate, lower-case hexadecimal.
    pub serial: String,
    /// How many are open.
    pub open: usize,
}

/// A client that always proves itself with the live identity. Cheap to clone: a clone is the same client.
#[derive(Clone)]
pub struct LiveClient(Arc<Shared>);

struct Shared {
    dial: Dial,
    live: LiveIdentity,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    counters: BTreeMap<(Generation, String), Counter>,
}

struct Current {
    identity: Arc<Identity>,
    http: Http,
}

impl LiveClient {
    /// A client of `endpoint` for whatever `live` shows.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be used.
    pub fn new(endpoint: &Endpoint, live: LiveIdentity) -> Result<Self, ClientError> {
        let dial = Dial::new(endpoint.clone())?;
        tls::client(&endpoint.roots, None).map_err(ClientError::Tls)?;
        Ok(Self(Arc::new(Shared { dial, live, state: Mutex::default() })))
    }

    /// Sends a request over a connection of the identity that is live now; only the path and query of its URI count.
    ///
    /// # Errors
    ///
    /// There was no response, or there is no live identity; then nothing was sent.
    pub async fn request<B>(&self, request: Request<B>) -> Result<Response<Incoming>, ClientError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let http = self.0.client()?;
        http.request(self.0.dial.address(request)?).await.map_err(ClientError::Http)
    }

    /// Leaves the connections that are open to their requests and takes new ones from now on: one of them may be dead
    /// without anybody noticing (F74).
    pub fn reset(&self) {
        self.0.lock().current = None;
    }

    /// The connections that are open, by identity.
    #[must_use]
    pub fn connections(&self) -> Vec<Connections> {
        let mut state = self.0.lock();
        state.counters.retain(|_, counter| counter.is_used());
        let open = |((generation, serial), counter): (&(Generation, String), &Counter)| Connections {
            generation: *generation,
            serial: serial.clone(),
            open: counter.open(),
        };
        state.counters.iter().map(open).filter(|connections| connections.open > 0).collect()
    }

    /// The server's URL.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.0.dial.endpoint.server
    }
}

impl fmt::Debug for LiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveClient")
            .field("server", &self.server())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

impl<B> tower::Service<Request<B>> for LiveClient
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = ClientError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { client.request(request).await })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave it half changed: each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The HTTP client of the identity that is live now.
    fn client(self: &Arc<Self>) -> Result<Http, ClientError> {
        let now = self.live.wall();
        let identity = self.live.current(now).filter(|identity| now < cut_at(identity));
        let identity = identity.ok_or(ClientError::NoIdentity)?;
        let mut state = self.lock();
        if let Some(current) = &state.current
            && Arc::ptr_eq(&current.identity, &identity)
        {
            return Ok(current.http.clone());
        }
        let key = (identity.generation(), identity.summary().serial.clone());
        let counter = state.counters.entry(key).or_default().clone();
        let (cut, on_cut) = watch::channel(false);
        let resolver = Arc::new(tls::Always(Arc::clone(identity.signer())));
        let http = self.dial.http(Some(resolver), on_cut, counter)?;
        tokio::spawn(end(Arc::downgrade(self), self.live.clone(), Arc::clone(&identity), cut));
        state.current = Some(Current { identity, http: http.clone() });
        Ok(http)
    }

    /// Lets go of this identity's client: its idle connections end now, the others with their requests.
    fn retire(&self, identity: &Arc<Identity>) {
        let mut state = self.lock();
        if state.current.as_ref().is_some_and(|current| Arc::ptr_eq(&current.identity, identity)) {
            state.current = None;
        }
    }
}

/// When connections of an identity are cut: a little before its end, so that no request arrives after it.
fn cut_at(identity: &Identity) -> WallTime {
    let life = identity.not_after().since(identity.not_before());
    let margin = life.scaled(1, 100).min(Span::from_secs(1));
    WallTime::from_unix_ms(identity.not_after().unix_ms().saturating_sub(margin.ms().cast_signed()))
}

/// Ends the connections of one identity: gently at a switch, at once when it is withdrawn or about to end.
async fn end(client: Weak<Shared>, live: LiveIdentity, identity: Arc<Identity>, cut: watch::Sender<bool>) {
    let mut shown = live.subscribe();
    let mut live_still = true;
    while live.wall() < cut_at(&identity) {
        let replaced = |shown: &Option<Arc<Identity>>| {
            !shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, &identity))
        };
        tokio::select! {
            () = cut.closed() => return,
            () = SystemClock.until(Some(cut_at(&identity)), None) => {}
            // The handle in hand keeps the channel open.
            Ok(_) = shown.wait_for(replaced), if live_still => {
                live_still = false;
                if let Some(client) = client.upgrade() {
                    client.retire(&identity);
                }
            }
            Ok(_) = withdrawn(live.subscribe()) => break,
        }
    }
    if let Some(client) = client.upgrade() {
        client.retire(&identity);
    }
    cut.send_replace(true);
}

async fn withdrawn(mut shown: watch::Receiver<Option<Arc<Identity>>>) -> Result<(), watch::error::RecvError> {
    shown.wait_for(Option::is_none).await.map(|_| ())
}

