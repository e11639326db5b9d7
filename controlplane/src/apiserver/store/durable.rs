//! Whether a change is on the disk: every change of one batch gets the same answer.

use tokio::sync::watch;

use crate::apiserver::api_error::ApiError;

/// The state of a batch: `None` while it is being written.
type Outcome = Option<Result<(), ApiError>>;

/// A promise that a change is kept, or the reason why it is not.
#[derive(Clone, Debug)]
pub(crate) struct Durable(Option<watch::Receiver<Outcome>>);

impl Durable {
    /// The state without a journal: a change is kept as well as it can be.
    pub(crate) fn at_once() -> Self {
        Self(None)
    }

    /// Waits until the change is on the disk.
    pub(crate) async fn wait(self) -> Result<(), ApiError> {
        let Some(mut outcome) = self.0 else { return Ok(()) };
        // An error says that the writer has gone.
        let gone = || ApiError::unavailable("the control plane ends: the object may not be stored");
        let settled = outcome.wait_for(Option::is_some).await.map_err(|_| gone())?;
        settled.clone().unwrap_or_else(|| Err(gone()))
    }
}

/// The other end of the promises of one batch.
#[derive(Debug)]
pub(super) struct Batch(watch::Sender<Outcome>);

impl Default for Batch {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Batch {
    pub(super) fn promise(&self) -> Durable {
        Durable(Some(self.0.subscribe()))
    }

    pub(super) fn settle(&self, outcome: Result<(), ApiError>) {
        self.0.send_replace(Some(outcome));
    }
}
