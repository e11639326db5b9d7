//! Approver, signer and cleaner of a signer name of one's own, through the API of a real cluster: the adapter from the
//! control plane's ports to the API, and the loop that lets one of several replicas act.
//!
//! It calls `list`, `watch` and `delete` on `certificatesigningrequests`, `update` on their `approval` and `status`, `create` on
//! `subjectaccessreviews`, and `get`, `create` and `update` on Leases of one namespace. docs/controllers.md has the roles.

mod lease;
mod names;
#[cfg(test)]
mod tests;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use certrotate_controlplane::{
    Change, ControllerOptions, Controllers, Elector, Error, LeaseTimes, Port, PortError, Review,
};
use futures_util::stream::BoxStream;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::http::{Request, Response, StatusCode};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest as Csr;
use kube_core::params::{DeleteParams, Preconditions};

use crate::connection::{Body, BoxError, FixedClient};
use crate::file_client::FileClient;
use crate::kubernetes::{CallError, Objects, Transport};

pub use lease::ClusterLease;

/// The most bytes that are read of one answer. A watch that is longer is taken up where it was.
const MAX_ANSWER: usize = 64 << 20;

/// How controllers run on a cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The kubeconfig; it and the files that it names are read anew for each call.
    pub kubeconfig: PathBuf,
    /// What is done.
    pub controllers: ControllerOptions,
    /// The namespace of the Lease, and of those that hold node names.
    pub lease_namespace: String,
    /// The Lease's name.
    pub lease_name: String,
    /// The Lease's times.
    pub lease_times: LeaseTimes,
    /// This replica's name, which no other may have.
    pub identity: String,
}

/// Runs the controllers until `stop`; acts while this replica holds the Lease, and gives it back at the end.
///
/// # Errors
///
/// An option that cannot work, or a CA that cannot be read. A server that cannot be reached is waited for.
pub async fn run(options: ClusterOptions, stop: impl Future<Output = ()>) -> Result<(), Error> {
    let ClusterOptions { kubeconfig, controllers, lease_namespace, lease_name, lease_times, identity } =
        options;
    let (signer, clock) = (controllers.signer_name.clone(), controllers.clock.clone());
    let controllers = Controllers::new(controllers)?;
    lease_times.validate()?;
    let cluster = Cluster::new(kubeconfig, signer, lease_namespace, lease_times.call_deadline());
    let lease = ClusterLease::new(cluster.clone(), lease_name);
    let mut elector = Elector::new(lease, identity, lease_times, clock)?;
    let (say, leading) = tokio::sync::watch::channel(false);
    tokio::select! {
        () = controllers.run(cluster, leading) => {}
        () = elector.run(&say) => {}
        () = stop => {}
    }
    elector.release(&say).await;
    Ok(())
}

/// The certificates API of a cluster, as the controllers of one signer use it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: FileClient,
    signer: String,
    /// Where the Leases are.
    namespace: String,
    call_deadline: Duration,
}

impl Cluster {
    /// Sees the requests for `signer` only, and Leases of that namespace. No call but a watch takes longer than
    /// `call_deadline`.
    #[must_use]
    pub fn new(kubeconfig: PathBuf, signer: String, namespace: String, call_deadline: Duration) -> Self {
        Self(Arc::new(Inner { client: FileClient::new(kubeconfig), signer, namespace, call_deadline }))
    }

    fn connect(&self) -> Result<Connection, PortError> {
        let client = self.0.client.get().map_err(|error| {
            let file = self.0.client.path().display();
            PortError::Failed(format!("{file} is not usable now: {error}"))
        })?;
        Ok(Connection(client))
    }

    fn requests(&self) -> Result<Objects<Connection, Csr>, PortError> {
        self.connect().map(Objects::all)
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Result<T, PortError> {
        match tokio::time::timeout(self.0.call_deadline, call).await {
            Ok(answer) => answer.map_err(|error| failed(&error)),
            Err(_) => Err(PortError::Failed("the server does not answer".to_owned())),
        }
    }

    async fn replace(&self, csr: Csr, subresource: &str) -> Result<(), PortError> {
        let (api, name) = (self.requests()?, csr.metadata.name.clone().unwrap_or_default());
        self.within(api.replace_subresource(subresource, &name, &csr)).await?;
        Ok(())
    }
}

impl Port for Cluster {
    fn changes(&self) -> BoxStream<'static, Change> {
        watch::changes(self.clone())
    }

    async fn decide(&self, csr: Csr) -> Result<(), PortError> {
        self.replace(csr, "approval").await
    }

    async fn set_status(&self, csr: Csr) -> Result<(), PortError> {
        self.replace(csr, "status").await
    }

    async fn delete(&self, csr: &Csr) -> Result<(), PortError> {
        let seen = &csr.metadata;
        let preconditions =
            Preconditions { uid: seen.uid.clone(), resource_version: seen.resource_version.clone() };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let name = seen.name.as_deref().unwrap_or_default();
        self.within(self.requests()?.delete(name, &params)).await?;
        Ok(())
    }

    async fn hold(&self, common_name: &str, until: SystemTime) -> Result<(), PortError> {
        names::hold(self, common_name, until).await
    }

    async fn held_until(&self, common_name: &str) -> Result<Option<SystemTime>, PortError> {
        names::held_until(self, common_name).await
    }

    async fn allows(&self, review: Review) -> Result<bool, PortError> {
        let reviews = Objects::<_, SubjectAccessReview>::all(self.connect()?);
        let asked = SubjectAccessReview { spec: spec(review), ..SubjectAccessReview::default() };
        let answer = self.within(reviews.create(&asked)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

fn spec(review: Review) -> SubjectAccessReviewSpec {
    let Review { user, uid, groups, extra, subresource } = review;
    let attributes = ResourceAttributes {
        verb: Some("create".to_owned()),
        group: Some("certificates.k8s.io".to_owned()),
        version: Some("*".to_owned()),
        resource: Some("certificatesigningrequests".to_owned()),
        subresource: Some(subresource.to_owned()),
        ..ResourceAttributes::default()
    };
    SubjectAccessReviewSpec {
        user: Some(user),
        uid: Some(uid),
        groups: Some(groups),
        extra: Some(extra),
        resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    }
}

/// Returns the meaning of an error for a controller.
fn failed(error: &CallError) -> PortError {
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
pub(crate) struct Connection(FixedClient);

impl Transport for Connection {
    type Answer = Limited<Incoming>;

    async fn send(&self, request: Request<Body>) -> Result<Response<Limited<Incoming>>, BoxError> {
        Ok(self.0.request(request).await?.map(|body| Limited::new(body, MAX_ANSWER)))
    }
}

/// A name for this replica: the host's, and something that no other process has.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn new_identity(host: &str) -> Result<String, String> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 8];
    let filled = ring::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| "the system gives no random bytes".to_owned())?;
    let tail: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{host}_{tail}"))
}
