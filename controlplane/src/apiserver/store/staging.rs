//! Changes on their way to the disk, and the thread that brings them there.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::thread::JoinHandle;

use tracing::{error, info};

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::Object;
use crate::apiserver::store::durable::{Batch, Durable};
use crate::apiserver::store::event::{Event, Stored};
use crate::apiserver::store::journal::{Journal, encode};
use crate::apiserver::store::objects::Shared;
use crate::base::budgets::STAGED_BYTES;
use crate::base::sync::lock;

/// The staged changes. All of them fail together: each may build on the one before it.
pub(super) struct Staging<T> {
    /// The version of the newest change, staged or not. Failed changes leave gaps: no reader has seen their versions.
    version: u64,
    events: Vec<Event<T>>,
    lines: Vec<u8>,
    /// The newest state of each key with a change that is staged or being written.
    newest: HashMap<Arc<str>, Newest<T>>,
    batch: Batch,
    is_closed: bool,
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
            newest: HashMap::new(),
            batch: Batch::default(),
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

    /// Adds a change to the next batch.
    pub(super) fn push(&mut self, event: &Event<T>) -> Result<Durable, ApiError> {
        if self.is_closed {
            return Err(ApiError::unavailable("the control plane ends: the object is not stored"));
        }
        if self.lines.len() > STAGED_BYTES {
            let why = format!("more than {STAGED_BYTES} bytes of changes wait for the disk");
            return Err(ApiError::too_many_requests(why, 1));
        }
        encode(event, &mut self.lines).map_err(|e| ApiError::internal(e.to_string()))?;
        self.version = event.version;
        self.events.push(event.clone());
        let stored = Stored { object: Arc::clone(&event.object), size: event.size };
        let stored = (event.kind != ChangeKind::Deleted).then_some(stored);
        let durable = self.batch.promise();
        let newest = Newest { version: event.version, stored, durable: durable.clone() };
        self.newest.insert(Arc::clone(&event.key), newest);
        Ok(durable)
    }
}

/// The thread that writes.
pub(super) struct Writer {
    wake: Mutex<Option<SyncSender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start<T: Object>(shared: &Arc<Shared<T>>, mut journal: Journal<T>) -> Self {
        let (wake, woken): (_, Receiver<()>) = sync_channel(1);
        let shared = Arc::clone(shared);
        let thread = thread::spawn(move || {
            while woken.recv().is_ok() {
                while shared.write(&mut journal) {}
            }
            lock(&shared.inner).staging.is_closed = true;
            while shared.write(&mut journal) {}
        });
        Self { wake: Mutex::new(Some(wake)), thread: Mutex::new(Some(thread)) }
    }

    /// Says that something is staged.
    pub(super) fn wake(&self) {
        if let Some(wake) = &*lock(&self.wake) {
            match wake.try_send(()) {
                // It looks again in any case, or has ended and says so in the next change.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }

    /// Lets the thread write what is staged, and waits for its end.
    pub(super) fn close(&self) {
        drop(lock(&self.wake).take());
        if let Some(thread) = lock(&self.thread).take() {
            // An error is a panic there, which has been reported already.
            let _ended = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T: Object> Shared<T> {
    /// Writes one batch; false if nothing is staged.
    fn write(&self, journal: &mut Journal<T>) -> bool {
        let (events, lines, batch) = {
            let staging = &mut lock(&self.inner).staging;
            if staging.events.is_empty() {
                return false;
            }
            let events = std::mem::take(&mut staging.events);
            (events, std::mem::take(&mut staging.lines), std::mem::take(&mut staging.batch))
        };
        let live = || {
            let inner = lock(&self.inner);
            (inner.objects.values().map(|stored| Arc::clone(&stored.object)).collect(), inner.version)
        };
        let was_failing = journal.is_failing();
        match journal.append((&lines, events.len()), live) {
            Ok(()) => {
                if was_failing {
                    info!(file = %journal.path().display(), "the journal can be written again");
                }
                self.show(events);
                batch.settle(Ok(()));
            }
            Err(why) => {
                if !was_failing {
                    error!(
                        file = %journal.path().display(), error = %why,
                        "the journal cannot be written; no change is accepted until it can: free space, or mend the disk"
                    );
                }
                let why = format!(
                    "the object is not stored: the control plane cannot write its journal ({why}); free space there, or \
                     mend the disk, and try again"
                );
                self.fail(&events, &batch, &ApiError::internal(why));
            }
        }
        true
    }

    fn show(&self, events: Vec<Event<T>>) {
        let mut inner = lock(&self.inner);
        for event in events {
            let version = event.version;
            if inner.staging.newest.get(&event.key).is_some_and(|newest| newest.version == version) {
                inner.staging.newest.remove(&event.key);
            }
            inner.apply(event);
            self.changed.send_replace(version);
        }
    }

    /// Takes back the failed changes, and those that were staged after them.
    fn fail(&self, events: &[Event<T>], batch: &Batch, error: &ApiError) {
        let mut inner = lock(&self.inner);
        let later = std::mem::take(&mut inner.staging.events);
        for event in events.iter().chain(&later).rev() {
            if event.kind != ChangeKind::Deleted {
                inner.ledger.remove(event.object.account(), event.size);
            }
            if let Some(before) = &event.before {
                inner.ledger.add(before.object.account(), before.size);
            }
        }
        inner.staging.newest.clear();
        inner.staging.lines.clear();
        let next = std::mem::take(&mut inner.staging.batch);
        for batch in [batch, &next] {
            batch.settle(Err(error.clone()));
        }
    }
}
