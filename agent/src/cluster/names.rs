//! The holders of node names, stored as Leases: they outlive the requests, every replica sees them, and
//! `kubectl delete lease` frees a name.

use std::time::SystemTime;

use certrotate_controlplane::{LeaseRecord, PortError, name_lease};

use super::api::Cluster;

/// Stores that `common_name` is held until `until`, unless it is held for longer already.
pub(super) async fn hold(cluster: &Cluster, common_name: &str, until: SystemTime) -> Result<(), PortError> {
    let name = name_lease(&cluster.0.signer, common_name);
    let known = cluster.lease(&name).await?;
    match LeaseRecord::hold(known.as_ref(), common_name, until, SystemTime::now()) {
        Some(new) => cluster.put_lease(&name, new).await.map(|_| ()),
        None => Ok(()),
    }
}

/// Returns the time until which `common_name` is held.
pub(super) async fn held_until(
    cluster: &Cluster,
    common_name: &str,
) -> Result<Option<SystemTime>, PortError> {
    let lease = cluster.lease(&name_lease(&cluster.0.signer, common_name)).await?;
    Ok(lease.and_then(|lease| lease.held_until(common_name)))
}
