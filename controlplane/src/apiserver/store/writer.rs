//! The thread that brings staged changes to the disk.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::thread::JoinHandle;

use tracing::{error, info};

use crate::apiserver::api_error::ApiError;
use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::Object;
use crate::apiserver::store::durable::Batch;
use crate::apiserver::store::event::Event;
use crate::apiserver::store::journal::{Journal, Source};
use crate::apiserver::store::staging::Staged;
use crate::apiserver::store::state::Shared;
use crate::base::sync::lock;

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
            let end = End(&*shared);
            while woken.recv().is_ok() {
                while shared.write(&mut journal) {}
            }
            lock(&shared.inner).staging.close();
            while shared.write(&mut journal) {}
            drop(end);
        });
        Self { wake: Mutex::new(Some(wake)), thread: Mutex::new(Some(thread)) }
    }

    /// Says that something is staged.
    pub(super) fn wake(&self) {
        if let Some(wake) = &*lock(&self.wake) {
            match wake.try_send(()) {
                // The thread looks again in any case, or it is closed and refuses the next change.
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

/// Answers what is staged when the thread ends, also by a panic: nothing would write it.
struct End<'a, T: Object>(&'a Shared<T>);

impl<T: Object> Drop for End<'_, T> {
    fn drop(&mut self) {
        lock(&self.0.inner).staging.close();
        let why = "the control plane no longer stores objects: restart it; its log has the reason";
        self.0.fail(&[], &Batch::default(), &ApiError::unavailable(why));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T: Object> Source<T> for Shared<T> {
    /// With the staged changes, which are few.
    fn size(&self) -> (usize, u64) {
        lock(&self.inner).ledger.json()
    }

    fn objects(&self) -> (Vec<Arc<T>>, u64) {
        let inner = lock(&self.inner);
        (inner.objects.values().map(|stored| Arc::clone(&stored.object)).collect(), inner.version)
    }
}

impl<T: Object> Shared<T> {
    /// Writes one batch; false if nothing is staged.
    fn write(&self, journal: &mut Journal<T>) -> bool {
        let Some(Staged { events, lines, batch }) = lock(&self.inner).staging.take() else { return false };
        let was_failing = journal.is_failing();
        match journal.append((&lines, events.len()), self) {
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
            inner.staging.forget(&event);
            inner.apply(event);
            self.changed.send_replace(version);
        }
    }

    /// Takes back the failed changes, and those that were staged after them.
    fn fail(&self, events: &[Event<T>], batch: &Batch, error: &ApiError) {
        let mut inner = lock(&self.inner);
        let later = inner.staging.fail();
        for event in events.iter().chain(&later.events).rev() {
            if event.kind != ChangeKind::Deleted {
                inner.ledger.remove(event.object.account(), event.size);
            }
            if let Some(before) = &event.before {
                inner.ledger.add(before.object.account(), before.size);
            }
        }
        for batch in [batch, &later.batch] {
            batch.settle(Err(error.clone()));
        }
    }
}
