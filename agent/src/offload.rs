//! Blocking work on threads of its own: no other part waits longer than a deadline for a hung file system.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::edges::{Threads, Workers};
use crate::files::FileError;

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
        let (slot, workers) = (Arc::default(), Arc::clone(workers));
        Self { slot, deadline: FILE_DEADLINE, most: HUNG_THREADS, workers }
    }

    /// Returns the same slot for work that must not run twice at a time.
    pub(crate) fn alone(self) -> Self {
        Self { most: 1, ..self }
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
        let taken = Taken::block(self, end).ok_or_else(|| self.silent())?;
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
            let taken = Taken::wait(self).await;
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
    running: Mutex<Running>,
    /// Wakes a thread that waits.
    released: Condvar,
    /// Wakes a task that waits.
    notify: Notify,
}

/// The threads that have not ended.
#[derive(Clone, Copy, Debug, Default)]
struct Running {
    number: u32,
    /// When the last one began.
    began: Option<Instant>,
}

impl Running {
    /// Returns how long no other thread may begin, if none of these ends.
    fn wait(&self, offload: &Offload) -> Duration {
        let Some(began) = self.began.filter(|_| self.number > 0) else { return Duration::ZERO };
        if self.number >= offload.most {
            return Duration::MAX;
        }
        let wait = offload.deadline * 4_u32.saturating_pow(self.number - 1);
        wait.saturating_sub(began.elapsed())
    }

    fn is_full(&self, offload: &Offload) -> bool {
        !self.wait(offload).is_zero()
    }

    fn add(&mut self) {
        *self = Self { number: self.number + 1, began: Some(Instant::now()) };
    }
}

/// A place in the slot, until it is dropped.
struct Taken(Arc<Slot>);

impl Taken {
    /// Blocks until a thread may begin, at most until `end`.
    fn block(offload: &Offload, end: Instant) -> Option<Self> {
        let slot = &offload.slot;
        let running = slot.running.lock().unwrap_or_else(PoisonError::into_inner);
        let left = offload.workers.patience(end.saturating_duration_since(Instant::now()));
        let (mut running, wait) = slot
            .released
            .wait_timeout_while(running, left, |running| running.is_full(offload))
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() {
            return None;
        }
        running.add();
        Some(Self(Arc::clone(slot)))
    }

    /// Waits until a thread may begin.
    async fn wait(offload: &Offload) -> Self {
        let slot = &offload.slot;
        loop {
            let wait = {
                let mut running = slot.running.lock().unwrap_or_else(PoisonError::into_inner);
                let wait = running.wait(offload);
                if wait.is_zero() {
                    running.add();
                    return Self(Arc::clone(slot));
                }
                wait
            };
            // A release before this line leaves its permit. At the end of the wait another thread may begin, too.
            let _ = tokio::time::timeout(wait, slot.notify.notified()).await;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner).number -= 1;
        // Only one of the woken finds the slot free; the other waits for the next release.
        self.0.released.notify_one();
        self.0.notify.notify_one();
    }
}
