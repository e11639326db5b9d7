//! The certificates API as the agent uses it: `certificates.k8s.io/v1`, create, get, list and watch, and nothing else.

mod answer;
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use certrotate_core::facts::Chain;
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_core::time::WallTime;
use futures_util::FutureExt as _;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::http::{Request, Response};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;

use crate::client_ca::ClientCaFile;
use crate::connection::{Body, BoxError, FixedClient, LiveClient};
use crate::fault_texts::FaultTexts;
use crate::file_client::FileClient;
use crate::keystore::{KeyStore, SigningRequest, Staged};
use crate::kubernetes::{Objects, Transport};
use crate::limits::MAX_ANSWER;
use crate::ports::Issuer;
use crate::server_source::ServerSource;

/// The certificates API as a node uses it.
#[derive(Clone, Debug)]
pub struct KubeApi(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The client of the bootstrap kubeconfig.
    bootstrap: Option<FileClient>,
    live: LiveClient,
    keys: KeyStore,
    client_ca: Option<ClientCaFile>,
    /// The source of the server of `live`, if it can change.
    server: Option<ServerSource>,
    texts: FaultTexts,
}

/// The wait before a chain is judged untrusted for good: the client CA file may be half-way through a replacement.
const SETTLE: Duration = Duration::from_millis(200);

impl KubeApi {
    /// Returns the API for a node. Calls as the live identity use `live` with the present server of `server`, the others
    /// `bootstrap`. Issued chains are verified against the client CA.
    #[must_use]
    pub(crate) fn new(
        bootstrap: Option<FileClient>,
        (live, server): (LiveClient, Option<ServerSource>),
        keys: KeyStore,
        client_ca: Option<ClientCaFile>,
        texts: FaultTexts,
    ) -> Self {
        Self(Arc::new(Shared { bootstrap, live, keys, client_ca, server, texts }))
    }
}

impl KubeApi {
    /// Reads the bootstrap kubeconfig, if there is one, and describes it for the log.
    pub(crate) async fn check_bootstrap(&self) -> Option<Result<String, BoxError>> {
        let file = self.0.bootstrap.as_ref()?;
        Some(file.get().await.map(|_| file.to_string()))
    }

    /// Connects with the bootstrap credential before the first call. That call reports what fails.
    pub(crate) async fn connect_early(&self) {
        if let Ok(client) = self.0.bootstrap().await {
            client.open_early();
        }
    }
}

impl Issuer for KubeApi {
    fn call(
        &self,
        call: Call,
        credential: Credential,
    ) -> impl Future<Output = (Result<RequestRecord, IssuerFault>, Staged)> + Send + 'static {
        // The request is taken out of the key store now, while core still names the key.
        let signing_request = match call {
            Call::Create { key } => self.0.keys.signing_request(key).ok(),
            Call::Get { .. } | Call::Watch { .. } => None,
        };
        let shared = Arc::clone(&self.0);
        async move {
            match shared.call(call, signing_request, credential).await {
                Ok(object) => {
                    let (object, staged) = shared.read(object).await;
                    (Ok(object), staged)
                }
                Err(fault) => (Err(fault), Staged::default()),
            }
        }
        .boxed()
    }
}

impl Shared {
    async fn call(
        &self,
        call: Call,
        signing_request: Option<SigningRequest>,
        credential: Credential,
    ) -> Result<CertificateSigningRequest, IssuerFault> {
        let requests = Objects::all(self.sender(credential).await?);
        answer::call(&requests, call, signing_request.as_ref()).await.map_err(|failure| {
            let (fault, text) = failure.explain(system_time(self.live.wall()));
            if let Some(text) = text {
                self.texts.set_call(&text);
            }
            fault
        })
    }

    /// Reads an object. The client CA file is read for each verdict, and twice before a refusal.
    async fn read(&self, object: CertificateSigningRequest) -> (RequestRecord, Staged) {
        let Self { keys, client_ca, texts, .. } = self;
        let is_issued = object.status.as_ref().is_some_and(|status| status.certificate.is_some());
        let Some(file) = client_ca.as_ref().filter(|_| is_issued) else {
            return answer::read(object, keys, None, texts);
        };
        let client_ca = file.fresh_async().await;
        let (read, staged) = answer::read(object.clone(), keys, client_ca.as_deref(), texts);
        match &read.state {
            RequestState::Issued { facts, .. } if facts.chain == Chain::Untrusted => {
                tokio::time::sleep(SETTLE).await;
                let client_ca = file.fresh_async().await;
                answer::read(object, keys, client_ca.as_deref(), texts)
            }
            RequestState::Pending
            | RequestState::Approved
            | RequestState::Denied
            | RequestState::Failed
            | RequestState::Issued { .. }
            | RequestState::IssuedUnreadable => (read, staged),
        }
    }

    async fn sender(&self, credential: Credential) -> Result<Sender, IssuerFault> {
        match credential {
            Credential::Live(_) => {
                if let Some(server) = &self.server {
                    server.update(&self.live).await;
                }
                Ok(Sender::Live(self.live.clone()))
            }
            Credential::Bootstrap => {
                self.bootstrap().await.map(|client| Sender::Fixed(Box::new(client))).map_err(|error| {
                    self.texts.set_call(&error.to_string());
                    IssuerFault::NoCredential
                })
            }
        }
    }

    async fn bootstrap(&self) -> Result<FixedClient, BoxError> {
        let file =
            self.bootstrap.as_ref().ok_or("no bootstrap kubeconfig is given; give --bootstrap-kubeconfig")?;
        let client = file.get().await?;
        self.texts.conceal(client.token().unwrap_or_default());
        Ok(client)
    }
}

/// Returns the time in the form that dates of HTTP are compared with.
fn system_time(wall: WallTime) -> SystemTime {
    let ms = Duration::from_millis(wall.unix_ms().unsigned_abs());
    let time = if wall.unix_ms() < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(ms)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(ms)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[derive(Clone, Debug)]
enum Sender {
    Live(LiveClient),
    Fixed(Box<FixedClient>),
}

impl Transport for Sender {
    type Answer = Limited<Incoming>;

    async fn send(&self, request: Request<Body>) -> Result<Response<Limited<Incoming>>, BoxError> {
        let response = match self {
            Self::Live(client) => client.request(request).await?,
            Self::Fixed(client) => client.request(request).await?,
        };
        Ok(response.map(|body| Limited::new(body, MAX_ANSWER)))
    }
}
