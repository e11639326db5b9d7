//! The files outside the certificate directory: their work runs at once, or hangs.

use std::thread;
use std::time::Duration;

use certrotate::edges::{Work, Workers};

use crate::fault::Lasting;
use crate::world::World;

/// Runs work on the thread that starts it, so that nothing races with it.
#[derive(Debug)]
pub(crate) struct SimWorkers(pub(crate) World);

impl Workers for SimWorkers {
    fn start(&self, work: Work) -> std::io::Result<()> {
        let now = self.0.clock().true_ms();
        let mut state = self.0.lock();
        state.counts.file_work += 1;
        if state.checks.file_work(now) {
            self.0.wake();
        }
        if !state.bites(Lasting::FilesHang) {
            drop(state);
            work();
        } else if state.is_starting || thread::current().name() == Some("disk") {
            // Real time would pass until the deadline. The dropped work has the same effect at once.
            drop(state);
            drop(work);
        } else {
            state.hung.push(work);
        }
        Ok(())
    }

    fn patience(&self, _limit: Duration) -> Duration {
        // No other thread ends work meanwhile, and no simulated time passes.
        Duration::ZERO
    }
}
