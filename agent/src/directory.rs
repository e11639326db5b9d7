//! The certificate directory: commands in, answers out, on a thread of its own that may block.

use std::fmt;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use certrotate_store::{PairName, Store};
use certrotate_x509::ClientCa;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::details::Details;
use crate::keystore::{KeyStore, Staged, Staging};

/// Carries out disk commands: a port of the driver.
pub trait Directory {
    /// Carries out a command after all that were submitted before. It is submitted by the call, not by waiting; who
    /// drops the future does without the answer.
    fn submit(&self, command: DiskCommand) -> BoxFuture<'static, Result<DiskDone, DiskFault>>;
}

/// A directory of the file system, behind a thread that owns the [`Store`] and with it the lock.
pub struct DirectoryThread {
    commands: Option<mpsc::Sender<Job>>,
    keys: KeyStore,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    command: DiskCommand,
    answer: oneshot::Sender<(Result<DiskDone, DiskFault>, Staged)>,
}

impl DirectoryThread {
    /// Starts the thread. It touches nothing before the first command.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start(
        path: &std::path::Path,
        pair: PairName,
        client_ca: Option<ClientCa>,
        keys: KeyStore,
        details: Details,
    ) -> std::io::Result<Self> {
        let (commands, jobs) = mpsc::channel();
        let store = Store::new(path, pair, client_ca, Staging::new(keys.clone()));
        let thread = thread::Builder::new()
            .name("directory".to_owned())
            .spawn(move || work(store, &jobs, &details))?;
        Ok(Self { commands: Some(commands), keys, thread: Some(thread) })
    }

    /// Lets the thread finish what was submitted and give the lock back; waits `patience` at most, because
    /// a disk may hang for ever. Returns whether it has ended.
    pub async fn close(mut self, patience: Duration) -> bool {
        drop(self.commands.take());
        let Some(thread) = self.thread.take() else { return true };
        let (ended, on_end) = oneshot::channel();
        let waiter = thread::Builder::new().name("directory-end".to_owned()).spawn(move || {
            let joined = thread.join().is_ok();
            // Nobody waits any more if the patience is over.
            let _ = ended.send(joined);
        });
        waiter.is_ok() && matches!(tokio::time::timeout(patience, on_end).await, Ok(Ok(true)))
    }
}

fn work(mut store: Store<Staging>, jobs: &mpsc::Receiver<Job>, details: &Details) {
    for Job { command, answer } in jobs {
        let result = store.run(&command).map_err(|fault| {
            details.set_disk(fault.to_string());
            fault.kind
        });
        if command == DiskCommand::Scan {
            details.set_remarks(store.remarks().to_vec());
        }
        // An answer that nobody waits for is late; what it read is erased with it.
        let _ = answer.send((result, store.vault().take()));
    }
}

impl Directory for DirectoryThread {
    fn submit(&self, command: DiskCommand) -> BoxFuture<'static, Result<DiskDone, DiskFault>> {
        let (answer, on_answer) = oneshot::channel();
        let sent = self.commands.as_ref().is_some_and(|commands| commands.send(Job { command, answer }).is_ok());
        let keys = self.keys.clone();
        async move {
            match on_answer.await {
                Ok((result, staged)) if sent => {
                    keys.accept(staged);
                    result
                }
                // The thread is gone, which only a panic in it explains: nothing more can be written.
                _ => Err(DiskFault::Io),
            }
        }
        .boxed()
    }
}

impl fmt::Debug for DirectoryThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryThread").field("open", &self.commands.is_some()).finish_non_exhaustive()
    }
}
