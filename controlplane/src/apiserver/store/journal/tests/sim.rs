//! A disk in memory.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::apiserver::store::journal::disk::{Content, Disk, NotReplaced};
use crate::apiserver::store::journal::{Journal, Length, SLACK_BYTES};
use crate::apiserver::store::objects::Store;
use crate::base::csr::Csr;
use crate::base::sync::lock;

/// A disk in memory whose calls fail on request.
#[derive(Clone, Default)]
pub(super) struct Sim(pub(super) Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) synced: Vec<u8>,
    pub(super) written: Vec<u8>,
    pub(super) calls: usize,
    /// The calls that fail, by number.
    pub(super) failing: Vec<usize>,
    /// The room on the disk, if it is limited.
    pub(super) room: Option<usize>,
    /// The next append panics.
    pub(super) panics: bool,
    /// No new file can be written.
    pub(super) refuses_new: bool,
    /// How often a new file was written, or tried.
    pub(super) replaced: usize,
    /// The largest file.
    pub(super) largest: usize,
}

impl Sim {
    pub(super) fn store(&self) -> Store {
        self.store_with_slack(SLACK_BYTES as usize)
    }

    pub(super) fn store_with_slack(&self, slack: usize) -> Store {
        let size = Length { lines: 1, bytes: 0 };
        let mut journal = Journal::<Csr>::on(Box::new(self.clone()), PathBuf::from("sim"), size);
        journal.slack_bytes = slack as u64;
        Store::new(Vec::new(), 0, Some(journal))
    }

    fn call(&self, act: impl FnOnce(&mut State, bool)) -> io::Result<()> {
        let mut state = lock(&self.0);
        state.calls += 1;
        let fails = state.failing.contains(&state.calls);
        act(&mut state, fails);
        if fails { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl Disk for Sim {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(!lock(&self.0).panics, "a bug");
        // A failing write is a short one.
        self.call(|state, fails| {
            state.written.extend(&bytes[..if fails { bytes.len() / 2 } else { bytes.len() }]);
            state.largest = state.largest.max(state.written.len());
        })?;
        let state = lock(&self.0);
        let is_full = state.room.is_some_and(|room| state.written.len() > room);
        if is_full { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.call(|state, fails| {
            if !fails {
                state.synced = state.written.clone();
            }
        })
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.call(|state, fails| {
            if !fails {
                state.written = state.synced.clone();
            }
        })
    }

    fn room(&self) -> Option<u64> {
        let state = lock(&self.0);
        state.room.map(|room| room.saturating_sub(state.written.len()) as u64)
    }

    fn replace(&mut self, write: &mut Content<'_>) -> Result<(), NotReplaced> {
        let mut new = Vec::new();
        write(&mut new).map_err(NotReplaced::Unchanged)?;
        let is_full = {
            let mut state = lock(&self.0);
            state.replaced += 1;
            // Both files take room.
            state.refuses_new || state.room.is_some_and(|room| state.written.len() + new.len() > room)
        };
        if is_full {
            return Err(NotReplaced::Unchanged(io::Error::from(io::ErrorKind::StorageFull)));
        }
        self.call(|_, _| {}).map_err(NotReplaced::Unchanged)?;
        // The rename, and what follows it.
        let replaced = self.call(|state, _| (state.synced, state.written) = (new.clone(), new));
        replaced.map_err(NotReplaced::Unknown)
    }
}
