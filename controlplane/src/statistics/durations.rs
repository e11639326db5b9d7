//! Requested lifetimes, and whether they were honoured
//! (`pkg/registry/certificates/certificates/storage/metrics.go`).

use std::collections::BTreeMap;
use std::time::Duration;

use x509_parser::pem::Pem;

use crate::base::csr::{Csr, certificate, issued};

#[cfg(test)]
mod tests;

/// Tolerance between the requested and the issued lifetime: this, and one twentieth of the requested lifetime.
const SLACK: Duration = Duration::from_secs(5 * 60);
/// All signers that are not Kubernetes' own share a label, so that a client cannot make a metric grow.
const OTHER: &str = "other";

/// Requests with a duration that were issued under one signer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DurationCounts {
    /// All of them (`apiserver_certificates_registry_csr_requested_duration_total`).
    pub requested: u64,
    /// Those whose certificate lives about that long (`apiserver_certificates_registry_csr_honored_duration_total`).
    pub honored: u64,
}

/// The counts by signer name; others than Kubernetes' own are `other`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durations(pub(crate) BTreeMap<String, DurationCounts>);

impl Durations {
    /// Takes in that `old` has become `new`, for good.
    pub(crate) fn changed(&mut self, old: &Csr, new: &Csr) {
        let Some(honored) = honored(old, new) else { return };
        let signer = &new.spec.signer_name;
        let label = if signer.starts_with("kubernetes.io/") { signer } else { OTHER };
        let counts = self.0.entry(label.to_owned()).or_default();
        counts.requested += 1;
        counts.honored += u64::from(honored);
    }
}

/// Whether the new certificate has the requested lifetime; `None`: no new certificate, or no requested lifetime.
fn honored(old: &Csr, new: &Csr) -> Option<bool> {
    let wanted = new.spec.expiration_seconds.filter(|_| !issued(old) && issued(new))?;
    Some(lifetime(certificate(new)?).is_some_and(|lifetime| {
        let wanted = i64::from(wanted);
        let slack = i64::try_from(SLACK.as_secs()).unwrap_or(i64::MAX) + wanted / 20;
        (lifetime - wanted).abs() < slack
    }))
}

/// Seconds from start to end of the first certificate in `pem`.
fn lifetime(pem: &[u8]) -> Option<i64> {
    let block = Pem::iter_from_buffer(pem).next()?.ok()?;
    let certificate = block.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(validity.not_after.timestamp() - validity.not_before.timestamp())
}
