//! The certificates API as the agent uses it: `certificates.k8s.io/v1`, create, get, list and watch, and nothing else.

mod answer;
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject};
use certrotate_x509::ClientCa;
use futures_util::FutureExt as _;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::http::{Request, Response};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;

use crate::connection::{Body, BoxError, FixedClient, LiveClient};
use crate::fault_texts::FaultTexts;
use crate::file_client::FileClient;
use crate::keystore::{KeyStore, SigningRequest, Staged};
use crate::kubernetes::{Objects, Transport};
use crate::limits::MAX_ANSWER;
use crate::ports::CsrApi;

/// The certificates API as a node uses it.
#[derive(Clone, Debug)]
pub struct KubeApi(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The client of the bootstrap kubeconfig.
    bootstrap: Option<FileClient>,
    live: LiveClient,
    keys: KeyStore,
    client_ca: Option<ClientCa>,
    texts: FaultTexts,
}

impl KubeApi {
    /// Returns the API for a node. Calls as the live identity use `live`, the others the kubeconfig at `bootstrap`. Issued
    /// chains are verified against the client CA.
    #[must_use]
    pub fn new(
        bootstrap: Option<std::path::PathBuf>,
        live: LiveClient,
        keys: KeyStore,
        client_ca: Option<ClientCa>,
        texts: FaultTexts,
    ) -> Self {
        let bootstrap = bootstrap.map(FileClient::new);
        Self(Arc::new(Shared { bootstrap, live, keys, client_ca, texts }))
    }
}

impl CsrApi for KubeApi {
    fn call(
        &self,
        call: Call,
        credential: Credential,
    ) -> impl Future<Output = (Result<CsrObject, ApiFault>, Staged)> + Send + 'static {
        // The request is taken out of the key store now, while core still names the key.
        let signing_request = match call {
            Call::Create { key } => self.0.keys.signing_request(key),
            Call::Get { .. } | Call::Watch { .. } => None,
        };
        let shared = Arc::clone(&self.0);
        async move {
            match shared.call(call, signing_request, credential).await {
                Ok(object) => {
                    let Shared { keys, client_ca, texts, .. } = &*shared;
                    let (object, staged) = answer::read(object, keys, client_ca.as_ref(), texts);
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
    ) -> Result<CertificateSigningRequest, ApiFault> {
        let requests = Objects::all(self.sender(credential)?);
        answer::call(&requests, call, signing_request.as_ref()).await.map_err(|failure| {
            let (fault, text) = failure.explain(SystemTime::now());
            if let Some(text) = text {
                self.texts.set_call(&text);
            }
            fault
        })
    }

    fn sender(&self, credential: Credential) -> Result<Sender, ApiFault> {
        match credential {
            Credential::Live(_) => Ok(Sender::Live(self.live.clone())),
            Credential::Bootstrap => {
                self.bootstrap().map(|client| Sender::Fixed(Box::new(client))).map_err(|error| {
                    self.texts.set_call(&error.to_string());
                    ApiFault::NoCredential
                })
            }
        }
    }

    fn bootstrap(&self) -> Result<FixedClient, BoxError> {
        let file =
            self.bootstrap.as_ref().ok_or("no bootstrap kubeconfig is given; give --bootstrap-kubeconfig")?;
        let client = file.get()?;
        self.texts.conceal(client.token().unwrap_or_default());
        Ok(client)
    }
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
