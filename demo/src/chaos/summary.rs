//! The result of a chaos run.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::plan::{Fault, Planned, longest_outage};

/// The counts of a run, and the injected faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    /// The seed of the plan: the same seed plans the same faults.
    pub(crate) seed: u64,
    /// Certificates after the first that carried a request.
    pub(crate) rotations: u32,
    /// Requests of the client that were answered with 200, outages apart.
    pub(crate) requests_ok: u64,
    /// Requests that were not.
    pub(crate) requests_failed: u64,
    /// Requests of which a part fell into an outage, whatever came of them.
    pub(crate) requests_during_outage: u64,
    /// Most requests for certificates that were open at a time.
    pub(crate) open_csrs_max: usize,
    /// Most files in the certificate directory when a certificate went live.
    pub(crate) files_max: usize,
    /// Files in the certificate directory at the end.
    pub(crate) files_end: usize,
    /// Requests that came with an expired certificate, counted by the server.
    pub(crate) expired_uses: u64,
    /// Answered requests by the serial number of the certificate that they came with.
    pub(crate) requests_per_serial: BTreeMap<String, u64>,
    /// The number of kills.
    pub(crate) kills: u32,
    /// The sum of all outages.
    pub(crate) outages_ms: u64,
    /// The duration of the run.
    pub(crate) run_ms: u64,
    /// `tmpfs` or `injected`.
    pub(crate) full_disk: &'static str,
    /// The injected faults and their times.
    pub(crate) faults: Vec<Planned>,
    /// The faults that had no effect, because the agent was busy otherwise.
    pub(crate) did_not_bite: Vec<String>,
    /// Why the run is incomplete.
    pub(crate) failure: Option<String>,
    /// The error of the first failed request.
    pub(crate) first_failure: Option<String>,
}

impl Summary {
    /// Whether the run is complete, no request failed outside an outage, there was one request for a certificate at a time,
    /// and no expired certificate was used.
    #[must_use]
    pub(crate) fn is_good(&self) -> bool {
        self.failure.is_none()
            && self.requests_failed == 0
            && self.open_csrs_max == 1
            && self.expired_uses == 0
            && self.is_fair()
    }

    /// Whether the server was up for most of the time: else the other numbers show little.
    #[must_use]
    pub(crate) fn is_fair(&self) -> bool {
        let longest = longest_outage().as_millis();
        let planned = self.faults.iter().filter_map(|planned| match planned.fault {
            Fault::Outage { for_ms, .. } => Some(u128::from(for_ms)),
            Fault::Kill { .. }
            | Fault::KillInRenewal { .. }
            | Fault::Slow { .. }
            | Fault::Denied
            | Fault::Spoiled { .. }
            | Fault::FullDisk { .. }
            | Fault::Clock { .. } => None,
        });
        self.outages_ms.saturating_mul(5) <= self.run_ms && planned.max().unwrap_or(0) <= longest
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_good() { "not one failed" } else { "NOT GOOD" };
        writeln!(
            f,
            "seed {}: {} renewals, {} requests, {} failed, {} more in outages, {} expired certificates used: {verdict}",
            self.seed,
            self.rotations,
            self.requests_ok,
            self.requests_failed,
            self.requests_during_outage,
            self.expired_uses
        )?;
        let share = self.outages_ms.saturating_mul(100) / self.run_ms.max(1);
        writeln!(
            f,
            "{} faults, {} kills, the server out for {share} % of the time; at most {} open request, {} files ({} at the end)",
            self.faults.len(),
            self.kills,
            self.open_csrs_max,
            self.files_max,
            self.files_end
        )?;
        if let Some(failure) = &self.failure {
            writeln!(f, "it failed: {failure}")?;
        }
        if let Some(failure) = &self.first_failure {
            writeln!(f, "the first failed request: {failure}")?;
        }
        write!(f, "again: certrotate-demo --chaos --seed {}", self.seed)
    }
}
