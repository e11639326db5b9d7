//! The disk: the real store on a scratch directory, with faults.
//!
//! It runs on a thread of its own, as always. Simulated time must not pass while it works: the observer of the node waits
//! for it, and keeps the runtime busy until the answer is there.

use std::sync::mpsc;

use certrotate::directory::{Disk, DiskError};
use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault};

use crate::fault::Lasting;
use crate::world::{Ending, World};

/// Runs one command when it is told to.
pub(crate) struct SimDisk<D> {
    disk: D,
    orders: mpsc::Receiver<Order>,
    results: mpsc::Sender<()>,
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
    results: mpsc::Receiver<()>,
}

/// Returns a disk around the real one, and its gate.
pub(crate) fn gated<D: Disk>(disk: D) -> (SimDisk<D>, Gate) {
    let (order_sender, orders) = mpsc::channel();
    let (result_sender, results) = mpsc::channel();
    (SimDisk { disk, orders, results: result_sender }, Gate { orders: order_sender, results })
}

impl<D: Disk> Disk for SimDisk<D> {
    fn run(&mut self, command: &DiskCommand) -> Result<DiskDone, DiskError> {
        let result = match self.orders.recv() {
            Ok(Order::Do) => self.disk.run(command),
            Ok(Order::Fail(fault)) => Err(DiskError { fault, text: "an injected fault of the disk".into() }),
            // The process was killed.
            Err(_) => Err(DiskError { fault: DiskFault::Io, text: "killed".into() }),
        };
        // The gate is dropped when the process was killed.
        let _ = self.results.send(());
        result
    }

    fn remarks(&self) -> &[String] {
        self.disk.remarks()
    }
}

impl Gate {
    /// Runs the command that was submitted, and waits for it.
    pub(crate) fn run(&self, order: Order) {
        // An error means that the thread ended: core's deadline reports the missing answer.
        if self.orders.send(order).is_ok() {
            let _ = self.results.recv();
        }
    }

    /// Waits for the end of the disk thread, which releases the lock of the directory.
    pub(crate) fn close(self) {
        drop(self.orders);
        while self.results.recv().is_ok() {}
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
        let mut order = fault.map_or(Order::Do, Order::Fail);
        if let Some((left, done, down)) = state.armed.disk {
            if left > 1 {
                state.armed.disk = Some((left - 1, done, down));
            } else {
                state.armed.disk = None;
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
