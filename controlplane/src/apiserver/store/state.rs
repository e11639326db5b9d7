//! The state of a store, which its writer thread shares.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::Object;
use crate::apiserver::store::durable::Durable;
use crate::apiserver::store::event::{Event, Stored};
use crate::apiserver::store::feed::SharedFeeds;
use crate::apiserver::store::ledger::Ledger;
use crate::apiserver::store::staging::Staging;
use crate::base::budgets::{LOG_BYTES, LOG_CHANGES};
use crate::base::sync::lock;

/// The part of the store that the writer thread shares.
pub(crate) struct Shared<T: Object> {
    pub(crate) inner: Mutex<Inner<T>>,
    pub(super) changed: watch::Sender<u64>,
}

pub(crate) struct Inner<T: Object> {
    pub(crate) objects: BTreeMap<Arc<str>, Stored<T>>,
    pub(crate) version: u64,
    pub(super) log: VecDeque<Event<T>>,
    pub(super) log_bytes: usize,
    /// Events up to this version are no longer known.
    pub(super) forgotten: u64,
    pub(super) tally: T::Tally,
    pub(super) feeds: SharedFeeds,
    /// Counts the staged changes too.
    pub(super) ledger: Ledger,
    pub(super) staging: Staging<T>,
}

impl<T: Object> Inner<T> {
    /// The object as the next change finds it, staged or not.
    pub(super) fn newest(&self, key: &str) -> Option<(Stored<T>, Durable)> {
        match self.staging.get(key) {
            Some((stored, durable)) => stored.map(|stored| (stored, durable)),
            None => self.objects.get(key).cloned().map(|stored| (stored, Durable::at_once())),
        }
    }

    /// Counts a change in the budgets.
    pub(super) fn count(&mut self, event: &Event<T>) {
        if let Some(before) = &event.before {
            self.ledger.remove(before.object.account(), before.size);
        }
        if event.kind != ChangeKind::Deleted {
            self.ledger.add(event.object.account(), event.size);
        }
    }

    /// Shows a change to readers and watches.
    pub(super) fn apply(&mut self, event: Event<T>) {
        if event.kind == ChangeKind::Deleted {
            self.objects.remove(&event.key);
        } else {
            let stored = Stored { object: Arc::clone(&event.object), size: event.size };
            self.objects.insert(Arc::clone(&event.key), stored);
        }
        let before = event.before.as_ref().map(|stored| &*stored.object);
        T::tally(&mut self.tally, event.kind, &event.key, &event.object, before);
        self.version = event.version;
        lock(&self.feeds).publish((event.version, &event.key));
        self.log_bytes += event.memory();
        self.log.push_back(event);
        while self.log.len() > LOG_CHANGES || self.log_bytes > LOG_BYTES {
            let Some(event) = self.log.pop_front() else { break };
            self.log_bytes -= event.memory();
            self.forgotten = event.version;
        }
    }

    pub(crate) fn since(&self, version: u64) -> Result<impl DoubleEndedIterator<Item = &Event<T>>, ApiError> {
        if version < self.forgotten || version > self.version {
            return Err(ApiError::gone(version, self.forgotten));
        }
        let start = self.log.partition_point(|event| event.version <= version);
        Ok(self.log.range(start..))
    }
}
