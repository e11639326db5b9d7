//! The faults that happen once.

use crate::events::{Ending, Event};
use crate::fault::{Lasting, Sudden};
use crate::world::World;

/// When the files must have been read after HUP, in milliseconds.
const RELOADED: u64 = 1000;

impl World {
    /// Lets a sudden fault happen.
    pub(crate) fn strike(&self, fault: Sudden) {
        self.note(&format!("fault: {fault:?}"));
        let acts_later = matches!(
            fault,
            Sudden::KillAtPoll(..)
                | Sudden::KillAtDisk(..)
                | Sudden::Delete
                | Sudden::RotateServerCa
                | Sudden::RotateClientCa
        );
        if !acts_later {
            self.lock().counts.strike(fault);
        }
        match fault {
            Sudden::Kill(down) => {
                self.end(Ending::Killed(down));
            }
            Sudden::KillAtPoll(polls, down) => self.lock().armed.polls = Some((polls, down)),
            Sudden::KillAtDisk(count, done, down) => self.lock().armed.disk = Some((count, done, down)),
            Sudden::Terminate(down) => {
                self.end(Ending::Terminated(down));
            }
            Sudden::Suspend(ms) => self.clock().skip(ms),
            Sudden::RotateNow => self.rotate_now(),
            Sudden::Reload => self.reload(),
            Sudden::Delete => self.lock().armed.delete = true,
            Sudden::Break => self.break_connections(),
            Sudden::RotateServerCa => self.rotate_server_ca(),
            Sudden::RotateClientCa => self.rotate_client_ca(),
        }
    }

    fn rotate_now(&self) {
        let mut state = self.lock();
        state.checks.rotate_requested();
        if let Some(control) = state.checks.control() {
            control.rotate_now();
        }
    }

    fn reload(&self) {
        let mut state = self.lock();
        let (process, work) = (state.processes, state.counts.file_work);
        if let Some(control) = state.checks.control() {
            control.reload();
            let at = self.clock().true_ms() + RELOADED;
            state.at(at, Event::Reloaded { process, work });
            drop(state);
            self.wake();
        }
    }

    /// L5: a request to read the files again is obeyed.
    pub(crate) fn check_reloaded(&self, process: u32, work: u64) {
        let mut state = self.lock();
        let is_same = state.processes == process && state.checks.running.is_some();
        if is_same && state.counts.file_work == work && !state.is_active(Lasting::FilesHang) {
            state.checks.fail("L5", "HUP reads no file".into());
        }
    }
}
