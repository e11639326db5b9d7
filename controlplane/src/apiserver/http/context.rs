//! The state that every request works with.

use std::sync::Arc;

use tokio::sync::watch;

use crate::apiserver::access::authenticator::Authenticator;
use crate::apiserver::kinds::lease::Lease;
use crate::apiserver::store::objects::Store;
use crate::apiserver::store::page::Ask;
use crate::base::clock::Clock;
use crate::faults::handle::Faults;
use crate::statistics::requests::Recorder;
use crate::statistics::stats::{CsrSummary, Stats};

/// The state that every request works with.
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) store: Arc<Store>,
    pub(crate) leases: Arc<Store<Lease>>,
    pub(crate) authenticator: Authenticator,
    pub(crate) faults: Faults,
    pub(crate) recorder: Recorder,
    /// True once the control plane is to end.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Context {
    /// Returns the counts, without the objects.
    pub(crate) fn counted(&self) -> Stats {
        let mut stats = Stats::default();
        self.recorder.fill(&mut stats);
        self.store.counts().fill(&mut stats);
        stats
    }

    /// The objects as `kubectl get csr` shows them.
    pub(crate) fn summaries(&self) -> Vec<CsrSummary> {
        let all = self.store.page(&Ask::default());
        all.map(|page| page.objects.iter().map(|csr| CsrSummary::of(csr)).collect()).unwrap_or_default()
    }
}
