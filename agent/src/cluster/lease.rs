//! The Lease of a cluster.

use certrotate_controlplane::{LeasePort, LeaseRecord, PortError};
use k8s_openapi::api::coordination::v1::Lease;

use super::api::{Cluster, Connection};
use crate::kubernetes::Objects;

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
    async fn leases(&self) -> Result<Objects<Connection, Lease>, PortError> {
        Ok(Objects::namespaced(self.connect().await?, &self.0.namespace))
    }

    /// The Lease of this name.
    pub(super) async fn lease(&self, name: &str) -> Result<Option<LeaseRecord>, PortError> {
        let found = self.within(self.leases().await?.get_opt(name)).await?;
        Ok(found.as_ref().map(LeaseRecord::of))
    }

    /// Creates a Lease that has no version yet, else replaces that version.
    pub(super) async fn put_lease(&self, name: &str, record: LeaseRecord) -> Result<LeaseRecord, PortError> {
        let (api, exists) = (self.leases().await?, record.version.is_some());
        let object = record.into_lease(&self.0.namespace, name);
        let stored = if exists {
            self.within(api.replace(name, &object)).await
        } else {
            self.within(api.create(&object)).await
        };
        stored.as_ref().map(LeaseRecord::of).map_err(Clone::clone)
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
