//! A best-effort scan of the certificate directory, without the lock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use certrotate_core::config::{ConfigSpec, Template};
use certrotate_core::disk::{BundleFound, Content, CurrentLink, Found, Inventory, Name, PendingFound};
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::judge::{Refusal, judge_identity, judge_time};
use certrotate_core::time::WallTime;
use certrotate_store::{Fault, PairName, Store, Vault};
use certrotate_x509::{Bundle, ClientCa, LeafSummary, PendingRequest};
use zeroize::Zeroizing;

/// A vault that keeps names and dates only, and drops keys at once.
#[derive(Default)]
struct Showcase {
    leaves: RefCell<BTreeMap<CertHandle, LeafSummary>>,
}

impl Vault for Showcase {
    fn content(&self, _: &Content) -> Option<Zeroizing<Vec<u8>>> {
        None
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let mut leaves = self.leaves.borrow_mut();
        let cert = CertHandle(leaves.len() as u64);
        leaves.insert(cert, bundle.chain.leaf_summary().clone());
        (KeyHandle(0), cert)
    }

    fn keep_pending(&self, _: PendingRequest) -> KeyHandle {
        KeyHandle(0)
    }
}

/// An intact bundle.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) name: Name,
    pub(super) bundle: BundleFound,
    pub(super) leaf: LeafSummary,
}

impl Held {
    pub(super) const fn generation(&self) -> Generation {
        self.bundle.header.generation
    }

    /// Returns the start of its lifetime: the later of its issue and its `notBefore`.
    pub(super) fn start(&self) -> WallTime {
        self.bundle.header.issued.max(self.bundle.facts.not_before)
    }

    pub(super) const fn end(&self) -> WallTime {
        self.bundle.facts.not_after
    }

    /// Returns core's judgement.
    pub(super) fn judge(&self, config: &ConfigSpec, now: WallTime) -> Result<(), Refusal> {
        let facts = &self.bundle.facts;
        judge_identity(config, &self.bundle.key_digest, facts)?;
        judge_time(now, facts.not_before, facts.not_after)
    }
}

/// The result of the scan.
#[derive(Clone, Debug)]
pub(super) struct OnDisk {
    pub(super) live_name: CurrentLink,
    /// The bundles, the newest first.
    pub(super) bundles: Vec<Held>,
    /// The newest pending file.
    pub(super) pending: Option<(Name, PendingFound)>,
    /// The remarks, a line for each suspect file.
    pub(super) remarks: Vec<String>,
    pub(super) quarantined: Vec<Name>,
}

impl OnDisk {
    pub(super) fn look(
        path: &Path,
        pair: &PairName,
        client_ca: Option<Arc<ClientCa>>,
    ) -> Result<Self, Fault> {
        let mut store = Store::new(path, pair.clone(), None, Showcase::default())
            .with_client_ca(move || client_ca.clone());
        let inventory = store.scan_unlocked()?;
        let leaves = store.vault().leaves.take();
        Ok(Self::sorted(inventory, &leaves, store.remarks().to_vec()))
    }

    fn sorted(
        inventory: Inventory,
        leaves: &BTreeMap<CertHandle, LeafSummary>,
        remarks: Vec<String>,
    ) -> Self {
        let (mut bundles, mut pending, mut quarantined) = (Vec::new(), Vec::new(), Vec::new());
        for entry in inventory.entries {
            match entry.found {
                Found::Bundle(bundle) => {
                    if let Some(leaf) = leaves.get(&bundle.cert) {
                        bundles.push(Held { name: entry.name, bundle: *bundle, leaf: leaf.clone() });
                    }
                }
                Found::Pending(found) => pending.push((entry.name, *found)),
                Found::Unread if matches!(entry.name, Name::Quarantine { .. }) => {
                    quarantined.push(entry.name)
                }
                Found::Unread | Found::Corrupt | Found::Unreadable(_) => {}
            }
        }
        bundles.sort_by_key(|held| std::cmp::Reverse((held.generation(), held.name.file())));
        let pending = pending.into_iter().max_by_key(|(name, found)| (found.generation, name.file()));
        Self { live_name: inventory.current, bundles, pending, remarks, quarantined }
    }

    /// Returns the bundle that the current link points to.
    pub(super) fn linked(&self) -> Option<&Held> {
        match self.live_name {
            CurrentLink::Link(name) => self.bundles.iter().find(|held| held.name == name),
            CurrentLink::Absent
            | CurrentLink::Foreign
            | CurrentLink::File
            | CurrentLink::Strange
            | CurrentLink::Unreadable(_) => None,
        }
    }

    /// Returns the newest bundle except the linked one.
    pub(super) fn previous(&self) -> Option<&Held> {
        let linked = self.linked()?;
        self.bundles.iter().find(|held| held.generation() < linked.generation())
    }

    /// Returns the newest bundle that is only not yet valid.
    pub(super) fn early(&self, config: &ConfigSpec, now: WallTime) -> Option<&Held> {
        self.bundles.iter().find(|held| matches!(held.judge(config, now), Err(Refusal::NotYetValid { .. })))
    }

    /// Returns the newest time of issue. A correct clock is never before it.
    pub(super) fn newest_issue(&self) -> Option<WallTime> {
        self.bundles.iter().map(|held| held.bundle.header.issued).max()
    }

    /// Returns the node of the newest bundle.
    pub(super) fn node(&self) -> Option<String> {
        let held = self.linked().or_else(|| self.bundles.first())?;
        held.leaf.subject.common_name.strip_prefix("system:node:").map(str::to_owned)
    }
}

/// Returns the configuration of an agent for this node: the template by which bundles are judged.
pub(super) fn wanted(node: &str, client_ca: bool) -> ConfigSpec {
    ConfigSpec { chain_required: client_ca, ..ConfigSpec::new(Template::kubelet_client(node)) }
}
