//! Changes on their way to the disk.

use std::collections::HashMap;
use std::sync::Arc;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::Object;
use crate::apiserver::store::durable::{Batch, Durable};
use crate::apiserver::store::event::{Event, Stored};
use crate::apiserver::store::journal::encode;
use crate::base::budgets::STAGED_BYTES;

/// The staged changes. All of them fail together: each may build on the one before it.
pub(super) struct Staging<T> {
    /// The version of the newest change, staged or not. Failed changes leave gaps: no reader has seen their versions.
    version: u64,
    events: Vec<Event<T>>,
    lines: Vec<u8>,
    /// About the memory of both.
    memory: usize,
    /// The newest state of each key with a change that is staged or being written.
    newest: HashMap<Arc<str>, Newest<T>>,
    batch: Batch,
    /// The promise of the newest change.
    last: Durable,
    /// How often staged changes failed.
    failures: u64,
    is_closed: bool,
}

/// Some staged changes, as the journal takes them.
pub(super) struct Staged<T> {
    pub(super) events: Vec<Event<T>>,
    pub(super) lines: Vec<u8>,
    pub(super) batch: Batch,
}

struct Newest<T> {
    version: u64,
    /// `None`: deleted.
    stored: Option<Stored<T>>,
    durable: Durable,
}

impl<T: Object> Staging<T> {
    pub(super) fn new(version: u64) -> Self {
        Self {
            version,
            events: Vec::new(),
            lines: Vec::new(),
            memory: 0,
            newest: HashMap::new(),
            batch: Batch::default(),
            last: Durable::at_once(),
            failures: 0,
            is_closed: false,
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Notes the version of a change that needs no disk.
    pub(super) fn skip_to(&mut self, version: u64) {
        self.version = version;
    }

    /// The newest state of a key, if a change of it is on its way.
    pub(super) fn get(&self, key: &str) -> Option<(Option<Stored<T>>, Durable)> {
        self.newest.get(key).map(|newest| (newest.stored.clone(), newest.durable.clone()))
    }

    /// How often staged changes failed, and the promise of all changes that are staged now.
    pub(super) fn barrier(&self) -> (u64, Durable) {
        (self.failures, if self.newest.is_empty() { Durable::at_once() } else { self.last.clone() })
    }

    /// Adds a change to the next batch.
    pub(super) fn push(&mut self, event: &Event<T>) -> Result<Durable, ApiError> {
        if self.is_closed {
            return Err(ApiError::unavailable("the control plane ends: the object is not stored"));
        }
        if self.memory > STAGED_BYTES {
            let why = format!("changes of more than {STAGED_BYTES} bytes wait for the disk");
            return Err(ApiError::too_many_requests(why, 1));
        }
        encode(event, &mut self.lines).map_err(|e| ApiError::internal(e.to_string()))?;
        self.version = event.version;
        self.memory += event.memory();
        self.events.push(event.clone());
        let stored = Stored { object: Arc::clone(&event.object), size: event.size };
        let stored = (event.kind != ChangeKind::Deleted).then_some(stored);
        let durable = self.batch.promise();
        self.last = durable.clone();
        let newest = Newest { version: event.version, stored, durable: durable.clone() };
        self.newest.insert(Arc::clone(&event.key), newest);
        Ok(durable)
    }

    /// Takes all changes that are staged; `None` if there is none.
    pub(super) fn take(&mut self) -> Option<Staged<T>> {
        (!self.events.is_empty()).then(|| self.take_back())
    }

    /// Takes everything out: the newest state of each key is that of the store again.
    pub(super) fn fail(&mut self) -> Staged<T> {
        self.newest.clear();
        self.failures += 1;
        self.take_back()
    }

    fn take_back(&mut self) -> Staged<T> {
        self.memory = 0;
        Staged {
            events: std::mem::take(&mut self.events),
            lines: std::mem::take(&mut self.lines),
            batch: std::mem::take(&mut self.batch),
        }
    }

    /// The change is on the disk: the store has its state.
    pub(super) fn forget(&mut self, event: &Event<T>) {
        if self.newest.get(&event.key).is_some_and(|newest| newest.version == event.version) {
            self.newest.remove(&event.key);
        }
    }

    /// Takes no more changes.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }
}
