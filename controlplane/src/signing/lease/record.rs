//! The content of a Lease, and the Leases that hold node names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

/// The content of a Lease.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LeaseRecord {
    /// `spec.holderIdentity`; empty: the Lease is free.
    pub holder: String,
    /// `spec.leaseDurationSeconds`.
    pub duration: Duration,
    /// `spec.acquireTime`.
    pub acquired: Option<SystemTime>,
    /// `spec.renewTime`.
    pub renewed: Option<SystemTime>,
    /// `spec.leaseTransitions`.
    pub transitions: i32,
    /// `metadata.resourceVersion`; `None`: there is no such Lease yet.
    pub version: Option<String>,
}

impl LeaseRecord {
    /// Reads `lease`; a missing field becomes the empty value.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        Self {
            holder: spec.holder_identity.unwrap_or_default(),
            duration: Duration::from_secs(seconds.unwrap_or(0)),
            acquired: spec.acquire_time.and_then(|at| system_time(&at)),
            renewed: spec.renew_time.and_then(|at| system_time(&at)),
            transitions: spec.lease_transitions.unwrap_or(0),
            version: lease.metadata.resource_version.clone(),
        }
    }

    /// The Lease of this name that says so.
    #[must_use]
    pub fn into_lease(self, namespace: &str, name: &str) -> Lease {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            resource_version: self.version,
            ..ObjectMeta::default()
        };
        let spec = LeaseSpec {
            // client-go writes nothing rather than an empty name.
            holder_identity: Some(self.holder).filter(|holder| !holder.is_empty()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: self.acquired.and_then(micro_time),
            renew_time: self.renewed.and_then(micro_time),
            lease_transitions: Some(self.transitions),
            ..LeaseSpec::default()
        };
        Lease { metadata, spec: Some(spec) }
    }

    /// Returns the Lease that holds `common_name` up to `until`, made of the `current` one; `None`: that one holds it for that
    /// long as it is.
    #[must_use]
    pub fn hold(
        current: Option<&Self>,
        common_name: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> Option<Self> {
        if current.and_then(|current| current.held_until(common_name)).is_some_and(|end| end >= until) {
            return None;
        }
        // A Lease counts whole seconds, and at least one.
        let left = until.duration_since(now).unwrap_or_default().as_secs() + 1;
        Some(Self {
            holder: common_name.to_owned(),
            duration: Duration::from_secs(left.min(i32::MAX.unsigned_abs().into())),
            acquired: current.and_then(|current| current.acquired).or(Some(now)),
            renewed: Some(now),
            transitions: 0,
            version: current.and_then(|current| current.version.clone()),
        })
    }

    /// Up to when `common_name` is held by this Lease; `None`: it is another's.
    #[must_use]
    pub fn held_until(&self, common_name: &str) -> Option<SystemTime> {
        self.renewed.filter(|_| self.holder == common_name)?.checked_add(self.duration)
    }
}

fn micro_time(at: SystemTime) -> Option<MicroTime> {
    let micros = at.duration_since(UNIX_EPOCH).ok()?.as_micros();
    Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok().map(MicroTime)
}

fn system_time(at: &MicroTime) -> Option<SystemTime> {
    let micros = u64::try_from(at.0.as_microsecond()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}

/// The name of the Lease that holds a common name under a signer: no other pair has it, whatever characters are in them.
#[must_use]
pub fn name_lease(signer: &str, common_name: &str) -> String {
    let text = format!("{signer}\n{common_name}");
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("certrotate-name-{hex}")
}
