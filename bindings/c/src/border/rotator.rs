//! The rotator: its start and end, and the state that a driver needs.

use std::ffi::c_char;
use std::sync::Mutex;

use certrotate_core::config::{Config, ConfigSpec};
use certrotate_core::id::RunId;
use certrotate_core::rotator::Rotator as CoreRotator;
use certrotate_core::time::WallTime;

use super::{guard, lock, pointers};
use crate::failure::{self, Failure};
use crate::types::codes::Status;
use crate::types::step::Live;
use crate::types::{Now, Text};
use crate::{convert, limits};

/// The rotation of one identity. Use it from one thread at a time.
#[derive(Debug)]
pub struct Rotator {
    pub(super) core: Mutex<CoreRotator>,
}

/// Returns the version of the library. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn certrotate_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Returns the meaning of a status. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn certrotate_status_message(status: u32) -> *const c_char {
    failure::meaning(status).as_ptr()
}

/// Returns what was wrong in the last call of this thread that failed, and what to do. The text belongs to the library, and is
/// valid until the next failure of this thread.
#[unsafe(no_mangle)]
pub extern "C" fn certrotate_last_error() -> *const c_char {
    failure::last()
}

/// Reads a configuration.
///
/// # Safety
///
/// The contract of the module.
pub(super) unsafe fn config(json: *const c_char, length: usize) -> Result<Config, Failure> {
    // SAFETY: the contract of the module.
    let text = unsafe { pointers::text("config", Text { bytes: json, length }, limits::CONFIG_BYTES) }?;
    let spec: ConfigSpec = serde_json::from_str(text).map_err(|error| {
        Failure::new(Status::Config, format!("the configuration cannot be read: {error}"))
    })?;
    Config::new(spec).map_err(|error| Failure::new(Status::Config, error.to_string()))
}

/// Makes a rotator. `config` is a configuration in JSON of `length` bytes; the README has one. `run` is drawn at random, another
/// one for each rotator of each run. The caller frees `*rotator`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_rotator_new(
    config: *const c_char,
    length: usize,
    run: u64,
    rotator: *mut *mut Rotator,
) -> Status {
    guard(|| {
        // SAFETY: the contract of the module, here and in every function of this module.
        let slot = unsafe { pointers::Slot::new("rotator", rotator) }?;
        let config = unsafe { self::config(config, length) }?;
        slot.fill(Rotator { core: Mutex::new(CoreRotator::new(config, RunId(run))) });
        Ok(())
    })
}

/// Frees a rotator. Null is nothing to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_rotator_free(rotator: *mut Rotator) {
    guard(|| {
        unsafe { pointers::free(rotator) };
        Ok(())
    });
}

/// Says how long the driver may sleep from `now` on: until the next tick is due or the wall clock must be read again. It is zero
/// where a tick is due, and `UINT64_MAX` after the run ended. An answer ends the sleep early.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_sleep(
    rotator: *const Rotator,
    now: Now,
    milliseconds: *mut u64,
) -> Status {
    guard(|| {
        let rotator = lock("rotator", &unsafe { pointers::object("rotator", rotator) }?.core)?;
        let sleep = rotator.sleep(convert::now(now));
        let milliseconds_left =
            sleep.map_or(u64::MAX, |sleep| u64::try_from(sleep.as_millis()).unwrap_or(u64::MAX));
        unsafe { pointers::put("milliseconds", milliseconds, milliseconds_left) }
    })
}

/// Returns the identity to present, checked against the wall clock `wall` of this moment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn certrotate_live(rotator: *const Rotator, wall: i64, live: *mut Live) -> Status {
    guard(|| {
        let rotator = lock("rotator", &unsafe { pointers::object("rotator", rotator) }?.core)?;
        let found = rotator.live(WallTime::from_unix_ms(wall));
        let value = Live {
            size: size_of::<Live>(),
            key: found.map_or(0, |(key, _)| key.0),
            cert: found.map_or(0, |(_, cert)| cert.0),
            is_live: found.is_some().into(),
        };
        unsafe { pointers::write("live", live, value) }
    })
}
