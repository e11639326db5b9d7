//! The work queue: each object has one worker at a time, and failed objects are retried with growing delays.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Wait after the first failure; it doubles with each, as in client-go's controllers.
const FIRST: Duration = Duration::from_millis(200);
/// Longest wait. Kubernetes goes up to 1000 s, so that a role that was mended takes a quarter of an hour to be noticed.
const LONGEST: Duration = Duration::from_secs(60);

/// The name of an object.
pub(crate) type Name = Arc<str>;

/// A work queue without its workers.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Name>,
    queued: HashSet<Name>,
    /// Names with a worker; true: to be queued again afterwards.
    busy: HashMap<Name, bool>,
    later: BTreeSet<(Instant, Name)>,
    /// The entry of each name in `later`.
    at: HashMap<Name, Instant>,
    failures: HashMap<Name, u32>,
}

impl Queue {
    /// Queues a name for the next free worker.
    pub(crate) fn add(&mut self, name: &Name) {
        if let Some(again) = self.busy.get_mut(name) {
            *again = true;
        } else if self.queued.insert(Arc::clone(name)) {
            self.ready.push_back(Arc::clone(name));
        }
    }

    /// Takes the next name; [`Self::done`] or [`Self::failed`] gives it back.
    pub(crate) fn take(&mut self) -> Option<Name> {
        let name = self.ready.pop_front()?;
        self.queued.remove(&name);
        self.busy.insert(Arc::clone(&name), false);
        self.unschedule(&name);
        Some(name)
    }

    /// Gives a name back; it is queued again at `at`, or earlier if its object changes.
    pub(crate) fn done(&mut self, name: &Name, at: Option<Instant>) {
        self.failures.remove(name);
        self.give_back(name, at);
    }

    /// To be tried again; answers after how long.
    pub(crate) fn failed(&mut self, name: &Name, now: Instant) -> Duration {
        let failures = self.failures.entry(Arc::clone(name)).or_default();
        let wait = FIRST.saturating_mul(2_u32.saturating_pow(*failures)).min(LONGEST);
        *failures = failures.saturating_add(1);
        self.give_back(name, Some(now + wait));
        wait
    }

    /// The object is gone. If it is queued, its worker will find that out.
    pub(crate) fn forget(&mut self, name: &Name) {
        self.unschedule(name);
        self.failures.remove(name);
        if let Some(again) = self.busy.get_mut(name) {
            *again = false;
        }
    }

    /// Queues every name that is due, and returns when the next one is.
    pub(crate) fn wake(&mut self, now: Instant) -> Option<Instant> {
        while let Some((at, _)) = self.later.first() {
            if *at > now {
                return Some(*at);
            }
            if let Some((_, name)) = self.later.pop_first() {
                self.at.remove(&name);
                self.add(&name);
            }
        }
        None
    }

    fn give_back(&mut self, name: &Name, at: Option<Instant>) {
        if self.busy.remove(name) == Some(true) {
            self.add(name);
        } else if let Some(at) = at {
            self.unschedule(name);
            self.at.insert(Arc::clone(name), at);
            self.later.insert((at, Arc::clone(name)));
        }
    }

    fn unschedule(&mut self, name: &Name) {
        if let Some(at) = self.at.remove(name) {
            self.later.remove(&(at, Arc::clone(name)));
        }
    }
}
