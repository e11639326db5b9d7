//! The two clocks of a step.

use certrotate_core::time::{MonoTime, Now, WallTime};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Reads both clocks: CLOCK_REALTIME, and CLOCK_BOOTTIME, which counts suspended time.
#[must_use]
pub fn now() -> Now {
    let mono = u64::try_from(millis(clock_gettime(ClockId::Boottime))).unwrap_or_default();
    Now { wall: wall(), mono: MonoTime::from_ms(mono) }
}

/// Reads the wall clock.
#[must_use]
pub fn wall() -> WallTime {
    WallTime::from_unix_ms(millis(clock_gettime(ClockId::Realtime)))
}

fn millis(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}
