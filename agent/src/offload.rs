//! Blocking work on threads of its own: no other part waits longer than a deadline for a hung file system.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::edges::{Threads, Workers};
use crate::files::FileError;

/// The longest wait for a file of another program.
pub(crate) const FILE_DEADLINE: Duration = Duration::from_secs(3);

/// Runs one piece of work at a time, each on its own thread. Cheap to clone: a clone shares the slot.
///
/// A hung thread keeps the slot. So at most one thread hangs for each value, however often the work is repeated.
#[derive(Clone, Debug)]
pub(crate) struct Offload {
    slot: Arc<Slot>,
    deadline: Duration,
    workers: Arc<dyn Workers>,
}

impl Default for Offload {
    fn default() -> Self {
        Self::new(&(Arc::new(Threads) as Arc<dyn Workers>))
    }
}

impl Offload {
    /// Returns a free slot for the files of other programs.
    pub(crate) fn new(workers: &Arc<dyn Workers>) -> Self {
        Self { slot: Arc::default(), deadline: FILE_DEADLINE, workers: Arc::clone(workers) }
    }

    /// Returns the same slot with another deadline: for the wait for the slot and the work together.
    pub(crate) fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    fn silent(&self) -> FileError {
        FileError::Silent { seconds: self.deadline.as_secs() }
    }

    /// Runs the work and blocks until its result is there, at most until the deadline. Late work runs on, and its result is dropped.
    ///
    /// # Errors
    ///
    /// [`FileError::Silent`] at the deadline, [`FileError::Unreadable`] where the system starts no thread.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FileError> {
        let end = Instant::now() + self.deadline;
        let taken = Taken::block(&self.slot, end).ok_or_else(|| self.silent())?;
        let (sender, result) = mpsc::channel();
        // The receiver is gone after the deadline.
        self.start(taken, work, move |done| drop(sender.send(done)))?;
        result.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|_| self.silent())
    }

    /// As [`Offload::run`], without blocking the event loop.
    ///
    /// # Errors
    ///
    /// As [`Offload::run`].
    pub(crate) async fn run_async<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FileError> {
        let done = async {
            let taken = Taken::wait(&self.slot).await;
            let (sender, result) = oneshot::channel();
            // The receiver is gone after the deadline.
            self.start(taken, work, move |done| drop(sender.send(done)))?;
            result.await.map_err(|_| self.silent())
        };
        tokio::time::timeout(self.deadline, done).await.unwrap_or_else(|_| Err(self.silent()))
    }

    fn start<T: Send + 'static>(
        &self,
        taken: Taken,
        work: impl FnOnce() -> T + Send + 'static,
        finish: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), FileError> {
        let work = move || {
            let done = work();
            drop(taken);
            finish(done);
        };
        Ok(self.workers.start(Box::new(work))?)
    }
}

#[derive(Debug, Default)]
struct Slot {
    is_taken: Mutex<bool>,
    /// Wakes a thread that waits.
    released: Condvar,
    /// Wakes a task that waits.
    notify: Notify,
}

/// The slot, until it is dropped.
struct Taken(Arc<Slot>);

impl Taken {
    /// Blocks until the slot is free, at most until `end`.
    fn block(slot: &Arc<Slot>, end: Instant) -> Option<Self> {
        let is_taken = slot.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = end.saturating_duration_since(Instant::now());
        let (mut is_taken, wait) = slot
            .released
            .wait_timeout_while(is_taken, left, |is_taken| *is_taken)
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() {
            return None;
        }
        *is_taken = true;
        Some(Self(Arc::clone(slot)))
    }

    /// Waits until the slot is free.
    async fn wait(slot: &Arc<Slot>) -> Self {
        loop {
            {
                let mut is_taken = slot.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
                if !*is_taken {
                    *is_taken = true;
                    return Self(Arc::clone(slot));
                }
            }
            // A release before this line leaves its permit.
            slot.notify.notified().await;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        // Only one of the woken finds the slot free; the other waits for the next release.
        self.0.released.notify_one();
        self.0.notify.notify_one();
    }
}
