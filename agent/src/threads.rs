//! Threads whose start can fail. tokio's pool for blocking work panics where the system starts no thread (`ulimit -u`, TasksMax=).

#[cfg(test)]
mod tests;

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// Runs blocking work on a thread of its own, and returns its result.
///
/// # Errors
///
/// The system starts no thread, or the work panicked.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (sender, done) = oneshot::channel();
    // The receiver may be gone: then the result has no reader.
    start(move || drop(sender.send(work())))?;
    done.await.map_err(|_| io::Error::other("the thread ended without a result"))
}

/// Starts a thread that nothing waits for.
///
/// # Errors
///
/// The system starts no thread.
pub(crate) fn start(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("blocking".into()).spawn(work).map(drop)
}
