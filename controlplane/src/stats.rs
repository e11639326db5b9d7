//! Counts for tests and the demo.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use crate::api::{Csr, condition_text, name, open};
use crate::auth::{Judgement, Verdict};
use crate::durations::{DurationCounts, Durations};
use crate::pkcs10;
use crate::sync::lock;

/// What the control plane has seen since it started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// All requests, health checks included.
    pub requests: u64,
    /// Requests by serial of the presented client certificate: upper-case hexadecimal, as `openssl x509 -serial` prints it.
    pub requests_by_serial: BTreeMap<String, u64>,
    /// Requests whose presented client certificate had ended when it was judged.
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

/// Counts requests.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    all: u64,
    by_serial: BTreeMap<String, u64>,
    expired_uses: u64,
    unauthorized: u64,
}

/// A foreign client could present a new certificate with every connection.
const MOST_SERIALS: usize = 100_000;

impl Recorder {
    /// Counts a judged request; `unauthorized`: it is answered 401.
    pub(crate) fn judged(&self, judgement: &Judgement, unauthorized: bool) {
        let mut counts = lock(&self.0);
        counts.all += 1;
        counts.expired_uses += u64::from(judgement.expired);
        counts.unauthorized += u64::from(unauthorized);
        if let Some(serial) = &judgement.serial
            && (counts.by_serial.len() < MOST_SERIALS || matches!(judgement.verdict, Verdict::User(_)))
        {
            *counts.by_serial.entry(serial.clone()).or_default() += 1;
        }
    }

    pub(crate) fn fill(&self, stats: &mut Stats) {
        let counts = lock(&self.0);
        stats.requests = counts.all;
        stats.requests_by_serial = counts.by_serial.clone();
        stats.expired_uses = counts.expired_uses;
        stats.unauthorized = counts.unauthorized;
    }
}

/// Open requests by who asks and for whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenCounts {
    /// Name of the object to user name and common name.
    open: HashMap<String, (String, String)>,
    pub(crate) created: u64,
    max: usize,
    by_username: BTreeMap<String, Tally>,
    by_common_name: BTreeMap<String, Tally>,
    pub(crate) durations: Durations,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    now: usize,
    max: usize,
}

impl Tally {
    fn add(&mut self) {
        self.now += 1;
        self.max = self.max.max(self.now);
    }
}

impl OpenCounts {
    /// Takes in that the object of this name is now `csr`, or gone.
    pub(crate) fn changed(&mut self, csr: Option<&Csr>, name: &str) {
        let was = self.open.contains_key(name);
        match csr.filter(|csr| open(csr)) {
            Some(csr) if !was => {
                let common_name =
                    pkcs10::read(&csr.spec.request.0).map(|r| r.common_name).unwrap_or_default();
                let username = csr.spec.username.clone().unwrap_or_default();
                self.by_username.entry(username.clone()).or_default().add();
                self.by_common_name.entry(common_name.clone()).or_default().add();
                self.open.insert(name.to_owned(), (username, common_name));
                self.max = self.max.max(self.open.len());
            }
            None if was => {
                let (username, common_name) = self.open.remove(name).unwrap_or_default();
                self.by_username.entry(username).and_modify(|t| t.now -= 1);
                self.by_common_name.entry(common_name).and_modify(|t| t.now -= 1);
            }
            _ => {}
        }
    }

    pub(crate) fn fill(&self, stats: &mut Stats) {
        let maxima =
            |all: &BTreeMap<String, Tally>| all.iter().map(|(key, t)| (key.clone(), t.max)).collect();
        stats.csrs_created = self.created;
        stats.durations.clone_from(&self.durations.0);
        stats.open_csrs = self.open.len();
        stats.open_csrs_max = self.max;
        stats.open_csrs_max_by_username = maxima(&self.by_username);
        stats.open_csrs_max_by_common_name = maxima(&self.by_common_name);
    }
}
