//! The live identity, for everything in the process that proves who the node is.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use certrotate_core::facts::CertFacts;
use certrotate_core::id::{Generation, LeafDigest};
use certrotate_core::time::WallTime;
use certrotate_x509::LeafSummary;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::clock::{Clock as _, SystemClock};

/// A key and certificate chain that go together, judged and ready for TLS.
pub struct Identity {
    generation: Generation,
    leaf: LeafDigest,
    summary: LeafSummary,
    not_before: WallTime,
    not_after: WallTime,
    signer: Arc<CertifiedKey>,
}

impl Identity {
    /// An identity of this chain: `summary` and `facts` are what the chain says, `signer` is it with its key.
    #[must_use]
    pub fn new(
        generation: Generation,
        summary: LeafSummary,
        facts: &CertFacts,
        signer: Arc<CertifiedKey>,
    ) -> Self {
        let &CertFacts { leaf, not_before, not_after, .. } = facts;
        Self { generation, leaf, summary, not_before, not_after, signer }
    }

    /// Its number.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// SHA-256 of its leaf.
    #[must_use]
    pub const fn leaf(&self) -> LeafDigest {
        self.leaf
    }

    /// Serial, subject and window of its leaf, for people.
    #[must_use]
    pub const fn summary(&self) -> &LeafSummary {
        &self.summary
    }

    /// The latest start over its chain.
    #[must_use]
    pub const fn not_before(&self) -> WallTime {
        self.not_before
    }

    /// The earliest end over its chain; at this time it is over.
    #[must_use]
    pub const fn not_after(&self) -> WallTime {
        self.not_after
    }

    /// Chain and key for rustls.
    #[must_use]
    pub const fn signer(&self) -> &Arc<CertifiedKey> {
        &self.signer
    }

    /// Whether it may be presented: `not_before <= now < not_after`.
    #[must_use]
    pub fn is_valid(&self, now: WallTime) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

impl fmt::Debug for Identity {
    /// Generation and leaf; nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("generation", &self.generation)
            .field("leaf", &self.summary)
            .finish_non_exhaustive()
    }
}

/// A handle on the identity that is served now. Cheap to clone: a clone shows the same.
///
/// It resolves client certificates for rustls. A handshake with no live identity presents none; a client that
/// must not be anonymous uses [`crate::connection::LiveClient`].
#[derive(Clone)]
pub struct LiveIdentity {
    shown: Arc<watch::Sender<Option<Arc<Identity>>>>,
    wall: Arc<dyn Fn() -> WallTime + Send + Sync>,
}

impl Default for LiveIdentity {
    fn default() -> Self {
        Self::new(|| SystemClock.wall())
    }
}

impl LiveIdentity {
    /// No identity yet. `wall` tells the time at which handshakes judge validity.
    #[must_use]
    pub fn new(wall: impl Fn() -> WallTime + Send + Sync + 'static) -> Self {
        Self { shown: Arc::new(watch::Sender::new(None)), wall: Arc::new(wall) }
    }

    /// The identity, if there is one that is valid at `now`: looked at again at each reading (S1).
    #[must_use]
    pub fn current(&self, now: WallTime) -> Option<Arc<Identity>> {
        self.shown.borrow().clone().filter(|identity| identity.is_valid(now))
    }

    /// As [`LiveIdentity::current`], by the clock that was given.
    #[must_use]
    pub fn current_now(&self) -> Option<Arc<Identity>> {
        self.current((self.wall)())
    }

    /// What the clock that was given shows.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        (self.wall)()
    }

    /// Tells of every change: what went live, `None` when it was withdrawn.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Identity>>> {
        self.shown.subscribe()
    }

    /// Shows this identity from now on. Only the driver, told by core, and tests do this.
    pub fn go_live(&self, identity: Identity) {
        self.shown.send_replace(Some(Arc::new(identity)));
    }

    /// Shows none from now on.
    pub fn withdraw(&self) {
        self.shown.send_replace(None);
    }
}

impl fmt::Debug for LiveIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveIdentity").field(&self.shown.borrow().as_deref()).finish()
    }
}

impl ResolvesClientCert for LiveIdentity {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let signer = Arc::clone(self.current_now()?.signer());
        signer.key.choose_scheme(schemes).is_some().then_some(signer)
    }

    fn has_certs(&self) -> bool {
        self.current_now().is_some()
    }
}
