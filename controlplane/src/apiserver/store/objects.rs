//! The objects of one kind: in memory, with resource versions, a bounded log for watches, and a journal where a directory is kept.
//!
//! With a journal a change is *staged* first: later changes build on it, and no reader sees it. The writer thread appends
//! all staged changes to the journal, syncs, and only then shows them and lets their requests be answered. So the changes
//! that arrive during one sync share the next.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::sync::watch;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::{Object, Size, key};
use crate::apiserver::store::durable::Durable;
use crate::apiserver::store::event::{Event, Stored};
use crate::apiserver::store::feed::{SharedFeeds, Subscription};
use crate::apiserver::store::journal::Journal;
use crate::apiserver::store::ledger::Ledger;
use crate::apiserver::store::staging::Staging;
use crate::apiserver::store::state::{Inner, Shared};
use crate::apiserver::store::writer::Writer;
use crate::apiserver::wire::selector::Selector;
use crate::base::budgets::{CHUNK_BYTES, CHUNK_OBJECTS, OBJECT_BYTES};
use crate::base::csr::Csr;
use crate::base::sync::lock;
use crate::faults::handle::CsrStore;

#[cfg(test)]
mod tests;

/// The store.
pub(crate) struct Store<T: Object = Csr> {
    pub(crate) shared: Arc<Shared<T>>,
    writer: Option<Writer>,
}

/// The result of a write: the object, and the promise that it is kept.
#[derive(Debug)]
pub(crate) struct Written<T> {
    pub(crate) object: Arc<T>,
    pub(crate) durable: Durable,
}

impl<T> Deref for Written<T> {
    type Target = Arc<T>;

    fn deref(&self) -> &Arc<T> {
        &self.object
    }
}

/// A part of the log.
pub(crate) struct Changes<T> {
    pub(crate) events: Vec<Event<T>>,
    /// Every change up to this version is among them, or of no interest.
    pub(crate) version: u64,
    /// Whether that is the newest version.
    pub(crate) is_all: bool,
}

impl<T: Object> Store<T> {
    /// A store that starts with these objects, at this version.
    pub(crate) fn new(objects: Vec<T>, version: u64, journal: Option<Journal<T>>) -> Self {
        let (mut tally, mut ledger) = (T::Tally::default(), Ledger::default());
        let mut stored = BTreeMap::new();
        for object in objects {
            let (key, size) = (Arc::from(&*key(&object)), Size::of(&object));
            T::tally(&mut tally, ChangeKind::Modified, &key, &object, None);
            ledger.add(object.account(), size);
            stored.insert(key, Stored { object: Arc::new(object), size });
        }
        let inner = Inner {
            objects: stored,
            version,
            log: VecDeque::new(),
            log_bytes: 0,
            forgotten: version,
            tally,
            feeds: SharedFeeds::default(),
            ledger,
            staging: Staging::new(version),
        };
        let shared = Arc::new(Shared { inner: Mutex::new(inner), changed: watch::Sender::new(version) });
        let writer = journal.map(|journal| Writer::start(&shared, journal));
        Self { shared, writer }
    }

    /// Writes what is staged, and takes no more changes.
    pub(crate) fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close();
        }
    }

    /// Marks every change of the version.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    pub(crate) fn get(&self, key: &str) -> Result<Arc<T>, ApiError> {
        let inner = lock(&self.shared.inner);
        inner.objects.get(key).map(|stored| Arc::clone(&stored.object)).ok_or_else(|| not_found::<T>(key))
    }

    /// The selected objects in the order of their names, and the version they are of.
    pub(crate) fn list(&self, selector: &Selector) -> (Vec<Arc<T>>, u64) {
        let inner = lock(&self.shared.inner);
        let all = inner.objects.values().map(|stored| &stored.object);
        (all.filter(|object| selector.selects(&***object)).cloned().collect(), inner.version)
    }

    /// The changes after `version`, or 410.
    pub(crate) fn since(&self, version: u64) -> Result<Vec<Event<T>>, ApiError> {
        lock(&self.shared.inner).since(version).map(|events| events.cloned().collect())
    }

    /// Some of the changes after `version`, of one key if one is given; or 410.
    pub(crate) fn changes(&self, version: u64, key: Option<&str>) -> Result<Changes<T>, ApiError> {
        let inner = lock(&self.shared.inner);
        let mut changes = Changes { events: Vec::new(), version, is_all: true };
        let mut bytes = 0;
        for event in inner.since(version)? {
            if changes.events.len() >= CHUNK_OBJECTS || bytes >= CHUNK_BYTES {
                changes.is_all = false;
                break;
            }
            changes.version = event.version;
            if key.is_none_or(|key| *key == *event.key) {
                bytes += event.size.json;
                changes.events.push(event.clone());
            }
        }
        Ok(changes)
    }

    /// Subscribes to every later change; of one key if one is given.
    pub(crate) fn watch(&self, key: Option<&str>) -> Subscription {
        let inner = lock(&self.shared.inner);
        Subscription::open(&inner.feeds, key)
    }

    /// The change of this version, while the log has it.
    pub(crate) fn event(&self, version: u64) -> Option<Event<T>> {
        let inner = lock(&self.shared.inner);
        inner.since(version.checked_sub(1)?).ok()?.next().cloned()
    }

    /// How often staged changes failed, and the promise of all that are staged now.
    pub(crate) fn barrier(&self) -> (u64, Durable) {
        lock(&self.shared.inner).staging.barrier()
    }

    /// Whether the next change finds an object under this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        lock(&self.shared.inner).newest(key).is_some()
    }

    /// The version of the last change.
    pub(crate) fn version(&self) -> u64 {
        lock(&self.shared.inner).version
    }

    /// Drops the log, so that every earlier version gets 410.
    pub(crate) fn forget_changes(&self) {
        let mut inner = lock(&self.shared.inner);
        inner.log.clear();
        inner.log_bytes = 0;
        inner.forgotten = inner.version;
    }

    /// Stores a new object; its name must be free.
    #[cfg(test)]
    pub(crate) fn create(&self, object: T) -> Result<Written<T>, ApiError> {
        self.create_unless_dry(object, false)
    }

    /// Stores a new object, whose name must be free; a dry run answers alike and stores nothing.
    pub(crate) fn create_unless_dry(&self, mut object: T, dry: bool) -> Result<Written<T>, ApiError> {
        object.normalize();
        let mut inner = lock(&self.shared.inner);
        let key: Arc<str> = Arc::from(&*key(&object));
        let name = object.metadata().name.clone().unwrap_or_default();
        if inner.newest(&key).is_some() {
            return Err(ApiError::already_exists(T::API, &name));
        }
        let size = checked_size(&object)?;
        inner.ledger.check::<T>(&name, object.limited_account(), (1, size.memory))?;
        if dry {
            return Ok(Written { object: Arc::new(object), durable: Durable::at_once() });
        }
        self.commit(&mut inner, (ChangeKind::Added, key), object)
    }

    /// Replaces an object by the result of `change`; an unchanged object keeps its version.
    pub(crate) fn update(
        &self,
        key: &str,
        change: impl FnOnce(&T) -> Result<T, ApiError>,
    ) -> Result<Written<T>, ApiError> {
        self.update_unless_dry(key, false, change)
    }

    /// The same; a dry run answers alike and stores nothing. Removes an object that is to be deleted and has no finalizer left.
    pub(crate) fn update_unless_dry(
        &self,
        key: &str,
        dry: bool,
        change: impl FnOnce(&T) -> Result<T, ApiError>,
    ) -> Result<Written<T>, ApiError> {
        let mut inner = lock(&self.shared.inner);
        let (old, durable) = inner.newest(key).ok_or_else(|| not_found::<T>(key))?;
        let mut new = change(&old.object)?;
        new.normalize();
        if new == *old.object || new == normalized(&old.object) {
            return Ok(Written { object: old.object, durable });
        }
        let size = checked_size(&new)?;
        let name = new.metadata().name.clone().unwrap_or_default();
        let account = new.limited_account().filter(|_| T::OWNER_UPDATES);
        inner.ledger.check::<T>(&name, account, (0, size.memory.saturating_sub(old.size.memory)))?;
        if dry {
            return Ok(Written { object: Arc::new(new), durable: Durable::at_once() });
        }
        let meta = new.metadata();
        let released =
            meta.deletion_timestamp.is_some() && meta.finalizers.as_ref().is_none_or(Vec::is_empty);
        let kind = if released { ChangeKind::Deleted } else { ChangeKind::Modified };
        self.commit(&mut inner, (kind, Arc::from(key)), new)
    }

    /// Removes an object if `check` lets it.
    pub(crate) fn delete_if(
        &self,
        key: &str,
        check: impl FnOnce(&T) -> Result<(), ApiError>,
    ) -> Result<Written<T>, ApiError> {
        let mut inner = lock(&self.shared.inner);
        let (old, _) = inner.newest(key).ok_or_else(|| not_found::<T>(key))?;
        check(&old.object)?;
        self.commit(&mut inner, (ChangeKind::Deleted, Arc::from(key)), T::clone(&old.object))
    }

    /// Removes an object if `check` lets it; one with finalizers is only marked, and goes with the last of them.
    pub(crate) fn remove(
        &self,
        key: &str,
        (now, dry): (Time, bool),
        check: impl FnOnce(&T) -> Result<(), ApiError>,
    ) -> Result<Written<T>, ApiError> {
        let mut inner = lock(&self.shared.inner);
        let (old, durable) = inner.newest(key).ok_or_else(|| not_found::<T>(key))?;
        check(&old.object)?;
        let finalizers = old.object.metadata().finalizers.as_ref().is_some_and(|list| !list.is_empty());
        if dry || finalizers && old.object.metadata().deletion_timestamp.is_some() {
            return Ok(Written { object: old.object, durable });
        }
        let mut new = T::clone(&old.object);
        if !finalizers {
            return self.commit(&mut inner, (ChangeKind::Deleted, Arc::from(key)), new);
        }
        new.metadata_mut().deletion_timestamp = Some(now);
        new.metadata_mut().deletion_grace_period_seconds = Some(0);
        self.commit(&mut inner, (ChangeKind::Modified, Arc::from(key)), new)
    }

    /// Returns the counts.
    pub(crate) fn counts(&self) -> T::Tally {
        lock(&self.shared.inner).tally.clone()
    }

    /// Gives the change its version, and applies it: at once, or when the journal has it.
    fn commit(
        &self,
        inner: &mut Inner<T>,
        (kind, key): (ChangeKind, Arc<str>),
        mut object: T,
    ) -> Result<Written<T>, ApiError> {
        let version = inner.staging.version() + 1;
        object.metadata_mut().resource_version = Some(version.to_string());
        let (object, size) = (Arc::new(object.clone()), Size::of(&object));
        let before = inner.newest(&key).map(|(stored, _)| stored);
        let line = Arc::new(OnceLock::new());
        let event = Event { version, kind, key, object: Arc::clone(&object), size, before, line };
        let durable = match &self.writer {
            Some(writer) => {
                let durable = inner.staging.push(&event)?;
                inner.count(&event);
                writer.wake();
                durable
            }
            None => {
                inner.staging.skip_to(version);
                inner.count(&event);
                inner.apply(event);
                self.shared.changed.send_replace(version);
                Durable::at_once()
            }
        };
        Ok(Written { object, durable })
    }
}

/// Returns the size of an object, or refuses one whose JSON form is too large to be kept.
fn checked_size<T: Object>(object: &T) -> Result<Size, ApiError> {
    let size = Size::of(object);
    if size.json <= OBJECT_BYTES {
        return Ok(size);
    }
    let why =
        format!("the object has {} bytes as JSON, more than the {OBJECT_BYTES} that are stored", size.json);
    Err(ApiError::too_large_because(why))
}

/// The object in its normal form: one that an earlier version stored may have another.
fn normalized<T: Object>(object: &T) -> T {
    let mut normalized = object.clone();
    normalized.normalize();
    normalized
}

fn not_found<T: Object>(key: &str) -> ApiError {
    ApiError::not_found(T::API, key.rsplit_once('/').map_or(key, |(_, name)| name))
}

impl CsrStore for Store<Csr> {
    fn compact(&self) {
        self.forget_changes();
    }

    fn delete(&self, name: &str) -> bool {
        self.delete_if(name, |_| Ok(())).is_ok()
    }
}
