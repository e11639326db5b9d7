//! What a run did: a run that injects nothing shows nothing.

use std::collections::BTreeMap;

use crate::fault::{Lasting, Sudden};

/// Counts of one run, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The faults that took effect, by kind. One that lasts counts each time it acts.
    pub faults: BTreeMap<String, u64>,
    /// The runs.
    pub seeds: u64,
    /// The processes of the agent.
    pub processes: u64,
    /// The simulated time, in milliseconds.
    pub simulated_ms: u64,
    /// The connections.
    pub connections: u64,
    /// The requests to the server.
    pub requests: u64,
    /// The certificates that were issued.
    pub certificates: u64,
    /// How often an identity replaced another one, or none.
    pub rotations: u64,
    /// Reads and writes of files outside the certificate directory.
    pub file_work: u64,
    /// The disk commands.
    pub disk_commands: u64,
}

impl Counts {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        self.seeds += other.seeds;
        self.processes += other.processes;
        self.simulated_ms += other.simulated_ms;
        self.connections += other.connections;
        self.requests += other.requests;
        self.certificates += other.certificates;
        self.rotations += other.rotations;
        self.file_work += other.file_work;
        self.disk_commands += other.disk_commands;
    }

    /// Returns the kinds of faults that never took effect.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        KINDS.into_iter().filter(|kind| !self.faults.contains_key(*kind)).collect()
    }

    /// A lasting fault acted.
    pub(crate) fn bite(&mut self, fault: Lasting) {
        self.count(match fault {
            Lasting::Answers(answer, _) => first_words(&answer),
            Lasting::Damaged(input, _) => format!("Damaged{input:?}"),
            Lasting::Issues(defect) => format!("Issues{defect:?}"),
            other => first_words(&other),
        });
    }

    /// A sudden fault happened.
    pub(crate) fn strike(&mut self, fault: Sudden) {
        self.count(first_words(&fault));
    }

    fn count(&mut self, kind: String) {
        *self.faults.entry(kind).or_default() += 1;
    }
}

/// The name of a variant.
fn first_words(value: &dyn std::fmt::Debug) -> String {
    format!("{value:?}").split('(').next().unwrap_or_default().to_owned()
}

/// Every kind of fault.
pub(crate) const KINDS: [&str; 52] = [
    "Break",
    "Clock",
    "CutBody",
    "DamagedBootstrap",
    "DamagedClientCa",
    "DamagedServerCa",
    "DamagedToken",
    "Delayed",
    "Delete",
    "Denies",
    "DiskBroken",
    "DiskFull",
    "DiskSlow",
    "EmptyObject",
    "Fails",
    "FilesHang",
    "Garbage",
    "Huge",
    "IdentityRefused",
    "IssuesAuthority",
    "IssuesExpired",
    "IssuesForeignCa",
    "IssuesGarbage",
    "IssuesKey",
    "IssuesSubject",
    "Kill",
    "KillAtDisk",
    "KillAtPoll",
    "LoginPage",
    "Lost",
    "Mute",
    "NoApprover",
    "NoKubeconfig",
    "NoSigner",
    "Refused",
    "Reload",
    "Reset",
    "RotateClientCa",
    "RotateNow",
    "RotateServerCa",
    "Silent",
    "Stalled",
    "Status",
    "Suspend",
    "Terminate",
    "TokenExpired",
    "Trickled",
    "Unanswered",
    "WatchesEnd",
    "WatchesForbidden",
    "WatchesGarbled",
    "WatchesSilent",
];
