//! The certificates API of a real server: create, get, list and watch of CertificateSigningRequests
//! (`certificates.k8s.io/v1`), and nothing else, so that the default roles of nodes and bootstrappers suffice.

mod fault;
mod object;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject};
use certrotate_core::id::{KeyHandle, RequestDigest};
use certrotate_x509::{ClientCa, request_name};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response};
use http_body_util::Limited;
use hyper::body::Incoming;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{Api, ListParams, PostParams, WatchEvent, WatchParams};
use kube::client::Body;
use zeroize::Zeroizing;

use crate::connection::{BoxError, ClientError, FixedClient, LiveClient};
use crate::details::Details;
use crate::driver::CsrApi;
use crate::identity::LiveIdentity;
use crate::keystore::KeyStore;
use crate::kubeconfig::{Endpoint, Kubeconfig, KubeconfigError, Secret};
use crate::tls;
use fault::{Seen, classify};

/// The most bytes of one response; an object of Kubernetes has 3 MiB at most.
pub const MAX_RESPONSE: usize = 4 << 20;
/// How long a create or a look may take whatever core allows. Core's own deadline is shorter.
const CALL: Duration = Duration::from_secs(40);
/// How long the server is asked to keep a watch open, and when it is given up on in any case.
const WATCH_SECONDS: u32 = 290;
const WATCH: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 20);

/// Where the API is and who is asked about it.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The bootstrap kubeconfig: read anew for each bootstrap call.
    pub bootstrap: Option<PathBuf>,
    /// The node's own kubeconfig: where the live identity's calls go, once it is there.
    pub kubeconfig: Option<PathBuf>,
    /// What issued certificates have to lead to.
    pub client_ca: Option<ClientCa>,
}

/// The certificates API through kube, over connections of our own.
#[derive(Clone)]
pub struct KubeApi(Arc<Inner>);

struct Inner {
    settings: ApiSettings,
    keys: KeyStore,
    live: LiveIdentity,
    details: Details,
    clients: Mutex<Clients>,
}

/// The clients of the last calls: used again while what they were made from has not changed.
#[derive(Default)]
struct Clients {
    live: Option<(Endpoint, LiveClient)>,
    bootstrap: Option<(Endpoint, Secret, FixedClient)>,
}

/// What a call goes through.
#[derive(Clone)]
enum Way {
    Live(LiveClient),
    Fixed(FixedClient, Option<HeaderValue>),
}

impl KubeApi {
    /// An API client. Nothing is read or sent before the first call.
    #[must_use]
    pub fn new(settings: ApiSettings, keys: KeyStore, live: LiveIdentity, details: Details) -> Self {
        Self(Arc::new(Inner { settings, keys, live, details, clients: Mutex::default() }))
    }
}

impl fmt::Debug for KubeApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeApi").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl CsrApi for KubeApi {
    fn call(&self, call: Call, credential: Credential) -> BoxFuture<'static, Result<CsrObject, ApiFault>> {
        let inner = Arc::clone(&self.0);
        async move {
            let patience = if matches!(call, Call::Watch { .. }) { WATCH } else { CALL };
            match tokio::time::timeout(patience, inner.call(call, credential)).await {
                Ok(result) => result,
                Err(_) => {
                    inner.lost(credential);
                    inner.details.set_call("no answer in time");
                    Err(ApiFault::Unreachable)
                }
            }
        }
        .boxed()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, call: Call, credential: Credential) -> Result<CsrObject, ApiFault> {
        // Forgets the connections if the call is given up on before it ends: one of them may be dead.
        let mut unfinished = Unfinished { inner: self, credential, armed: !matches!(call, Call::Watch { .. }) };
        let result = self.called(call, credential).await;
        unfinished.armed = matches!(result, Err(ApiFault::Unreachable));
        drop(unfinished);
        result
    }

    async fn called(&self, call: Call, credential: Credential) -> Result<CsrObject, ApiFault> {
        let way = match credential {
            Credential::Bootstrap => self.bootstrap(),
            Credential::Live(_) => self.live(),
        }
        .map_err(|text| {
            self.details.set_call(&text);
            ApiFault::NoCredential
        })?;
        let seen = Seen::default();
        let api: Api<CertificateSigningRequest> = Api::all(client(way, seen.clone()));
        let result = match call {
            Call::Create { key } => self.create(&api, key).await,
            Call::Get { request } => api.get(&request_name(&request)).await.map_err(Failure::Kube),
            Call::Watch { request } => watch(&api, request).await,
        };
        match result {
            Ok(object) => Ok(object::read(&object, self.settings.client_ca.as_ref(), &self.keys, &self.details)),
            Err(Failure::Fault(fault)) => Err(fault),
            Err(Failure::Kube(error)) => {
                let (fault, text) = classify(&error, &seen, matches!(call, Call::Create { .. }), self.live.wall());
                self.details.set_call(&text);
                Err(fault)
            }
        }
    }

    async fn create(
        &self,
        api: &Api<CertificateSigningRequest>,
        key: KeyHandle,
    ) -> Result<CertificateSigningRequest, Failure> {
        let Some(asked) = self.keys.asked(key) else {
            self.details.set_call("the request is not in memory");
            return Err(Failure::Fault(ApiFault::Unexpected));
        };
        api.create(&PostParams::default(), &object::write(asked)).await.map_err(Failure::Kube)
    }

    /// The bootstrap credential, read from its files now.
    fn bootstrap(&self) -> Result<Way, String> {
        let path = self.settings.bootstrap.as_deref().ok_or("no bootstrap kubeconfig was given")?;
        let (endpoint, secret) = read_bootstrap(path).map_err(|error| error.to_string())?;
        let mut clients = self.lock();
        let client = match &clients.bootstrap {
            Some((known, same, client)) if *known == endpoint && *same == secret => client.clone(),
            _ => {
                let identity = match &secret {
                    Secret::Token(_) => None,
                    Secret::Certificate { chain, key } => {
                        let pair = tls::signer(key, chain.clone()).map_err(|error| error.to_string())?;
                        Some(Arc::new(tls::Always(pair)) as Arc<_>)
                    }
                };
                FixedClient::new(&endpoint, identity).map_err(|error| error.to_string())?
            }
        };
        let header = match &secret {
            Secret::Token(token) => {
                let text = Zeroizing::new(format!("Bearer {}", token.as_str()));
                let mut value = HeaderValue::from_str(&text).map_err(|_| "the bootstrap token cannot be sent")?;
                value.set_sensitive(true);
                Some(value)
            }
            Secret::Certificate { .. } => None,
        };
        clients.bootstrap = Some((endpoint, secret, client.clone()));
        Ok(Way::Fixed(client, header))
    }

    /// The live identity, to where the node's own kubeconfig says, else the bootstrap one, else to where it was last.
    fn live(&self) -> Result<Way, String> {
        let files = [&self.settings.kubeconfig, &self.settings.bootstrap];
        let mut found = None;
        let mut trouble = "no kubeconfig was given".to_owned();
        for path in files.into_iter().flatten() {
            match Kubeconfig::read(path).and_then(|file| file.endpoint()) {
                Ok(endpoint) => {
                    found = Some(endpoint);
                    break;
                }
                Err(error) => trouble = error.to_string(),
            }
        }
        let mut clients = self.lock();
        let client = match (&clients.live, found) {
            (Some((known, client)), Some(endpoint)) if *known == endpoint => client.clone(),
            (Some((_, client)), None) => client.clone(),
            (_, Some(endpoint)) => {
                let client =
                    LiveClient::new(&endpoint, self.live.clone()).map_err(|error| error.to_string())?;
                clients.live = Some((endpoint, client.clone()));
                client
            }
            (None, None) => return Err(trouble),
        };
        Ok(Way::Live(client))
    }

    /// The next call opens a connection of its own.
    fn lost(&self, credential: Credential) {
        let mut clients = self.lock();
        match credential {
            Credential::Bootstrap => clients.bootstrap = None,
            Credential::Live(_) => {
                if let Some((_, client)) = &clients.live {
                    client.reset();
                }
            }
        }
    }
}

struct Unfinished<'a> {
    inner: &'a Inner,
    credential: Credential,
    armed: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.inner.lost(self.credential);
        }
    }
}

enum Failure {
    Kube(kube::Error),
    Fault(ApiFault),
}

fn read_bootstrap(path: &std::path::Path) -> Result<(Endpoint, Secret), KubeconfigError> {
    let file = Kubeconfig::read(path)?;
    Ok((file.endpoint()?, file.secret()?))
}

/// A kube client over our own connections, for one call.
fn client(way: Way, seen: Seen) -> kube::Client {
    let service = tower::service_fn(move |mut request: Request<Body>| {
        let (way, seen) = (way.clone(), seen.clone());
        async move {
            let response = match way {
                Way::Live(client) => client.request(request).await,
                Way::Fixed(client, header) => {
                    if let Some(header) = header {
                        request.headers_mut().insert(AUTHORIZATION, header);
                    }
                    client.request(request).await
                }
            };
            let response: Response<Incoming> = response.map_err(|error: ClientError| BoxError::from(error))?;
            seen.note(&response);
            Ok::<_, BoxError>(response.map(|body| Limited::new(body, MAX_RESPONSE)))
        }
    });
    kube::Client::new(service, "default")
}

/// Lists, then watches from there, until the object has something to tell.
async fn watch(
    api: &Api<CertificateSigningRequest>,
    request: RequestDigest,
) -> Result<CertificateSigningRequest, Failure> {
    let selector = format!("metadata.name={}", request_name(&request));
    let list = api.list(&ListParams::default().fields(&selector)).await.map_err(Failure::Kube)?;
    let version = list.metadata.resource_version.unwrap_or_default();
    match list.items.into_iter().next() {
        None => return Err(Failure::Fault(ApiFault::NotFound)),
        Some(object) if object::tells(&object) => return Ok(object),
        Some(_) => {}
    }
    let params = WatchParams::default().fields(&selector).timeout(WATCH_SECONDS);
    let mut events = api.watch(&params, &version).await.map_err(Failure::Kube)?.boxed();
    while let Some(Ok(event)) = events.next().await {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) if object::tells(&object) => return Ok(object),
            WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Bookmark(_) => {}
            WatchEvent::Deleted(_) => return Err(Failure::Fault(ApiFault::NotFound)),
            WatchEvent::Error(_) => break,
        }
    }
    Err(Failure::Fault(ApiFault::WatchEnded))
}
