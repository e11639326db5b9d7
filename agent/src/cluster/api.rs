//! The connection to a cluster: clients by the kubeconfig, deadlines, and the meaning of errors.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certrotate_controlplane::PortError;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::http::{Request, Response, StatusCode};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest as Csr;

use crate::connection::{Body, BoxError, FixedClient};
use crate::file_client::FileClient;
use crate::kubernetes::{CallError, Objects, Transport};

/// The largest answer that is read, in bytes. A longer watch is resumed at its last version.
const MAX_ANSWER: usize = 64 << 20;

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
        Self(Arc::new(Inner { client: FileClient::new(kubeconfig), signer, namespace, call_deadline }))
    }

    pub(super) fn connect(&self) -> Result<Connection, PortError> {
        let client = self.0.client.get().map_err(|error| {
            let file = self.0.client.path().display();
            PortError::Failed(format!("{file} is not usable now: {error}"))
        })?;
        Ok(Connection(client))
    }

    pub(super) fn requests(&self) -> Result<Objects<Connection, Csr>, PortError> {
        self.connect().map(Objects::all)
    }

    pub(super) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, PortError> {
        match tokio::time::timeout(self.0.call_deadline, call).await {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(_) => Err(PortError::Failed("the server does not answer".to_owned())),
        }
    }

    pub(super) async fn replace(&self, csr: Csr, subresource: &str) -> Result<(), PortError> {
        let (api, name) = (self.requests()?, csr.metadata.name.clone().unwrap_or_default());
        self.within(api.replace_subresource(subresource, &name, &csr)).await?;
        Ok(())
    }
}

/// Returns the meaning of an error for a controller.
pub(super) fn failed(error: &CallError) -> PortError {
    match error {
        CallError::Failure { status: StatusCode::NOT_FOUND | StatusCode::CONFLICT, .. } => PortError::Stale,
        CallError::Failure { status, message, .. } => {
            PortError::Failed(format!("{} {message}", status.as_u16()))
        }
        CallError::OddStatus(status) => {
            PortError::Failed(format!("{} is not what Kubernetes sends", status.as_u16()))
        }
        CallError::Malformed => PortError::Failed("the answer is not what Kubernetes sends".to_owned()),
        CallError::Request(error) => PortError::Failed(error.to_string()),
        CallError::Transport(error) => {
            let mut cause: &dyn std::error::Error = &**error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            PortError::Failed(cause.to_string())
        }
    }
}

/// The connection to the cluster.
#[derive(Clone, Debug)]
pub(super) struct Connection(FixedClient);

impl Transport for Connection {
    type Answer = Limited<Incoming>;

    async fn send(&self, request: Request<Body>) -> Result<Response<Limited<Incoming>>, BoxError> {
        Ok(self.0.request(request).await?.map(|body| Limited::new(body, MAX_ANSWER)))
    }
}
