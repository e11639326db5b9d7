//! Two clocks, one unit.
//!
//! Wall time decides validity and may jump either way. Mono time spaces retries, counts suspended
//! time and never goes back. Both are whole milliseconds: one unit everywhere, so that nothing is
//! ever due by a rounding error.
//!
//! The two clocks, operation numbers, runs and counters each reach a [`Hasher`] by a method of their own (`write_i64`,
//! `write_u128`, `write_i32`, `write_i128`, `write_u16`), so that a hasher of its own can tell them from other numbers:
//! a model checker takes states for equal that differ only in when they were reached.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

/// A point of civil time: milliseconds since 1970-01-01T00:00:00Z, negative before.
///
/// Arithmetic saturates at the ends of the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct WallTime(i64);

/// A point of the monotonic clock: milliseconds since an arbitrary start (CLOCK_BOOTTIME's, on Linux).
///
/// Only the order and the differences mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct MonoTime(u64);

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Span(u64);

/// What both clocks show at one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Now {
    /// Civil time; may jump.
    pub wall: WallTime,
    /// Monotonic time; never goes back.
    pub mono: MonoTime,
}

impl WallTime {
    /// The earliest representable time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable time.
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// From seconds since the Unix epoch, as X.509 counts (saturating).
    #[must_use]
    pub const fn from_unix_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// From the time since the Unix epoch. Rounded down to whole milliseconds (saturating).
    #[must_use]
    pub const fn from_unix(since: Duration) -> Self {
        Self(0).plus(Span::from_duration(since))
    }

    /// The time since the Unix epoch; `None` before it.
    #[must_use]
    pub const fn unix(self) -> Option<Duration> {
        if self.0 < 0 { None } else { Some(Duration::from_millis(self.0.unsigned_abs())) }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded towards the past.
    #[must_use]
    pub const fn unix_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The whole second that this time is in, as a file name shows it.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self::from_unix_secs(self.unix_secs())
    }

    /// This time and `span` more.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }

    /// So much earlier; the earliest time that there is, if that is too far.
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub_unsigned(span.0))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        if self.0 <= earlier.0 { Span(0) } else { Span(self.0.abs_diff(earlier.0)) }
    }
}

impl MonoTime {
    /// From milliseconds since the clock's start.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// From the time since the clock's start, such as `Instant::elapsed` of one instant. Rounded down to whole milliseconds
    /// (saturating).
    #[must_use]
    pub const fn from_duration(since: Duration) -> Self {
        Self(Span::from_duration(since).0)
    }

    /// Milliseconds since the clock's start.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// This time and `span` more.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Now {
    /// What both clocks show.
    #[must_use]
    pub const fn new(wall: WallTime, mono: MonoTime) -> Self {
        Self { wall, mono }
    }
}

impl Hash for MonoTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.0.into());
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest representable length.
    pub const MAX: Self = Self(u64::MAX);

    /// From milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// From seconds (saturating).
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// From minutes (saturating).
    #[must_use]
    pub const fn from_mins(mins: u64) -> Self {
        Self::from_secs(mins.saturating_mul(60))
    }

    /// From hours (saturating).
    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_mins(hours.saturating_mul(60))
    }

    /// From a duration, rounded down to whole milliseconds (saturating).
    #[must_use]
    pub const fn from_duration(duration: Duration) -> Self {
        let ms = duration.as_millis();
        if ms > u64::MAX as u128 { Self::MAX } else { Self(ms as u64) }
    }

    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// The sum, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; zero if `other` is longer.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self × numerator / denominator`, rounded down and saturating; `self` where the denominator is zero.
    #[must_use]
    pub const fn scaled(self, numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return self;
        }
        let wide = self.0 as u128 * numerator as u128 / denominator as u128;
        if wide > u64::MAX as u128 { Self(u64::MAX) } else { Self(wide as u64) }
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.duration()
    }
}

impl fmt::Display for Span {
    /// The two largest units that matter: `3d4h`, `5m10s`, `1.250s`, `10ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ms, secs) = (self.0 % 1000, self.0 / 1000);
        match secs {
            0 => write!(f, "{ms}ms"),
            1..60 if ms == 0 => write!(f, "{secs}s"),
            1..60 => write!(f, "{secs}.{ms:03}s"),
            60..3600 => write!(f, "{}m{}s", secs / 60, secs % 60),
            3600..86_400 => write!(f, "{}h{}m", secs / 3600, secs / 60 % 60),
            _ => write!(f, "{}d{}h", secs / 86_400, secs / 3600 % 24),
        }
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339 in UTC to the second (`2026-11-24T11:12:13Z`); the proleptic Gregorian calendar.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            civil.0, civil.1, civil.2, civil.3, civil.4, civil.5
        )
    }
}

impl WallTime {
    /// Year, month, day, hour, minute and second in UTC.
    #[must_use]
    pub const fn civil(self) -> (i64, u8, u8, u8, u8, u8) {
        let secs = self.unix_secs();
        let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        // Days are counted in 400-year eras that start on 1 March, so the leap day comes last.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as i64;
        (year, month as u8, day as u8, (second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8)
    }
}

#[cfg(test)]
mod tests;
