//! Counts for tests and the demo.

use std::collections::BTreeMap;

use crate::base::csr::{Csr, condition_text, name};
use crate::statistics::durations::DurationCounts;

/// Counts since the start of the control plane.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// All requests, health checks included.
    pub requests: u64,
    /// Requests by serial of the presented client certificate: upper-case hexadecimal, as `openssl x509 -serial` prints it.
    pub requests_by_serial: BTreeMap<String, u64>,
    /// Requests whose client certificate had expired.
    pub expired_uses: u64,
    /// Requests whose credentials were bad or missing.
    pub unauthorized: u64,
    /// Objects created by this run.
    pub csrs_created: u64,
    /// Requests without certificate, Denied or Failed, now.
    pub open_csrs: usize,
    /// The most that were open at once.
    pub open_csrs_max: usize,
    /// The most that one user name had open at once.
    pub open_csrs_max_by_username: BTreeMap<String, usize>,
    /// The most that were open at once for one common name.
    pub open_csrs_max_by_common_name: BTreeMap<String, usize>,
    /// Requests with a duration that were issued, by signer name; those of signers outside `kubernetes.io/` are `other`.
    pub durations: BTreeMap<String, DurationCounts>,
    /// The objects that exist, in name order.
    pub csrs: Vec<CsrSummary>,
}

/// One CertificateSigningRequest as `kubectl get csr` shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CsrSummary {
    /// Object name.
    pub name: String,
    /// `spec.signerName`.
    pub signer_name: String,
    /// The user that created it.
    pub requestor: String,
    /// `Pending`, `Approved,Issued`, … as kubectl's column CONDITION.
    pub condition: String,
}

impl CsrSummary {
    pub(crate) fn of(csr: &Csr) -> Self {
        Self {
            name: name(csr).to_owned(),
            signer_name: csr.spec.signer_name.clone(),
            requestor: csr.spec.username.clone().unwrap_or_default(),
            condition: condition_text(csr),
        }
    }
}
