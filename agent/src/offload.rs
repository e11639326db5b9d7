//! Blocking work on threads of its own: no other part waits longer than a deadline for a hung file system.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::files::FileError;
use crate::threads;

/// The longest wait for a file of another program.
pub(crate) const FILE_DEADLINE: Duration = Duration::from_secs(3);

/// The most threads that hang for one file. The wait before each further one is four times as long: the last begins after half
/// a day.
pub(crate) const HUNG_THREADS: u32 = 8;

/// Runs one piece of work at a time, each on its own thread. Cheap to clone: a clone shares the slot.
///
/// A hung thread keeps the slot. After a while another thread tries, because the name may lead elsewhere now: to a new mount, or
/// by a new link. The number of hung threads is bounded, however often the work is repeated.
#[derive(Clone, Debug)]
pub(crate) struct Offload {
    slot: Arc<Slot>,
    deadline: Duration,
    /// The most threads at a time.
    most: u32,
}

#[derive(Debug, Default)]
struct Slot {
    taken: Mutex<Threads>,
    released: Condvar,
}

/// The threads that have not ended.
#[derive(Clone, Copy, Debug, Default)]
struct Threads {
    number: u32,
    /// When the last one began.
    began: Option<Instant>,
}

impl Threads {
    /// Whether no other thread may begin now.
    fn is_full(&self, offload: &Offload) -> bool {
        let Some(began) = self.began.filter(|_| self.number > 0) else { return false };
        let wait = offload.deadline * 4_u32.saturating_pow(self.number - 1);
        self.number >= offload.most || began.elapsed() < wait
    }
}

impl Default for Offload {
    fn default() -> Self {
        Self { slot: Arc::default(), deadline: FILE_DEADLINE, most: HUNG_THREADS }
    }
}

impl Offload {
    /// Returns a free slot for work that must not run twice at a time. `deadline` is for the wait for the slot and the work
    /// together.
    pub(crate) fn new(deadline: Duration) -> Self {
        Self { slot: Arc::default(), deadline, most: 1 }
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
        let taken = Taken::new(self, end).ok_or(silent)?;
        let (sender, result) = mpsc::channel();
        threads::start(move || {
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
/// The system starts no thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, FileError> {
    Ok(threads::run(work).await?)
}

/// The slot, until it is dropped.
struct Taken(Arc<Slot>);

impl Taken {
    /// Waits for the slot until `end`.
    fn new(offload: &Offload, end: Instant) -> Option<Self> {
        let slot = &offload.slot;
        let taken = slot.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = end.saturating_duration_since(Instant::now());
        let (mut taken, wait) = slot
            .released
            .wait_timeout_while(taken, left, |taken| taken.is_full(offload))
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() {
            return None;
        }
        *taken = Threads { number: taken.number + 1, began: Some(Instant::now()) };
        Some(Self(Arc::clone(slot)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner).number -= 1;
        self.0.released.notify_one();
    }
}
