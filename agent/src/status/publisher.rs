//! The agent's side of `certrotate status`: records every step and serves the record on a socket.

use std::path::PathBuf;

use super::published::StatusRecorder;
use super::socket;
use crate::clock::Clock;
use crate::driver::Observer;
use crate::report::steps::StepLog;

/// Publishes the node's status to `certrotate status`, once the node holds the lock of the directory.
pub(crate) struct StatusPublisher<C> {
    pub(crate) directory: PathBuf,
    pub(crate) pair: String,
    pub(crate) recorder: StatusRecorder,
    pub(crate) clock: C,
}

impl<C: Clock> StatusPublisher<C> {
    /// Returns an observer that records and logs each step, then passes it to `observer`.
    pub(crate) fn observe(&self, mut observer: Observer) -> Observer {
        let recorder = self.recorder.clone();
        let mut log = StepLog::default();
        Box::new(move |seen| {
            recorder.record(&seen);
            log.log(&seen);
            observer(seen);
        })
    }

    /// Serves the record until it is dropped.
    pub(crate) async fn run(self) {
        let Self { directory, pair, recorder, clock } = self;
        // Before the lock another agent may own the directory, and with it the socket's name.
        recorder.has_lock().await;
        socket::serve(&directory, &pair, &recorder, &clock).await;
    }
}
