//! Waits, in a copy of core's arithmetic.

use certrotate_core::time::Span;

/// Returns the rest of a wait of `most` seconds that began `age` ago, and `least` seconds at least. Seconds are shorter where
/// the lifetime is below an hour.
pub(crate) fn rest(age: Span, least: u64, most: u64, lifetime: Span) -> Span {
    let scaled = |secs: u64| Span::from_ms(secs * lifetime.ms().min(3_600_000) / 3600);
    scaled(most).minus(age).max(scaled(least))
}

/// Returns the longest rest of such a wait: three seconds are the shortest retry wait with jitter, which is never below ten
/// milliseconds without.
pub(crate) fn latest_rest(age: Span, most: u64, lifetime: Span) -> Span {
    rest(age, 3, most, lifetime).max(Span::from_ms(15))
}

/// Returns a minute, or less where the lifetime is below an hour.
///
/// This copy of core's arithmetic is deliberate: a shared function would be wrong in both places at once.
pub(crate) fn minute(lifetime: Span) -> Span {
    Span::from_ms((lifetime.ms().min(3_600_000) / 60).max(10))
}
