//! The disk: the real store on a scratch directory, with faults.
//!
//! It runs on a thread of its own, as always. Simulated time must not pass while it works, and its answer must not race with
//! another one: the observer of the node blocks until the answer is in the driver's queue.

use std::sync::{Arc, Mutex, mpsc};

use certrotate::directory::{Disk, DiskError};
use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};
use tokio::runtime::Handle;

use crate::events::Ending;
use crate::fault::{Lasting, Sudden};
use crate::world::World;

/// Runs one command when it is told to.
pub(crate) struct SimDisk<D> {
    // Dropped first: the lock of the directory is released before the gate learns of the end.
    disk: D,
    orders: mpsc::Receiver<Order>,
    answers: mpsc::Sender<()>,
    /// The runtime with the simulated clock.
    runtime: Handle,
}

/// How a command ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// It is carried out.
    Do,
    /// It fails, and nothing changes.
    Fail(DiskFault),
}

/// The runtime's side of a [`SimDisk`].
pub(crate) struct Gate {
    orders: mpsc::Sender<Order>,
    answers: mpsc::Receiver<()>,
}

/// The gate of the process that runs.
pub(crate) type SharedGate = Arc<Mutex<Option<Gate>>>;

/// Returns a disk around the real one, and its gate. Call it in the runtime of the simulation.
pub(crate) fn gated<D: Disk>(disk: D) -> (SimDisk<D>, Gate) {
    let (order_sender, orders) = mpsc::channel();
    let (answer_sender, answers) = mpsc::channel();
    let disk = SimDisk { disk, orders, answers: answer_sender, runtime: Handle::current() };
    (disk, Gate { orders: order_sender, answers })
}

impl<D: Disk> Disk for SimDisk<D> {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskError> {
        match self.orders.recv() {
            Ok(Order::Do) => {
                // For the deadlines of files that the disk's thread reads.
                let _clock = self.runtime.enter();
                self.disk.run(command)
            }
            Ok(Order::Fail(fault)) => Err(DiskError { fault, text: "an injected fault of the disk".into() }),
            // The process was killed.
            Err(_) => Err(DiskError { fault: DiskFault::Io, text: "killed".into() }),
        }
    }

    fn answered(&mut self) {
        // The gate is dropped when the process was killed.
        let _ = self.answers.send(());
    }

    fn remarks(&self) -> &[String] {
        self.disk.remarks()
    }
}

impl Gate {
    /// Runs the oldest command that was submitted, and waits for its answer.
    pub(crate) fn run(&self, order: Order) {
        // An error means that the thread ended: core's deadline reports the missing answer.
        if self.orders.send(order).is_ok() {
            let _ = self.answers.recv();
        }
    }

    /// Whether the disk was dropped, and the lock of the directory released.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.answers.try_recv(), Err(mpsc::TryRecvError::Disconnected))
    }

    /// Waits for the end of the disk thread, which releases the lock of the directory.
    pub(crate) fn close(self) {
        drop(self.orders);
        while self.answers.recv().is_ok() {}
    }
}

impl World {
    /// Decides what happens to a command, and after how many milliseconds; `None` if the process is killed first.
    pub(crate) fn disk_order(&self, command: &DiskCommand) -> Option<(Order, u64)> {
        let mut state = self.lock();
        let faults: Vec<Lasting> = state.active().collect();
        let delay = faults.iter().find_map(|fault| match fault {
            Lasting::DiskSlow(ms) => Some(*ms),
            _ => None,
        });
        let fault = faults.iter().find_map(|fault| match (fault, command) {
            (Lasting::DiskFull, DiskCommand::Write { .. }) => Some(DiskFault::NoSpace),
            (Lasting::DiskBroken, _) if command.mutates() || matches!(command, DiskCommand::SyncDir) => {
                Some(DiskFault::Io)
            }
            _ => None,
        });
        state.counts.disk_commands += 1;
        if delay.is_some() {
            faults
                .iter()
                .filter(|fault| matches!(fault, Lasting::DiskSlow(_)))
                .for_each(|it| state.counts.bite(*it));
        }
        if fault.is_some() {
            let refuses = |it: &&Lasting| matches!(it, Lasting::DiskFull | Lasting::DiskBroken);
            faults.iter().filter(refuses).for_each(|it| state.counts.bite(*it));
        }
        let mut order = fault.map_or(Order::Do, Order::Fail);
        if let Some((left, done, down)) = state.armed.disk {
            if left > 1 {
                state.armed.disk = Some((left - 1, done, down));
            } else {
                state.armed.disk = None;
                state.counts.strike(Sudden::KillAtDisk(left, done, down));
                drop(state);
                self.note(&format!("killed {} {command:?}", if done { "after" } else { "before" }));
                if !done && self.end(Ending::Killed(down)) {
                    return None;
                }
                self.end(Ending::Killed(down));
                order = Order::Do;
            }
        }
        Some((order, delay.unwrap_or(0)))
    }
}
