//! The node's own kubeconfig, written beside the event loop and tried again until it is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::kubeconfig::{self, KubeconfigError};
use crate::offload::Offload;
use crate::server_source::ServerSource;

/// The longest time for one write: two syncs on a slow disk.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// The wait after the first failure; it doubles to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);

/// Writes the file once a certificate is live. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct KubeconfigWriter {
    path: PathBuf,
    /// The current link that the file names.
    link: PathBuf,
    server: ServerSource,
    writes: Offload,
    /// Whether an attempt has begun and not ended; its task is the only sender.
    attempt: watch::Sender<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    None,
    Running,
    /// It failed, and another one follows.
    Failed,
}

impl KubeconfigWriter {
    pub(super) fn new(path: PathBuf, link: PathBuf, server: ServerSource, offload: Offload) -> Self {
        let (writes, attempt) =
            (offload.with_deadline(WRITE_DEADLINE).alone(), watch::Sender::new(Attempt::None));
        Self { path, link, server, writes, attempt }
    }

    /// Starts the attempts, unless they run already.
    pub(super) fn start(&self) {
        let is_idle = |attempt: &mut Attempt| {
            let is_idle = *attempt == Attempt::None;
            if is_idle {
                *attempt = Attempt::Running;
            }
            is_idle
        };
        if self.attempt.send_if_modified(is_idle) {
            let writer = self.clone();
            tokio::spawn(async move { writer.run().await });
        }
    }

    /// Waits for the end of the attempt that runs, if one runs.
    pub(super) async fn settle(&self) {
        let mut attempt = self.attempt.subscribe();
        // It cannot fail: this value has a sender.
        let _ = attempt.wait_for(|attempt| *attempt != Attempt::Running).await;
    }

    async fn run(self) {
        let (mut wait, mut said) = (FIRST, String::new());
        loop {
            match self.write().await {
                Ok(true) => tracing::info!("wrote {}", self.path.display()),
                Ok(false) => {}
                Err(error) => {
                    let text = error.to_string();
                    if text != said {
                        tracing::error!("{text}; trying again");
                        said = text;
                    }
                    self.attempt.send_replace(Attempt::Failed);
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST);
                    continue;
                }
            }
            self.attempt.send_replace(Attempt::None);
            return;
        }
    }

    async fn write(&self) -> Result<bool, KubeconfigError> {
        // The CA may have been replaced since the last call.
        let Some(found) = self.server.refresh().await else { return Ok(false) };
        let (path, link) = (self.path.clone(), self.link.clone());
        // Dropped at the deadline: a write that hangs must not create the file later.
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        let write = move || {
            kubeconfig::ensure_while(&path, &link, &found.kubeconfig, &|| is_wanted.strong_count() > 0)
        };
        let written = self.writes.run_async(write).await;
        drop(wanted);
        written.unwrap_or_else(|error| Err(KubeconfigError::new(&self.path, error.into())))
    }
}
