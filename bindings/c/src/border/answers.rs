//! The inputs: one function each. Every one takes a step, and gives it to the caller, who frees it.
//!
//! A function that fails took no step, and sets `*step` to null.

use std::ffi::c_char;

use certrotate_core::disk::{DiskDone, DiskFault};
use certrotate_core::id::{KeyDigest, KeyHandle, RequestDigest};
use certrotate_core::input::{Input, KeyFault, MadeKey};
use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;

use super::inventory::Inventory;
use super::rotator::{self, Rotator};
use super::step::Step;
use super::{guard, lock, pointers, read};
use crate::convert;
use crate::failure::Failure;
use crate::types::codes::Status;
use crate::types::{Digest, Now, Op, RequestRecord};

/// # Safety
///
/// The contract of the module.
unsafe fn take(
    rotator: *const Rotator,
    now: Now,
    step: *mut *mut Step,
    input: impl FnOnce() -> Result<Input, Failure>,
) -> Status {
    guard(|| {
        // SAFETY: the contract of this function.
        let slot = unsafe { pointers::Slot::new("step", step) }?;
        // SAFETY: the same.
        let mut rotator = lock("rotator", &unsafe { pointers::object("rotator", rotator) }?.core)?;
        let taken = rotator.step(convert::now(now), input()?);
        slot.fill(Step::new(taken));
        Ok(())
    })
}

/// Time passed, or the wall clock was set. The first tick starts the rotator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_tick(rotator: *const Rotator, now: Now, step: *mut *mut Step) -> Status {
    unsafe { take(rotator, now, step, || Ok(Input::Tick)) }
}

/// A disk command other than a scan succeeded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_disk_done(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    step: *mut *mut Step,
) -> Status {
    let input = || Ok(Input::DiskAnswered { op: convert::op(op), result: Ok(DiskDone::Done) });
    unsafe { take(rotator, now, step, input) }
}

/// A scan succeeded. The inventory is copied, and stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_scanned(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    inventory: *const Inventory,
    step: *mut *mut Step,
) -> Status {
    let input = || {
        let inventory =
            lock("inventory", &unsafe { pointers::object("inventory", inventory) }?.core)?.clone();
        Ok(Input::DiskAnswered { op: convert::op(op), result: Ok(DiskDone::Scanned(Box::new(inventory))) })
    };
    unsafe { take(rotator, now, step, input) }
}

/// A disk command failed. `fault` is a `DiskFault`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_disk_failed(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    fault: u32,
    step: *mut *mut Step,
) -> Status {
    let fault = || -> Result<DiskFault, Failure> { convert::disk_fault(fault) };
    let input = || Ok(Input::DiskAnswered { op: convert::op(op), result: Err(fault()?) });
    unsafe { take(rotator, now, step, input) }
}

/// A key and its request were made. `key_digest` is SHA-256 of the public half, `request` the name of the request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_key_made(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    key: u64,
    key_digest: *const Digest,
    request: *const Digest,
    step: *mut *mut Step,
) -> Status {
    let input = || {
        let made = MadeKey {
            key: KeyHandle(key),
            key_digest: KeyDigest(unsafe { pointers::value("key_digest", key_digest) }?.bytes),
            request: RequestDigest(unsafe { pointers::value("request", request) }?.bytes),
        };
        Ok(Input::KeyMade { op: convert::op(op), result: Ok(made) })
    };
    unsafe { take(rotator, now, step, input) }
}

/// No key could be made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_key_failed(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    step: *mut *mut Step,
) -> Status {
    let input = || Ok(Input::KeyMade { op: convert::op(op), result: Err(KeyFault::Failed) });
    unsafe { take(rotator, now, step, input) }
}

/// The issuer answered a call with the state of the request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_call_answered(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    record: *const RequestRecord,
    step: *mut *mut Step,
) -> Status {
    let input =
        || Ok(Input::CallAnswered { op: convert::op(op), result: Ok(unsafe { read::record(record) }?) });
    unsafe { take(rotator, now, step, input) }
}

/// A call failed. `fault` is an `IssuerFault`; `retry_after` is the wait in milliseconds that the issuer names, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_call_failed(
    rotator: *const Rotator,
    now: Now,
    op: Op,
    fault: u32,
    retry_after: *const u64,
    step: *mut *mut Step,
) -> Status {
    let fault = || -> Result<IssuerFault, Failure> {
        let wait = if retry_after.is_null() {
            None
        } else {
            Some(Span::from_ms(unsafe { pointers::value("retry_after", retry_after) }?))
        };
        convert::issuer_fault(fault, wait)
    };
    let input = || Ok(Input::CallAnswered { op: convert::op(op), result: Err(fault()?) });
    unsafe { take(rotator, now, step, input) }
}

/// The operator requests a rotation now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_rotate_now(
    rotator: *const Rotator,
    now: Now,
    step: *mut *mut Step,
) -> Status {
    unsafe { take(rotator, now, step, || Ok(Input::RotateNow)) }
}

/// The configuration changes to another one, in JSON of `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_reconfigure(
    rotator: *const Rotator,
    now: Now,
    config: *const c_char,
    length: usize,
    step: *mut *mut Step,
) -> Status {
    let input = || unsafe { rotator::config(config, length) }.map(Input::Reconfigure);
    unsafe { take(rotator, now, step, input) }
}

/// The driver ends: core finishes the disk command in flight, and then exits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_shutdown(
    rotator: *const Rotator,
    now: Now,
    step: *mut *mut Step,
) -> Status {
    unsafe { take(rotator, now, step, || Ok(Input::Shutdown)) }
}
