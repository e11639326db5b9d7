//! The objects of one kind: in memory, with resource versions, a bounded log for watches, and a journal where a directory is kept.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::sync::watch;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::{Object, key};
use crate::apiserver::store::event::Event;
use crate::apiserver::store::feed::{SharedFeeds, Subscription};
use crate::apiserver::store::journal::Journal;
use crate::apiserver::wire::selector::Selector;
use crate::base::budgets::OBJECT_BYTES;
use crate::base::csr::Csr;
use crate::base::sync::lock;
use crate::faults::handle::CsrStore;

#[cfg(test)]
mod tests;

/// How many changes a watch or a page may lag behind before it gets 410.
const LOG: usize = 10_000;

/// The store.
pub(crate) struct Store<T: Object = Csr> {
    pub(crate) inner: Mutex<Inner<T>>,
    changed: watch::Sender<u64>,
}

pub(crate) struct Inner<T: Object> {
    pub(crate) objects: BTreeMap<Arc<str>, Arc<T>>,
    pub(crate) version: u64,
    log: VecDeque<Event<T>>,
    /// Events up to this version are no longer known.
    forgotten: u64,
    journal: Option<Journal<T>>,
    tally: T::Tally,
    feeds: SharedFeeds<T>,
}

impl<T: Object> Store<T> {
    /// A store that starts with these objects, at this version.
    pub(crate) fn new(objects: Vec<T>, version: u64, journal: Option<Journal<T>>) -> Self {
        let objects: BTreeMap<Arc<str>, _> =
            objects.into_iter().map(|object| (Arc::from(&*key(&object)), Arc::new(object))).collect();
        let mut tally = T::Tally::default();
        objects
            .iter()
            .for_each(|(key, object)| T::tally(&mut tally, ChangeKind::Modified, key, object, None));
        let inner = Inner {
            objects,
            version,
            log: VecDeque::new(),
            forgotten: version,
            journal,
            tally,
            feeds: SharedFeeds::default(),
        };
        Self { inner: Mutex::new(inner), changed: watch::Sender::new(version) }
    }

    /// Marks every change of the version.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn get(&self, key: &str) -> Result<Arc<T>, ApiError> {
        lock(&self.inner).existing(key)
    }

    /// The selected objects in the order of their names, and the version they are of.
    pub(crate) fn list(&self, selector: &Selector) -> (Vec<Arc<T>>, u64) {
        let inner = lock(&self.inner);
        let selected =
            inner.objects.values().filter(|object| selector.selects(&***object)).cloned().collect();
        (selected, inner.version)
    }

    /// The changes after `version`, or 410.
    pub(crate) fn since(&self, version: u64) -> Result<Vec<Event<T>>, ApiError> {
        lock(&self.inner).since(version).map(|events| events.cloned().collect())
    }

    /// The changes after `version`, and a subscription to every later change; of one key if one is given.
    pub(crate) fn watch(
        &self,
        version: u64,
        key: Option<&str>,
    ) -> Result<(Vec<Event<T>>, Subscription<T>), ApiError> {
        // One lock around both: a change is either in the log already or comes through the subscription.
        let inner = lock(&self.inner);
        let missed: Vec<_> =
            inner.since(version)?.filter(|event| key.is_none_or(|key| *key == *event.key)).cloned().collect();
        Ok((missed, Subscription::open(&inner.feeds, key)))
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        lock(&self.inner).version
    }

    /// Drops the log, so that every earlier version gets 410.
    pub(crate) fn forget_changes(&self) {
        let mut inner = lock(&self.inner);
        inner.log.clear();
        inner.forgotten = inner.version;
    }

    /// Stores a new object; its name must be free.
    #[cfg(test)]
    pub(crate) fn create(&self, object: T) -> Result<Arc<T>, ApiError> {
        self.create_unless_dry(object, false)
    }

    /// Stores a new object, whose name must be free; a dry run answers alike and stores nothing.
    pub(crate) fn create_unless_dry(&self, object: T, dry: bool) -> Result<Arc<T>, ApiError> {
        let mut inner = lock(&self.inner);
        let key = Arc::from(&*key(&object));
        if inner.objects.contains_key(&key) {
            let name = object.metadata().name.clone().unwrap_or_default();
            return Err(ApiError::already_exists(T::API, &name));
        }
        check_size(&object)?;
        if dry { Ok(Arc::new(object)) } else { self.commit(&mut inner, ChangeKind::Added, key, object) }
    }

    /// Replaces an object by the result of `change`; an unchanged object keeps its version.
    pub(crate) fn update(
        &self,
        key: &str,
        change: impl FnOnce(&T) -> Result<T, ApiError>,
    ) -> Result<Arc<T>, ApiError> {
        self.update_unless_dry(key, false, change)
    }

    /// The same; a dry run answers alike and stores nothing. Removes an object that is to be deleted and has no finalizer left.
    pub(crate) fn update_unless_dry(
        &self,
        key: &str,
        dry: bool,
        change: impl FnOnce(&T) -> Result<T, ApiError>,
    ) -> Result<Arc<T>, ApiError> {
        let mut inner = lock(&self.inner);
        let old = inner.existing(key)?;
        let new = change(&old)?;
        if new == *old {
            return Ok(old);
        }
        check_size(&new)?;
        if dry {
            return Ok(Arc::new(new));
        }
        let meta = new.metadata();
        let released =
            meta.deletion_timestamp.is_some() && meta.finalizers.as_ref().is_none_or(Vec::is_empty);
        let kind = if released { ChangeKind::Deleted } else { ChangeKind::Modified };
        self.commit(&mut inner, kind, Arc::from(key), new)
    }

    /// Removes an object if `check` lets it.
    pub(crate) fn delete_if(
        &self,
        key: &str,
        check: impl FnOnce(&T) -> Result<(), ApiError>,
    ) -> Result<Arc<T>, ApiError> {
        let mut inner = lock(&self.inner);
        let old = inner.existing(key)?;
        check(&old)?;
        self.commit(&mut inner, ChangeKind::Deleted, Arc::from(key), T::clone(&old))
    }

    /// Removes an object if `check` lets it; one with finalizers is only marked, and goes with the last of them.
    pub(crate) fn remove(
        &self,
        key: &str,
        (now, dry): (Time, bool),
        check: impl FnOnce(&T) -> Result<(), ApiError>,
    ) -> Result<Arc<T>, ApiError> {
        let mut inner = lock(&self.inner);
        let old = inner.existing(key)?;
        check(&old)?;
        let finalizers = old.metadata().finalizers.as_ref().is_some_and(|list| !list.is_empty());
        if dry || finalizers && old.metadata().deletion_timestamp.is_some() {
            return Ok(old);
        }
        let mut new = T::clone(&old);
        if !finalizers {
            return self.commit(&mut inner, ChangeKind::Deleted, Arc::from(key), new);
        }
        new.metadata_mut().deletion_timestamp = Some(now);
        new.metadata_mut().deletion_grace_period_seconds = Some(0);
        self.commit(&mut inner, ChangeKind::Modified, Arc::from(key), new)
    }

    /// Returns the counts.
    pub(crate) fn counts(&self) -> T::Tally {
        lock(&self.inner).tally.clone()
    }

    fn commit(
        &self,
        inner: &mut Inner<T>,
        kind: ChangeKind,
        key: Arc<str>,
        mut object: T,
    ) -> Result<Arc<T>, ApiError> {
        let version = inner.version + 1;
        object.metadata_mut().resource_version = Some(version.to_string());
        let object = Arc::new(object);
        if let Some(journal) = &mut inner.journal {
            // The journal comes first: a client must find after a restart every change that it was told.
            let written = journal.append(kind, &object, inner.objects.len(), || inner.objects.values());
            written.map_err(|e| ApiError::internal(format!("cannot keep the object: {e}")))?;
        }
        let before = if kind == ChangeKind::Deleted {
            inner.objects.remove(&key)
        } else {
            inner.objects.insert(Arc::clone(&key), Arc::clone(&object))
        };
        T::tally(&mut inner.tally, kind, &key, &object, before.as_deref());
        inner.version = version;
        let event = Event {
            version,
            kind,
            key,
            object: Arc::clone(&object),
            before,
            line: Arc::new(OnceLock::new()),
        };
        lock(&inner.feeds).publish(&event);
        inner.log.push_back(event);
        if inner.log.len() > LOG
            && let Some(event) = inner.log.pop_front()
        {
            inner.forgotten = event.version;
        }
        self.changed.send_replace(version);
        Ok(object)
    }
}

/// Refuses an object whose JSON form is too large to be kept, before anything is changed.
fn check_size<T: Object>(object: &T) -> Result<(), ApiError> {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, object).map_err(|e| ApiError::internal(e.to_string()))?;
    if count.0 <= OBJECT_BYTES {
        return Ok(());
    }
    let why =
        format!("the object has {} bytes as JSON, more than the {OBJECT_BYTES} that are stored", count.0);
    Err(ApiError::too_large_because(why))
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: Object> Inner<T> {
    fn existing(&self, key: &str) -> Result<Arc<T>, ApiError> {
        let name = || key.rsplit_once('/').map_or(key, |(_, name)| name);
        self.objects.get(key).cloned().ok_or_else(|| ApiError::not_found(T::API, name()))
    }

    pub(crate) fn since(&self, version: u64) -> Result<impl DoubleEndedIterator<Item = &Event<T>>, ApiError> {
        if version < self.forgotten || version > self.version {
            return Err(ApiError::gone(version, self.forgotten));
        }
        let start = self.log.partition_point(|event| event.version <= version);
        Ok(self.log.range(start..))
    }
}

impl CsrStore for Store<Csr> {
    fn compact(&self) {
        self.forget_changes();
    }

    fn delete(&self, name: &str) -> bool {
        self.delete_if(name, |_| Ok(())).is_ok()
    }
}
