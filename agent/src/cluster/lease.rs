//! The Lease of a cluster.

use std::time::{Duration, SystemTime};

use certrotate_controlplane::{LeasePort, LeaseRecord, PortError};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use super::{Cluster, micro_time};

/// One Lease, by name.
#[derive(Clone, Debug)]
pub struct ClusterLease {
    cluster: Cluster,
    namespace: String,
    name: String,
}

impl ClusterLease {
    /// It need not exist.
    #[must_use]
    pub fn new(cluster: Cluster, namespace: String, name: String) -> Self {
        Self { cluster, namespace, name }
    }

    fn api(&self) -> Result<Api<Lease>, PortError> {
        Ok(Api::namespaced(self.cluster.client()?, &self.namespace))
    }

    fn object(&self, record: LeaseRecord) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.namespace.clone()),
            resource_version: record.version,
            ..ObjectMeta::default()
        };
        let spec = LeaseSpec {
            holder_identity: Some(record.holder),
            lease_duration_seconds: i32::try_from(record.duration.as_secs()).ok(),
            acquire_time: record.acquired.and_then(micro_time),
            renew_time: record.renewed.and_then(micro_time),
            lease_transitions: Some(record.transitions),
            ..LeaseSpec::default()
        };
        Lease { metadata, spec: Some(spec) }
    }
}

fn record(lease: Lease) -> LeaseRecord {
    let spec = lease.spec.unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
    LeaseRecord {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        acquired: spec.acquire_time.map(|at| SystemTime::from(at.0)),
        renewed: spec.renew_time.map(|at| SystemTime::from(at.0)),
        transitions: spec.lease_transitions.unwrap_or(0),
        version: lease.metadata.resource_version,
    }
}

impl LeasePort for ClusterLease {
    async fn get(&self) -> Result<Option<LeaseRecord>, PortError> {
        let found = self.cluster.within(self.api()?.get_opt(&self.name)).await?;
        Ok(found.map(record))
    }

    async fn put(&self, new: LeaseRecord) -> Result<LeaseRecord, PortError> {
        let (api, exists) = (self.api()?, new.version.is_some());
        let object = self.object(new);
        let params = PostParams::default();
        let stored = if exists {
            self.cluster.within(api.replace(&self.name, &params, &object)).await
        } else {
            self.cluster.within(api.create(&params, &object)).await
        };
        stored.map(record)
    }
}
