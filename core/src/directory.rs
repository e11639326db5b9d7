//! The certificate directory as the last scan and this run's own changes left it, and the order of generations.

use crate::disk::Name;
use crate::id::Generation;
use crate::time::MonoTime;

/// The names that the next attempt has to know without a scan.
///
/// The linked and the superseded bundle are never the same file: both are private, and every change keeps them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Directory {
    /// The bundle that the current link names. Set by a scan and by every switch of the link.
    linked: Option<Name>,
    /// The superseded bundle. It stays as a fallback until the next pending key is durable; then `Saving` removes it.
    previous: Option<Name>,
    /// The pending file: of the open request, or of a retired key until its successor is durable. Set by `Saving` and by a
    /// scan, cleared when its removal succeeded.
    pub(crate) pending: Option<Name>,
    /// When the removal of stale files is tried again. Set when one could not be removed or a name was forgotten; cleared by a
    /// recovery that removes them all.
    pub(crate) cleanup_at: Option<MonoTime>,
    /// Failed disk operations since the last sequence that succeeded; they set the backoff.
    pub(crate) failures: u16,
}

impl Directory {
    pub(crate) const fn previous(&self) -> Option<Name> {
        self.previous
    }

    /// Records the names that a scan found.
    pub(crate) fn record_scan(
        &mut self,
        linked: Option<Name>,
        previous: Option<Name>,
        pending: Option<Name>,
    ) {
        (self.linked, self.pending) = (linked, pending);
        self.previous = previous.filter(|name| Some(*name) != linked);
    }

    /// Records that the current link names this bundle now. The one that it named before is superseded.
    pub(crate) fn record_switch(&mut self, bundle: Name, now: MonoTime) {
        if self.linked == Some(bundle) {
            return;
        }
        // The bundle that the link named before replaces the previous bundle, which may be this
        // bundle itself.
        let superseded = self.linked.replace(bundle);
        self.keep(superseded, now);
    }

    /// Records that this durable bundle waits without the link: the next key takes its place.
    pub(crate) fn record_held(&mut self, bundle: Name, now: MonoTime) {
        if self.linked != Some(bundle) {
            self.keep(Some(bundle), now);
        }
    }

    /// Forgets the superseded bundle, whose removal succeeded.
    pub(crate) fn forget_previous(&mut self) {
        self.previous = None;
    }

    /// Keeps a bundle as the superseded one. One place is all there is: a second one would be forgotten and stay on disk (S12).
    fn keep(&mut self, bundle: Option<Name>, now: MonoTime) {
        if core::mem::replace(&mut self.previous, bundle).is_some() {
            self.cleanup_at = Some(now);
        }
    }

    /// Whether stale files are to be removed now.
    pub(crate) fn needs_cleanup(&self, now: MonoTime) -> bool {
        self.cleanup_at.is_some_and(|again| now >= again)
    }
}

/// The generation numbers of this node. `finished` never exceeds `used`: both are private, and only this type changes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Generations {
    /// The highest generation that any file or attempt has used. The next attempt takes the one after it, so that no number
    /// ever stands for two keys.
    used: Generation,
    /// The highest generation that did not fail: it was installed, or its request is for a template that changed since. Failed
    /// attempts are counted from here on.
    finished: Generation,
}

impl Generations {
    pub(crate) const fn used(&self) -> Generation {
        self.used
    }

    pub(crate) const fn finished(&self) -> Generation {
        self.finished
    }

    /// Takes the number of the next attempt.
    pub(crate) fn take_next(&mut self) -> Generation {
        self.used = self.used.next();
        self.used
    }

    /// Records that a file or an attempt has this number.
    pub(crate) fn record_used(&mut self, generation: Generation) {
        self.used = self.used.max(generation);
    }

    /// Records that the attempt of this number did not fail.
    pub(crate) fn record_finished(&mut self, generation: Generation) {
        self.finished = self.finished.max(generation);
        self.record_used(generation);
    }

    /// Records that no attempt so far counts as failed: the template changed.
    pub(crate) fn finish_all(&mut self) {
        self.finished = self.used;
    }
}
