//! Blocking work on threads of its own: no other part waits longer than a deadline for a hung file system.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

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
}

#[derive(Debug, Default)]
struct Slot {
    is_taken: Mutex<bool>,
    released: Condvar,
}

impl Default for Offload {
    fn default() -> Self {
        Self::new(FILE_DEADLINE)
    }
}

impl Offload {
    /// Returns a free slot. `deadline` is for the wait for the slot and the work together.
    pub(crate) fn new(deadline: Duration) -> Self {
        Self { slot: Arc::default(), deadline }
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
        let silent = FileError::Silent { seconds: self.deadline.as_secs() };
        let end = Instant::now() + self.deadline;
        let taken = Taken::new(&self.slot, end).ok_or(silent)?;
        let (sender, result) = mpsc::channel();
        thread::Builder::new().name("file".into()).spawn(move || {
            let done = work();
            drop(taken);
            // The receiver is gone after the deadline.
            let _ = sender.send(done);
        })?;
        result.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|_| silent)
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
        let offload = self.clone();
        blocking(move || offload.run(work)).await?
    }
}

/// Runs work that has a deadline of its own beside the event loop.
///
/// # Errors
///
/// The event loop ends.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FileError> {
    let ended = |_| FileError::Unreadable { error: std::io::ErrorKind::Interrupted };
    tokio::task::spawn_blocking(work).await.map_err(ended)
}

/// The slot, until it is dropped.
struct Taken(Arc<Slot>);

impl Taken {
    /// Waits for the slot until `end`.
    fn new(slot: &Arc<Slot>, end: Instant) -> Option<Self> {
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
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.released.notify_one();
    }
}
