//! Waits, in a copy of core's arithmetic.

use certrotate_core::time::Span;

/// Returns so many seconds, or less where the lifetime is below an hour.
fn scaled(secs: u64, lifetime: Span) -> Span {
    Span::from_ms(secs * lifetime.ms().min(3_600_000) / 3600)
}

/// Returns the rest of a wait that began `age` ago, and `least` seconds at least. Seconds are shorter where the lifetime is below an
/// hour.
pub(crate) fn rest(age: Span, least: u64, wait: Span, lifetime: Span) -> Span {
    wait.minus(age).max(scaled(least, lifetime))
}

/// Returns the longest rest of such a wait: three seconds are the shortest retry wait with jitter, which is never below ten
/// milliseconds without.
pub(crate) fn latest_rest(age: Span, most: u64, lifetime: Span) -> Span {
    rest(age, 3, scaled(most, lifetime), lifetime).max(Span::from_ms(15))
}

/// Returns a minute, or less where the lifetime is below an hour.
///
/// This copy of core's arithmetic is deliberate: a shared function would be wrong in both places at once.
pub(crate) fn minute(lifetime: Span) -> Span {
    Span::from_ms((lifetime.ms().min(3_600_000) / 60).max(10))
}

/// Returns the shortest wait for a call after so many failures in a row: it doubles from two seconds to a quarter of an hour, and
/// jitter takes a quarter away.
pub(crate) fn shortest_call_wait(failures: u32, lifetime: Span) -> Span {
    doubled(failures, scaled(2, lifetime), scaled(900, lifetime)).scaled(3, 4)
}

/// Returns the shortest wait for a new request after so many denied or refused ones in a row: it doubles from ten minutes to four
/// hours.
pub(super) fn shortest_new_wait(failures: u32, lifetime: Span) -> Span {
    doubled(failures, scaled(600, lifetime), scaled(14_400, lifetime))
}

fn doubled(times: u32, first: Span, most: Span) -> Span {
    Span::from_ms(first.ms() << times.saturating_sub(1).min(12)).min(most)
}
