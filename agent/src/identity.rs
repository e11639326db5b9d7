//! The live identity, for every part of the process that authenticates as the node.

#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use certrotate_core::facts::CertFacts;
use certrotate_core::id::{Generation, LeafDigest};
use certrotate_core::time::WallTime;
use certrotate_x509::LeafSummary;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::clock::{Clock, SystemClock};

/// A certificate chain and its key, judged and ready for TLS.
pub struct Identity {
    generation: Generation,
    leaf: LeafDigest,
    summary: LeafSummary,
    not_before: WallTime,
    not_after: WallTime,
    signer: Arc<CertifiedKey>,
}

impl Identity {
    /// Returns an identity: `summary` and `facts` describe the chain, `signer` has the chain and its key.
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

    /// Returns its generation.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns the SHA-256 of its leaf.
    #[must_use]
    pub const fn leaf(&self) -> LeafDigest {
        self.leaf
    }

    /// Returns serial, subject and validity of its leaf, for people.
    #[must_use]
    pub const fn summary(&self) -> &LeafSummary {
        &self.summary
    }

    /// Returns `notBefore`: the latest over its chain.
    #[must_use]
    pub const fn not_before(&self) -> WallTime {
        self.not_before
    }

    /// Returns `notAfter`: the earliest over its chain. At this time it is expired.
    #[must_use]
    pub const fn not_after(&self) -> WallTime {
        self.not_after
    }

    /// Returns chain and key for rustls.
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

/// A sleep of a [`LiveIdentity`].
type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The wall clock of a [`LiveIdentity`].
trait WallClock: Send + Sync {
    /// Reads it.
    fn wall(&self) -> WallTime;

    /// Sleeps as [`Clock::until`].
    fn until(&self, time: WallTime) -> Sleep<'_>;
}

impl<C: Clock> WallClock for C {
    fn wall(&self) -> WallTime {
        Clock::wall(self)
    }

    fn until(&self, time: WallTime) -> Sleep<'_> {
        Box::pin(Clock::until(self, Some(time), None))
    }
}

/// A clock that is only read: sleeps are those of the system's clock.
struct Reading<F>(F);

impl<F: Fn() -> WallTime + Send + Sync> WallClock for Reading<F> {
    fn wall(&self) -> WallTime {
        (self.0)()
    }

    fn until(&self, time: WallTime) -> Sleep<'_> {
        Box::pin(Clock::until(&SystemClock, Some(time), None))
    }
}

/// A handle on the live identity. Cheap to clone: a clone has the same identity.
///
/// It resolves client certificates for rustls. A handshake with no live identity presents none; a client that
/// must not be anonymous uses [`crate::connection::LiveClient`].
#[derive(Clone)]
pub struct LiveIdentity {
    shown: Arc<watch::Sender<Option<Arc<Identity>>>>,
    clock: Arc<dyn WallClock>,
}

impl Default for LiveIdentity {
    fn default() -> Self {
        Self::with_clock(SystemClock)
    }
}

impl LiveIdentity {
    /// Returns a handle without an identity. Handshakes check validity by the clock `wall`.
    #[must_use]
    pub fn new(wall: impl Fn() -> WallTime + Send + Sync + 'static) -> Self {
        Self { shown: Arc::new(watch::Sender::new(None)), clock: Arc::new(Reading(wall)) }
    }

    /// Returns a handle without an identity. Handshakes check validity by the wall clock of `clock`.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self { shown: Arc::new(watch::Sender::new(None)), clock: Arc::new(clock) }
    }

    /// Returns the live identity if it is valid at `now`. Each call checks again (S1).
    #[must_use]
    pub fn current(&self, now: WallTime) -> Option<Arc<Identity>> {
        self.shown.borrow().clone().filter(|identity| identity.is_valid(now))
    }

    /// As [`LiveIdentity::current`], by the clock of this handle.
    #[must_use]
    pub fn current_now(&self) -> Option<Arc<Identity>> {
        self.current(self.wall())
    }

    /// Reads the clock of this handle.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        self.clock.wall()
    }

    /// Sleeps until the clock of this handle reaches a time, or for a shorter time.
    pub(crate) fn until(&self, time: WallTime) -> Sleep<'_> {
        self.clock.until(time)
    }

    /// Subscribes to changes: the new live identity, or `None` after a withdrawal.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Identity>>> {
        self.shown.subscribe()
    }

    /// Makes this identity live. Only the driver, on core's action, and tests call this.
    pub fn go_live(&self, identity: Identity) {
        self.shown.send_replace(Some(Arc::new(identity)));
    }

    /// Withdraws the live identity.
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
