//! The agent's end of the way to `certrotate status`.

use std::path::PathBuf;

use super::published::Board;
use super::socket;
use crate::driver::Observer;
use crate::rehearsal::Rehearsal;

/// Tells `certrotate status` how the node is, from the moment on that the directory is its own.
pub(crate) struct Telling {
    pub(crate) directory: PathBuf,
    pub(crate) pair: String,
    pub(crate) board: Board,
    pub(crate) clock: Rehearsal,
}

impl Telling {
    /// Writes every step down, then shows it to the other observer.
    pub(crate) fn observe(&self, mut observer: Observer) -> Observer {
        let board = self.board.clone();
        Box::new(move |seen| {
            board.note(&seen);
            observer(seen);
        })
    }

    pub(crate) async fn run(self) {
        let Self { directory, pair, board, clock } = self;
        board.has_lock().await;
        if let Err(error) = socket::tell(&directory, &pair, &board, &clock).await {
            tracing::warn!(
                "certrotate status will not hear of this agent: {error}; it shows the directory only"
            );
        }
    }
}
