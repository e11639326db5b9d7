//! The certificate directory: core's disk commands, carried out in order on one thread of their own.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use certrotate_core::id::OpId;
use certrotate_core::input::Input;
use certrotate_store::Store;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::details::Details;
use crate::driver::Answer;
use crate::keystore::Staging;
use crate::rehearsal::Rehearsal;

/// Carries out disk commands: a port of the driver.
///
/// Commands are carried out one after the other, in the order given. Each is answered by one [`Input::DiskAnswered`].
pub trait Directory {
    /// Asks for a command. Returns at once.
    fn submit(&self, op: OpId, command: DiskCommand);
}

/// A [`Store`] on its own thread: a disk that hangs keeps nobody else waiting. The thread ends, and with
/// it the lock on the directory, when this is dropped and the last command is done.
#[derive(Debug)]
pub struct DiskThread {
    commands: mpsc::Sender<(OpId, DiskCommand)>,
}

/// Tells when the thread of a [`DiskThread`] has ended.
#[derive(Debug)]
pub(crate) struct DiskEnd(oneshot::Receiver<()>);

impl DiskEnd {
    /// Waits until the lock is given back, so that the next run in this process gets it. A disk that hangs is
    /// waited for no longer than `patience`.
    pub(crate) async fn wait(self, patience: Duration) {
        // Nothing is ever sent: the end shows by the sender's.
        let _ = tokio::time::timeout(patience, self.0).await;
    }
}

impl DiskThread {
    /// Starts the thread; answers go to `answers`.
    ///
    /// # Errors
    ///
    /// The system starts no more threads.
    pub(crate) fn start(
        mut store: Store<Staging>,
        answers: UnboundedSender<Answer>,
        details: Details,
        rehearsal: Rehearsal,
    ) -> io::Result<(Self, DiskEnd)> {
        let (commands, orders) = mpsc::channel::<(OpId, DiskCommand)>();
        let (ended, on_end) = oneshot::channel::<()>();
        thread::Builder::new().name("disk".into()).spawn(move || {
            for (op, command) in orders {
                let result = run(&mut store, &command, &details, &rehearsal);
                let read = store.vault().take();
                // Nobody listens any more when the process ends: there is nothing left to tell.
                if answers.send(Answer { input: Input::DiskAnswered { op, result }, read }).is_err() {
                    break;
                }
            }
            // The lock goes with the store; only then has it ended.
            drop(store);
            drop(ended);
        })?;
        Ok((Self { commands }, DiskEnd(on_end)))
    }
}

fn run(
    store: &mut Store<Staging>,
    command: &DiskCommand,
    details: &Details,
    rehearsal: &Rehearsal,
) -> Result<DiskDone, DiskFault> {
    if let Some(fault) = rehearsal.refuses(command) {
        details.set_disk("cannot write: the rehearsal's disk is full; wait until it is not".into());
        return Err(fault);
    }
    let result = store.run(command);
    if *command == DiskCommand::Scan {
        details.set_remarks(store.remarks());
    }
    result.map_err(|fault| {
        details.set_disk(fault.to_string());
        fault.kind
    })
}

impl Directory for DiskThread {
    fn submit(&self, op: OpId, command: DiskCommand) {
        if self.commands.send((op, command)).is_err() {
            // The thread ends only with its receiver; core's disk deadline tells the rest.
            tracing::error!("the disk thread has ended; restart certrotate");
        }
    }
}
