//! Approver, signer and cleaner of a custom signer name, through the API of a real cluster: the adapter from the
//! control plane's ports to the API, and the loop that lets one of several replicas act.
//!
//! It calls `list`, `watch` and `delete` on `certificatesigningrequests`, `update` on their `approval` and `status`, `create` on
//! `subjectaccessreviews`, and `get`, `create` and `update` on Leases of one namespace. docs/controllers.md has the roles.

mod api;
mod lease;
mod names;
#[cfg(test)]
mod tests;
mod watch;

use std::path::PathBuf;
use std::time::SystemTime;

use certrotate_controlplane::{
    Change, ControllerOptions, Controllers, Elector, Error, LeaseTimes, Port, PortError, Review,
};
use futures_util::stream::BoxStream;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest as Csr;
use kube_core::params::{DeleteParams, Preconditions};

use crate::kubernetes::Objects;

pub use api::Cluster;
pub use lease::ClusterLease;

/// The settings of controllers on a cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The kubeconfig; it and the files that it names are read for each call.
    pub kubeconfig: PathBuf,
    /// The options of the controllers.
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

/// Runs the controllers until `stop`. They act while this replica holds the Lease; the end releases it.
///
/// # Errors
///
/// An invalid option, or a CA that cannot be read. An unreachable server is no error: the controllers wait for it.
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
        self.within(self.requests().await?.delete(name, &params)).await?;
        Ok(())
    }

    async fn hold(&self, common_name: &str, until: SystemTime) -> Result<(), PortError> {
        names::hold(self, common_name, until).await
    }

    async fn held_until(&self, common_name: &str) -> Result<Option<SystemTime>, PortError> {
        names::held_until(self, common_name).await
    }

    async fn allows(&self, review: Review) -> Result<bool, PortError> {
        let reviews = Objects::<_, SubjectAccessReview>::all(self.connect().await?);
        let asked = SubjectAccessReview { spec: spec(review), ..SubjectAccessReview::default() };
        let answer = self.within(reviews.create(&asked)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

fn spec(review: Review) -> SubjectAccessReviewSpec {
    let Review { user, uid, groups, extra, recognizer } = review;
    let attributes = ResourceAttributes {
        verb: Some("create".to_owned()),
        group: Some("certificates.k8s.io".to_owned()),
        version: Some("*".to_owned()),
        resource: Some("certificatesigningrequests".to_owned()),
        subresource: Some(recognizer.subresource().to_owned()),
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

/// Returns a name for this replica: the host's name and random digits.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn new_identity(host: &str) -> Result<String, String> {
    use aws_lc_rs::rand::SecureRandom as _;
    let mut bytes = [0; 8];
    let filled = aws_lc_rs::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| "the system gives no random bytes".to_owned())?;
    let tail: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{host}_{tail}"))
}
