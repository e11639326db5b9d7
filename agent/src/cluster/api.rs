//! The connection to a cluster: clients by the kubeconfig, deadlines, and the meaning of errors.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certrotate_controlplane::PortError;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::http::{Request, Response, StatusCode};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest as Csr;

use crate::connection::{Body, BoxError, FixedClient, explain};
use crate::edges::Tcp;
use crate::fault_texts::{one_line, without_token};
use crate::file_client::FileClient;
use crate::kubernetes::{CallError, Objects, Transport};
use crate::limits::MAX_PAGE;
use crate::offload::Offload;

/// The certificates API of a cluster, as the controllers of one signer use it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cluster(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    client: FileClient,
    pub(super) signer: String,
    /// The namespace of the Leases.
    pub(super) namespace: String,
    call_deadline: Duration,
}

impl Cluster {
    /// Returns a client for the requests of `signer` and the Leases of that namespace. No call except a watch takes
    /// longer than `call_deadline`.
    #[must_use]
    pub fn new(kubeconfig: PathBuf, signer: String, namespace: String, call_deadline: Duration) -> Self {
        Self(Arc::new(Inner {
            client: FileClient::new(kubeconfig, Arc::new(Tcp), Offload::default()),
            signer,
            namespace,
            call_deadline,
        }))
    }

    pub(super) async fn connect(&self) -> Result<Connection, PortError> {
        let client = self.0.client.get().await.map_err(|error| {
            let file = self.0.client.path().display();
            PortError::Failed(format!("{file} is not usable now: {error}"))
        })?;
        Ok(Connection(client))
    }

    pub(super) async fn requests(&self) -> Result<Objects<Connection, Csr>, PortError> {
        self.connect().await.map(Objects::all)
    }

    pub(super) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, PortError> {
        match tokio::time::timeout(self.0.call_deadline, call).await {
            Ok(answer) => answer.map_err(|error| self.failed(&error)),
            Err(_) => Err(PortError::Failed("the server does not answer".to_owned())),
        }
    }

    /// Returns the meaning of an error for a controller, with a text that is fit for the log.
    pub(super) fn failed(&self, error: &CallError) -> PortError {
        match failed(error) {
            PortError::Failed(text) => {
                PortError::Failed(one_line(&without_token(&text, &self.0.client.last_token())))
            }
            PortError::Stale => PortError::Stale,
        }
    }

    pub(super) async fn replace(&self, csr: Csr, subresource: &str) -> Result<(), PortError> {
        let (api, name) = (self.requests().await?, csr.metadata.name.clone().unwrap_or_default());
        self.within(api.replace_subresource(subresource, &name, &csr)).await?;
        Ok(())
    }
}

/// Returns the meaning of an error for a controller.
fn failed(error: &CallError) -> PortError {
    match error {
        CallError::Failure {
            status: StatusCode::NOT_FOUND | StatusCode::CONFLICT, is_status: true, ..
        } => PortError::Stale,
        CallError::Failure { status, message, .. } | CallError::OddStatus(status, message) => {
            PortError::Failed(format!("{} {message}", status.as_u16()))
        }
        CallError::Malformed(text) => {
            PortError::Failed(format!("the answer is not what Kubernetes sends: {text}"))
        }
        CallError::Request(error) => PortError::Failed(error.to_string()),
        CallError::Transport(error) => PortError::Failed(explain(&**error)),
    }
}

/// The connection to the cluster.
#[derive(Clone, Debug)]
pub(super) struct Connection(FixedClient);

impl Transport for Connection {
    type Answer = Limited<Incoming>;

    async fn send(&self, request: Request<Body>) -> Result<Response<Limited<Incoming>>, BoxError> {
        Ok(self.0.request(request).await?.map(|body| Limited::new(body, MAX_PAGE)))
    }
}
