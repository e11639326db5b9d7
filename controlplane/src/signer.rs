//! When the signer signs, for how long, and what it refuses (`pkg/controller/certificates/signer/signer.go`,
//! `authority/authority.go`): pure decisions.

use std::time::{Duration, SystemTime};

use crate::api::{Csr, conditions, has_condition};
use crate::approver::{API_CLIENT, KUBELET_CLIENT, node_client};
use crate::der::{seconds_down, seconds_up};
use crate::pkcs10::{self, Request};
use crate::usages::{self, Usages};

#[cfg(test)]
mod tests;

/// A requested duration is never taken for less than this.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
/// From this duration on the backdate is taken from the end as well.
const LONG: Duration = Duration::from_secs(8 * 60 * 60);

/// What the signer does with one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Nothing, until the object changes.
    Leave,
    /// Mark it Failed, for this reason.
    Fail(String),
    /// Sign it.
    Sign(Box<Request>, Duration),
    /// It cannot be signed now: retried, never shown in the object, as kube-controller-manager does.
    Retry(String),
}

/// How long certificates may live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Default and maximum (`--cluster-signing-duration`).
    pub(crate) longest: Duration,
    pub(crate) backdate: Duration,
}

/// Decides on `csr`.
pub(crate) fn decide(csr: &Csr, policy: Policy) -> Decision {
    let status = csr.status.as_ref();
    let issued = status.and_then(|s| s.certificate.as_ref()).is_some_and(|c| !c.0.is_empty());
    let failed = conditions(csr).iter().any(|c| c.type_ == "Failed" && matches!(&*c.status, "True" | ""));
    if issued || failed || !has_condition(csr, "Approved") || has_condition(csr, "Denied") {
        return Decision::Leave;
    }
    let spec = &csr.spec;
    if !matches!(&*spec.signer_name, KUBELET_CLIENT | API_CLIENT) {
        return Decision::Leave;
    }
    let request = match pkcs10::read(&spec.request.0) {
        Ok(request) => request,
        Err(why) => {
            return Decision::Retry(format!("unable to parse csr {:?}: {why}", csr.metadata.name));
        }
    };
    let usages = spec.usages.as_deref().unwrap_or_default();
    let judged = if spec.signer_name == KUBELET_CLIENT {
        node_client(&request, usages).map_err(str::to_owned)
    } else {
        api_client(usages)
    };
    match judged {
        Ok(()) => Decision::Sign(Box::new(request), duration(policy.longest, spec.expiration_seconds)),
        Err(why) => Decision::Fail(why),
    }
}

/// The rule of `kubernetes.io/kube-apiserver-client`: client auth, and beside it only key usages of a client.
fn api_client(usages: &[String]) -> Result<(), String> {
    if !usages.iter().any(|u| u == "client auth") {
        return Err(format!("expected {API_CLIENT:?} CSR to have \"client auth\" usage"));
    }
    let other = usages
        .iter()
        .find(|u| !matches!(u.as_str(), "client auth" | "digital signature" | "key encipherment"));
    other.map_or(Ok(()), |usage| Err(format!("unexpected usage {usage:?} for signer {API_CLIENT:?}")))
}

/// The duration that is granted; the maximum wins over the minimum.
pub(crate) fn duration(longest: Duration, requested_seconds: Option<i32>) -> Duration {
    let Some(seconds) = requested_seconds else {
        return longest;
    };
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0)).max(SHORTEST).min(longest)
}

/// First and last second of validity, or why there is none.
///
/// Fractions are rounded so that the lifetime is never shorter than granted.
pub(crate) fn validity(
    now: SystemTime,
    granted: Duration,
    backdate: Duration,
    ca_end: i64,
) -> Result<(i64, i64), String> {
    let start = now.checked_sub(backdate).unwrap_or(SystemTime::UNIX_EPOCH);
    let end = if granted < LONG { now + granted } else { start + granted };
    let (not_before, not_after) = (seconds_down(start), seconds_up(end));
    if not_before >= ca_end {
        return Err(format!(
            "the signer has expired: NotAfter={ca_end} would be before NotBefore={not_before}"
        ));
    }
    if seconds_down(now) >= ca_end {
        return Err(format!("the signer has expired: NotAfter={ca_end}"));
    }
    Ok((not_before, not_after.min(ca_end)))
}

/// What the request's usages mean in a certificate.
pub(crate) fn extensions(csr: &Csr) -> Result<Usages, String> {
    let names = csr.spec.usages.as_deref().unwrap_or_default();
    usages::parse(names.iter().map(String::as_str)).map_err(|name| format!("unrecognized usage {name:?}"))
}
