//! Whether a change is on the disk: every change of one batch gets the same answer.

use tokio::sync::watch;

use crate::apiserver::api_error::ApiError;

/// The state of a batch: `None` while it is being written.
type Outcome = Option<Result<(), ApiError>>;

/// A promise that some changes are kept, or the reason why one is not.
#[derive(Clone, Debug)]
pub(crate) struct Durable(Vec<watch::Receiver<Outcome>>);

impl Durable {
    /// The state without a journal: a change is kept as well as it can be.
    pub(crate) fn at_once() -> Self {
        Self(Vec::new())
    }

    /// Waits until the changes are on the disk.
    pub(crate) async fn wait(self) -> Result<(), ApiError> {
        // An error says that the writer has gone.
        let gone = || ApiError::unavailable("the control plane ends: the object may not be stored");
        for mut outcome in self.0 {
            let settled = outcome.wait_for(Option::is_some).await.map_err(|_| gone())?;
            settled.clone().unwrap_or_else(|| Err(gone()))?;
        }
        Ok(())
    }

    /// Adds another promise.
    pub(crate) fn and(&mut self, other: Self) {
        for outcome in other.0 {
            // Thousands of changes share a batch.
            if self.0.last().is_none_or(|last| !last.same_channel(&outcome)) {
                self.0.push(outcome);
            }
        }
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
        Durable(vec![self.0.subscribe()])
    }

    pub(super) fn settle(&self, outcome: Result<(), ApiError>) {
        self.0.send_replace(Some(outcome));
    }
}
