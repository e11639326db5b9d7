//! What a run comes to.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::plan::{Planned, longest_outage};

/// What happened, in numbers, and what was done to the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Says what goes wrong: the same seed, the same faults.
    pub seed: u64,
    /// Certificates after the first that carried a request.
    pub rotations: u32,
    /// Requests of the client that were answered with 200, outages apart.
    pub requests_ok: u64,
    /// Requests that were not.
    pub requests_failed: u64,
    /// Requests of which a part fell into an outage, whatever came of them.
    pub requests_during_outage: u64,
    /// Most requests for certificates that were open at a time.
    pub open_csrs_max: usize,
    /// Most files in the certificate directory when a certificate went live.
    pub files_max: usize,
    /// Files in the certificate directory at the end.
    pub files_end: usize,
    /// Requests that came with an expired certificate, counted by the server.
    pub expired_uses: u64,
    /// Answered requests by the serial number of the certificate that they came with.
    pub requests_per_serial: BTreeMap<String, u64>,
    /// How often the agent was killed.
    pub kills: u32,
    /// How long the server was out in all.
    pub outages_ms: u64,
    /// How long the run took.
    pub run_ms: u64,
    /// `tmpfs` or `injected`.
    pub full_disk: &'static str,
    /// What went wrong, and when.
    pub faults: Vec<Planned>,
    /// The faults of these that the agent did not feel, because it was at something else.
    pub did_not_bite: Vec<String>,
    /// Why the run did not come to its end.
    pub failure: Option<String>,
    /// What the first failed request failed of.
    pub first_failure: Option<String>,
}

impl Summary {
    /// Whether the run came to its end, no request failed but for an outage, there was one request for a certificate at a time,
    /// and no expired certificate was used.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failure.is_none()
            && self.requests_failed == 0
            && self.open_csrs_max == 1
            && self.expired_uses == 0
            && self.is_fair()
    }

    /// Whether the server was there for most of the time: else the other numbers would show little.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        let longest = longest_outage().as_millis();
        let planned = self.faults.iter().filter_map(|planned| match planned.fault {
            super::Fault::Outage { for_ms, .. } => Some(u128::from(for_ms)),
            _ => None,
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
        write!(f, "again: certrotate demo --chaos --seed {}", self.seed)
    }
}
