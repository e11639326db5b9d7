//! Who holds a node name, kept as Leases: they outlive the requests, every replica sees them, and `kubectl delete lease` frees
//! a name.

use std::time::{Duration, SystemTime};

use certrotate_controlplane::{LeaseRecord, PortError};

use super::Cluster;

/// Notes that `common_name` is held up to `until`, unless it is held for longer already.
pub(super) async fn hold(cluster: &Cluster, common_name: &str, until: SystemTime) -> Result<(), PortError> {
    let name = lease_name(&cluster.0.signer, common_name);
    let known = cluster.lease(&name).await?;
    if known.as_ref().and_then(end).is_some_and(|end| end >= until) {
        return Ok(());
    }
    let now = SystemTime::now();
    // A Lease counts whole seconds, and at least one.
    let left = until.duration_since(now).unwrap_or_default().as_secs() + 1;
    let record = LeaseRecord {
        holder: common_name.to_owned(),
        duration: Duration::from_secs(left.min(i32::MAX.unsigned_abs().into())),
        acquired: known.as_ref().and_then(|lease| lease.acquired).or(Some(now)),
        renewed: Some(now),
        transitions: 0,
        version: known.and_then(|lease| lease.version),
    };
    cluster.put_lease(&name, record).await?;
    Ok(())
}

/// Up to when `common_name` is held.
pub(super) async fn held_until(
    cluster: &Cluster,
    common_name: &str,
) -> Result<Option<SystemTime>, PortError> {
    let lease = cluster.lease(&lease_name(&cluster.0.signer, common_name)).await?;
    Ok(lease.filter(|lease| lease.holder == common_name).as_ref().and_then(end))
}

fn end(lease: &LeaseRecord) -> Option<SystemTime> {
    lease.renewed?.checked_add(lease.duration)
}

/// A name that every signer and every common name has alone, whatever characters are in it.
fn lease_name(signer: &str, common_name: &str) -> String {
    let text = format!("{signer}\n{common_name}");
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("certrotate-name-{hex}")
}
