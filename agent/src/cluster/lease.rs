//! The Lease of a cluster.

use std::time::{Duration, SystemTime};

use certrotate_controlplane::{LeasePort, LeaseRecord, PortError};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::PostParams;

use super::Cluster;

/// One Lease, by name.
#[derive(Clone, Debug)]
pub struct ClusterLease {
    cluster: Cluster,
    name: String,
}

impl ClusterLease {
    /// It need not exist.
    #[must_use]
    pub fn new(cluster: Cluster, name: String) -> Self {
        Self { cluster, name }
    }
}

impl Cluster {
    fn leases(&self) -> Result<Api<Lease>, PortError> {
        Ok(Api::namespaced(self.client()?, &self.0.namespace))
    }

    /// The Lease of this name.
    pub(super) async fn lease(&self, name: &str) -> Result<Option<LeaseRecord>, PortError> {
        let found = self.within(self.leases()?.get_opt(name)).await?;
        Ok(found.map(record))
    }

    /// Creates a Lease that has no version yet, else replaces that version.
    pub(super) async fn put_lease(&self, name: &str, record: LeaseRecord) -> Result<LeaseRecord, PortError> {
        let (api, exists) = (self.leases()?, record.version.is_some());
        let (object, params) = (object(name, &self.0.namespace, record), PostParams::default());
        let stored = if exists {
            self.within(api.replace(name, &params, &object)).await
        } else {
            self.within(api.create(&params, &object)).await
        };
        stored.map(self::record)
    }
}

fn object(name: &str, namespace: &str, record: LeaseRecord) -> Lease {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
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

fn micro_time(at: SystemTime) -> Option<MicroTime> {
    Timestamp::try_from(at).ok().map(MicroTime)
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
        self.cluster.lease(&self.name).await
    }

    async fn put(&self, record: LeaseRecord) -> Result<LeaseRecord, PortError> {
        self.cluster.put_lease(&self.name, record).await
    }
}
