//! The functions that C calls. This module has all `unsafe` of the crate.
//!
//! # The contract of every function
//!
//! The functions check what can be checked: null, alignment, sizes, lengths, UTF-8, enumerations. The caller guarantees the
//! rest:
//!
//! * A pointer that is not null leads to memory of its type, as large as `size` or `count` says, for the time of the call.
//! * An object comes from its `new` function (a step: from a step function), and was not freed.
//! * An output is not read by another thread during the call.
//!
//! # How it is audited
//!
//! * `pointers.rs` has the only reads and writes through pointers of C. Each function states what it relies on.
//! * `read.rs` follows the pointers within structs, by the functions of `pointers.rs`.
//! * The other files export functions. Their bodies only combine `pointers.rs` and safe code.
//! * An object is shared, never unique: its mutex makes concurrent use an error instead of a race.
//! * Each body runs in `guard`. A panic becomes a status there; the mutex of the object that was locked is poisoned.
#![expect(unsafe_code, reason = "a C interface reads and writes through pointers, and exports names")]
#![expect(clippy::missing_safety_doc, reason = "one contract for all functions: this page")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::failure::Failure;
use crate::types::codes::Status;

pub mod answers;
pub mod inventory;
mod pointers;
mod read;
pub mod rotator;
pub mod step;

/// Runs the body of an exported function. No panic leaves it.
fn guard(body: impl FnOnce() -> Result<(), Failure>) -> Status {
    // Unwind safety: what a panic leaves half-changed is behind a mutex, which it poisons.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(failure)) => failure.report(),
        Err(payload) => {
            // Its drop could panic once more.
            std::mem::forget(payload);
            Failure::new(Status::Panicked, "certrotate panicked; free the object, and report this bug")
                .report()
        }
    }
}

/// Locks an object for one call.
fn lock<'a, T>(argument: &str, object: &'a Mutex<T>) -> Result<MutexGuard<'a, T>, Failure> {
    object.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Failure::new(
            Status::Busy,
            format!("{argument} is in use by another thread; use it from one at a time"),
        ),
        TryLockError::Poisoned(_) => {
            Failure::new(Status::Poisoned, format!("{argument} panicked in an earlier call; free it"))
        }
    })
}

#[cfg(test)]
mod tests;
