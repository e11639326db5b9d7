//! Counts of the CSRs that wait for a certificate.

use std::collections::{BTreeMap, HashMap};

use crate::base::budgets::{COUNTED_NAMES, QUOTE_BYTES, cut};
use crate::base::csr::{Csr, open};
use crate::statistics::durations::Durations;
use crate::statistics::stats::Stats;

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
    /// Records that the object of this name is now `csr`, or gone. `common_name` reads the subject of a new one.
    pub(crate) fn record(&mut self, csr: Option<&Csr>, name: &str, common_name: impl FnOnce(&Csr) -> String) {
        let was = self.open.contains_key(name);
        match (csr.filter(|csr| open(csr)), was) {
            (Some(csr), false) => {
                let common_name = cut(&common_name(csr), QUOTE_BYTES).into_owned();
                let username = csr.spec.username.as_deref().unwrap_or_default();
                let username = cut(username, QUOTE_BYTES).into_owned();
                for (counts, name) in
                    [(&mut self.by_username, &username), (&mut self.by_common_name, &common_name)]
                {
                    // A name is counted as long as the program runs, so that clients could make the counts grow.
                    if counts.len() < COUNTED_NAMES || counts.contains_key(name) {
                        counts.entry(name.clone()).or_default().add();
                    }
                }
                self.open.insert(name.to_owned(), (username, common_name));
                self.max = self.max.max(self.open.len());
            }
            (None, true) => {
                let (username, common_name) = self.open.remove(name).unwrap_or_default();
                self.by_username.entry(username).and_modify(|t| t.now = t.now.saturating_sub(1));
                self.by_common_name.entry(common_name).and_modify(|t| t.now = t.now.saturating_sub(1));
            }
            (Some(_), true) | (None, false) => {}
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
