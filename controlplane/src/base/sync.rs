//! A lock that a panic elsewhere does not poison, and a flag to wait for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch::Receiver;

/// Locks; what a panicking holder left behind is taken as it is, since every change here is one assignment or insert.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the flag is raised or its owner is gone.
pub(crate) async fn raised(flag: &mut Receiver<bool>) {
    // An error says that the owner is gone.
    let _owner_gone = flag.wait_for(|raised| *raised).await.is_err();
}
