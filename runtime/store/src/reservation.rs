//! The directories that stores of this process have locked, or are locking.
//!
//! The kernel refuses a second lock in the same process with the error that it has for another process. An operator would look for
//! that process in vain. So a store reserves its directory before it locks it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A directory by device and inode. The path may differ: links and bind mounts lead to the same one.
type Directory = (u64, u64);

static RESERVED: Mutex<BTreeSet<Directory>> = Mutex::new(BTreeSet::new());

fn reserved() -> MutexGuard<'static, BTreeSet<Directory>> {
    // Each change is a single insertion or removal.
    RESERVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right of one store to lock a directory. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation(Directory);

impl Reservation {
    /// Reserves a directory; `None` if another store of this process has it.
    pub(crate) fn take(device: u64, inode: u64) -> Option<Self> {
        let directory = (device, inode);
        // The mutex is free again before a value is made, and none is made in vain: dropping one takes the mutex.
        let is_free = reserved().insert(directory);
        is_free.then(|| Self(directory))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        reserved().remove(&self.0);
    }
}
