//! A connection that is opened before its first request: while the disk works.
//!
//! hyper-util's pool opens a connection only for a request. So the first request takes this one where the pool would open one.

use std::io;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::stream::Stream;
use crate::limits;

/// The place of the early connection. Cheap to clone: a clone is the same place.
#[derive(Clone, Default)]
pub(super) struct Early(Arc<Mutex<Option<io::Result<Stream>>>>);

impl Early {
    /// Opens the connection on a task. It is closed if no request takes it within [`limits::EARLY`].
    pub(super) fn begin(&self, open: impl Future<Output = io::Result<Stream>> + Send + 'static) {
        // The lock is held until the connection is open, so a request waits for it. A place that is in use needs no second one.
        let Ok(mut opening) = Arc::clone(&self.0).try_lock_owned() else { return };
        let place = Arc::clone(&self.0);
        tokio::spawn(async move {
            *opening = Some(open.await);
            drop(opening);
            tokio::time::sleep(limits::EARLY).await;
            place.lock().await.take();
        });
    }

    /// Takes the connection, or the reason why there is none; `None` if none was opened, or not lately.
    pub(super) async fn take(&self) -> Option<io::Result<Stream>> {
        self.0.lock().await.take()
    }
}
