//! The disk commands of core, executed in order on a thread of their own.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use certrotate_core::id::OpId;
use certrotate_core::input::Input;
use certrotate_store::{Store, Vault};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::fault_texts::FaultTexts;
use crate::keystore::Staging;
use crate::ports::{Answer, Directory};

/// Executes one disk command at a time, and blocks meanwhile. [`Store`] is the real one.
pub trait Disk: Send + 'static {
    /// Executes a command.
    ///
    /// # Errors
    ///
    /// The fault for core, and its text for the operator.
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskError>;

    /// Returns the remarks of the last scan: a line for each suspect file, which begins with its path.
    fn remarks(&self) -> &[String];

    /// Called after the answer to a command was put into the driver's queue. A simulation waits for that.
    fn answered(&mut self) {}
}

/// A failed disk command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskError {
    /// The fault that core decides on.
    pub fault: DiskFault,
    /// The file, the cause and the remedy, for the operator.
    pub text: String,
}

impl<V: Vault + Send + 'static> Disk for Store<V> {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskError> {
        Self::run(self, command).map_err(|fault| DiskError { fault: fault.kind, text: fault.to_string() })
    }

    fn remarks(&self) -> &[String] {
        Self::remarks(self)
    }
}

/// A [`Disk`] on its own thread, so that a disk that hangs blocks nothing else.
///
/// The thread ends when this value is dropped and the last command is finished. The lock on the directory ends with it.
#[derive(Debug)]
pub struct DiskThread {
    commands: mpsc::Sender<(OpId, DiskCommand)>,
}

/// Resolves when the thread of a [`DiskThread`] ends.
#[derive(Debug)]
pub(crate) struct DiskEnd(oneshot::Receiver<()>);

impl DiskEnd {
    /// Waits for the end of the thread, at most for `patience`.
    ///
    /// The thread releases the lock: afterwards the next run in this process can take it.
    pub(crate) async fn wait(self, patience: Duration) {
        // The thread never sends: dropping the sender is the signal.
        let _ = tokio::time::timeout(patience, self.0).await;
    }
}

impl DiskThread {
    /// Starts the thread. Answers go to `answers`, with the keys and chains that the disk has put into `staging`.
    ///
    /// # Errors
    ///
    /// The system starts no more threads.
    pub(crate) fn start(
        mut disk: impl Disk,
        staging: Staging,
        answers: UnboundedSender<Answer>,
        texts: FaultTexts,
    ) -> io::Result<(Self, DiskEnd)> {
        let (commands, queue) = mpsc::channel::<(OpId, DiskCommand)>();
        let (ended, on_end) = oneshot::channel::<()>();
        thread::Builder::new().name("disk".into()).spawn(move || {
            for (op, command) in queue {
                let result = run(&mut disk, &command, &texts);
                let staged = staging.take();
                // The receiver is dropped only when the node ended: the answer has no reader.
                let sent = answers.send(Answer { input: Input::DiskAnswered { op, result }, staged });
                disk.answered();
                if sent.is_err() {
                    break;
                }
            }
            // Dropping the disk releases the lock. `DiskEnd` must not resolve before that.
            drop(disk);
            drop(ended);
        })?;
        Ok((Self { commands }, DiskEnd(on_end)))
    }
}

fn run(disk: &mut impl Disk, command: &DiskCommand, texts: &FaultTexts) -> Result<DiskDone, DiskFault> {
    let result = disk.run(command);
    if *command == DiskCommand::Scan {
        texts.set_remarks(disk.remarks());
    }
    result.map_err(|error| {
        texts.set_disk(error.text);
        error.fault
    })
}

impl Directory for DiskThread {
    fn submit(&self, op: OpId, command: DiskCommand) {
        if self.commands.send((op, command)).is_err() {
            // The thread ends early only after a panic. Core's disk deadline reports the missing answer.
            tracing::error!("the disk thread ended; restart certrotate");
        }
    }
}
