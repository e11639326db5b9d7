//! When an object has served its purpose (`pkg/controller/certificates/cleaner/cleaner.go`): a pure decision.
//!
//! Beyond Kubernetes, whose cleaner looks once an hour: the decision says when the next one is due, so that an object goes
//! at its age and not up to an hour later; and an object with conditions of other types only is pending, and goes as that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use x509_parser::pem::Pem;

use crate::base::csr::{Csr, certificate, conditions, issued};

#[cfg(test)]
mod tests;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// An object whose certificate has expired stays this long after its approval: as long as client-go waits for a certificate,
/// so that its requestor can read the result. Kubernetes deletes it in its next hourly run.
const LINGER: Duration = Duration::from_secs(15 * 60);

/// How old an object may become, by what became of it. The clock of each is the last update of the condition that decided,
/// of a pending object its creation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ages {
    /// Approved and issued: 1 h.
    pub issued: Duration,
    /// Denied: 1 h.
    pub denied: Duration,
    /// Failed: 1 h.
    pub failed: Duration,
    /// Neither approved, denied nor failed: 24 h.
    pub pending: Duration,
    /// Approved and not issued: 24 h.
    pub approved: Duration,
}

impl Default for Ages {
    fn default() -> Self {
        Self { issued: HOUR, denied: HOUR, failed: HOUR, pending: 24 * HOUR, approved: 24 * HOUR }
    }
}

/// The cleaner's decision on one object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// It stays until it changes.
    Keep,
    /// It stays, and is due strictly after this.
    KeepUntil(SystemTime),
    /// It goes, for this reason.
    Delete(&'static str),
}

/// Decides on `csr`.
pub(crate) fn decide(csr: &Csr, ages: Ages, now: SystemTime) -> Decision {
    let mut next = None;
    for (why, end) in deadlines(csr, ages) {
        if now > end {
            return Decision::Delete(why);
        }
        next = Some(next.map_or(end, |next: SystemTime| next.min(end)));
    }
    next.map_or(Decision::Keep, Decision::KeepUntil)
}

/// Every rule that applies to the object as it is, with the time up to which it stays.
fn deadlines(csr: &Csr, ages: Ages) -> Vec<(&'static str, SystemTime)> {
    let mut deadlines = Vec::new();
    let mut decided = false;
    for condition in conditions(csr) {
        let (why, age) = match condition.type_.as_str() {
            "Approved" if issued(csr) => ("approved and issued", ages.issued),
            "Approved" => ("approved and never issued", ages.approved),
            "Denied" => ("denied", ages.denied),
            "Failed" => ("failed", ages.failed),
            _ => continue,
        };
        decided = true;
        let update = condition.last_update_time.as_ref();
        deadlines.extend(after(update, age).map(|end| (why, end)));
        if condition.type_ == "Approved"
            && let Some(end) = certificate(csr).and_then(not_after)
        {
            deadlines.push((
                "its certificate has expired",
                after(update, LINGER).map_or(end, |seen| end.max(seen)),
            ));
        }
    }
    if !decided {
        deadlines.extend(
            after(csr.metadata.creation_timestamp.as_ref(), ages.pending).map(|end| ("pending", end)),
        );
    }
    deadlines
}

/// A time that is not there, or none that a clock can show, is never over.
fn after(time: Option<&Time>, age: Duration) -> Option<SystemTime> {
    let seconds = u64::try_from(time?.0.as_second()).ok().filter(|seconds| *seconds > 0)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?.checked_add(age)
}

/// The end of the first certificate in `pem`.
fn not_after(pem: &[u8]) -> Option<SystemTime> {
    let block = Pem::iter_from_buffer(pem).next()?.ok()?;
    let end = block.parse_x509().ok()?.validity().not_after.timestamp();
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(end).ok()?))
}
