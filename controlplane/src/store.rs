//! The objects: in memory, with resource versions, a bounded log for watches, and a journal where a directory is kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::api::query::Selector;
use crate::api::status::ApiError;
use crate::api::{Csr, name};
use crate::journal::Journal;
use crate::stats::OpenCounts;
use crate::sync::lock;

#[cfg(test)]
mod tests;

/// How many events a watch may lag behind before it is told 410.
const LOG: usize = 10_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Added,
    Modified,
    Deleted,
}

impl Kind {
    /// As a watch says it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) kind: Kind,
    pub(crate) object: Arc<Csr>,
}

/// The store.
pub(crate) struct Store {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

struct Inner {
    objects: BTreeMap<String, Arc<Csr>>,
    version: u64,
    log: VecDeque<Event>,
    /// Events up to this version are no longer known.
    forgotten: u64,
    journal: Option<Journal>,
    counts: OpenCounts,
}

impl Store {
    /// A store that starts with these objects, at this version.
    pub(crate) fn new(objects: Vec<Csr>, version: u64, journal: Option<Journal>) -> Self {
        let objects: BTreeMap<_, _> =
            objects.into_iter().map(|csr| (name(&csr).to_owned(), Arc::new(csr))).collect();
        let mut counts = OpenCounts::default();
        objects.values().for_each(|csr| counts.changed(Some(csr), name(csr)));
        let log = VecDeque::new();
        let inner = Inner { objects, version, log, forgotten: version, journal, counts };
        Self { inner: Mutex::new(inner), changed: watch::Sender::new(version) }
    }

    /// Marks every change of the version.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn get(&self, name: &str) -> Result<Arc<Csr>, ApiError> {
        lock(&self.inner).objects.get(name).cloned().ok_or_else(|| ApiError::not_found(name))
    }

    /// The selected objects in name order, and the version they are of.
    pub(crate) fn list(&self, selector: &Selector) -> (Vec<Arc<Csr>>, u64) {
        let inner = lock(&self.inner);
        let selected = inner.objects.values().filter(|csr| selector.selects(csr)).cloned().collect();
        (selected, inner.version)
    }

    /// The changes after `version`, or 410.
    pub(crate) fn since(&self, version: u64) -> Result<Vec<Event>, ApiError> {
        let inner = lock(&self.inner);
        if version < inner.forgotten || version > inner.version {
            return Err(ApiError::gone(version, inner.forgotten));
        }
        let start = inner.log.partition_point(|event| event.version <= version);
        Ok(inner.log.range(start..).cloned().collect())
    }

    /// Stores a new object; its name must be free.
    pub(crate) fn create(&self, csr: Csr) -> Result<Arc<Csr>, ApiError> {
        let mut inner = lock(&self.inner);
        if inner.objects.contains_key(name(&csr)) {
            return Err(ApiError::already_exists(name(&csr)));
        }
        self.commit(&mut inner, Kind::Added, csr)
    }

    /// Replaces an object by what `change` makes of it; an unchanged object keeps its version.
    pub(crate) fn update(
        &self,
        name: &str,
        change: impl FnOnce(&Csr) -> Result<Csr, ApiError>,
    ) -> Result<Arc<Csr>, ApiError> {
        let mut inner = lock(&self.inner);
        let old = inner.objects.get(name).cloned().ok_or_else(|| ApiError::not_found(name))?;
        let new = change(&old)?;
        if new == *old {
            return Ok(old);
        }
        let new = self.commit(&mut inner, Kind::Modified, new)?;
        inner.counts.durations.changed(&old, &new);
        Ok(new)
    }

    /// Removes an object if `check` lets it.
    pub(crate) fn delete(
        &self,
        name: &str,
        check: impl FnOnce(&Csr) -> Result<(), ApiError>,
    ) -> Result<Arc<Csr>, ApiError> {
        let mut inner = lock(&self.inner);
        let old = inner.objects.get(name).cloned().ok_or_else(|| ApiError::not_found(name))?;
        check(&old)?;
        self.commit(&mut inner, Kind::Deleted, Csr::clone(&old))
    }

    /// Open requests, now and at most.
    pub(crate) fn counts(&self) -> OpenCounts {
        lock(&self.inner).counts.clone()
    }

    fn commit(&self, inner: &mut Inner, kind: Kind, mut csr: Csr) -> Result<Arc<Csr>, ApiError> {
        let version = inner.version + 1;
        csr.metadata.resource_version = Some(version.to_string());
        let object = Arc::new(csr);
        if let Some(journal) = &mut inner.journal {
            // The journal comes first: what a client is told is there after a restart.
            let written = journal.append(kind, &object, inner.objects.len(), || inner.objects.values());
            written.map_err(|e| ApiError::internal(format!("cannot keep the object: {e}")))?;
        }
        let key = name(&object).to_owned();
        inner.counts.changed((kind != Kind::Deleted).then_some(&object), &key);
        if kind == Kind::Added {
            inner.counts.created += 1;
        }
        if kind == Kind::Deleted {
            inner.objects.remove(&key);
        } else {
            inner.objects.insert(key, Arc::clone(&object));
        }
        inner.version = version;
        inner.log.push_back(Event { version, kind, object: Arc::clone(&object) });
        if inner.log.len() > LOG
            && let Some(event) = inner.log.pop_front()
        {
            inner.forgotten = event.version;
        }
        self.changed.send_replace(version);
        Ok(object)
    }
}
