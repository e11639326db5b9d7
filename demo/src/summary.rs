//! The result of a demo.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// The counts of a demo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// Renewals after the first certificate.
    pub(crate) rotations: u32,
    /// Requests of the busy client that were answered with 200.
    pub(crate) requests_ok: u64,
    /// Requests that were not.
    pub(crate) requests_failed: u64,
    /// Most requests for certificates that were open at a time.
    pub(crate) open_csrs_max: usize,
    /// Most files in the certificate directory at a time.
    pub(crate) files_max: usize,
    /// Files in the certificate directory at the end.
    pub(crate) files_end: usize,
    /// Requests that came with an expired certificate, counted by the server.
    pub(crate) expired_uses: u64,
    /// Answered requests by the serial number of the certificate that they came with.
    pub(crate) requests_per_serial: BTreeMap<String, u64>,
    /// How often there was no live certificate.
    #[serde(skip)]
    pub(crate) lapses: u32,
    /// The error of the first failed request.
    #[serde(skip)]
    pub(crate) first_failure: Option<String>,
}

impl Summary {
    /// Whether every renewal came before expiry, no request failed and no expired certificate was used.
    #[must_use]
    pub(crate) fn is_good(&self) -> bool {
        self.lapses == 0
            && self.requests_failed == 0
            && self.expired_uses == 0
            && self.requests_per_serial.values().all(|count| *count > 0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_good() { "not one failed" } else { "NOT GOOD" };
        writeln!(
            f,
            "{} renewals, {} requests, {} failed, {} expired certificates used: {verdict}",
            self.rotations, self.requests_ok, self.requests_failed, self.expired_uses
        )?;
        writeln!(
            f,
            "at most {} open request, {} files ({} at the end)",
            self.open_csrs_max, self.files_max, self.files_end
        )?;
        if let Some(failure) = &self.first_failure {
            writeln!(f, "the first failure: {failure}")?;
        }
        write!(f, "requests per certificate:")?;
        for (serial, count) in &self.requests_per_serial {
            write!(f, " {serial:.8}… {count}")?;
        }
        Ok(())
    }
}
