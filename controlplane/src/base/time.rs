//! Wall-clock times as whole seconds, the precision of X.509 and of the API.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

#[cfg(test)]
mod tests;

/// Whole seconds since the epoch, rounded down; before it: 0.
pub(crate) fn seconds_down(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whole seconds since the epoch, rounded up, so that a lifetime is never shorter than requested.
pub(crate) fn seconds_up(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    seconds_down(at) + i64::from(since.subsec_nanos() > 0)
}

/// A time in the API's form: whole seconds.
pub(crate) fn api_time(at: SystemTime) -> Time {
    Time(Timestamp::from_second(seconds_down(at)).unwrap_or(Timestamp::UNIX_EPOCH))
}
