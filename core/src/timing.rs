//! The timing parameters, scaled to the lifetime of the certificates.
//!
//! `docs/timing.md` is the reference: default, scaling and meaning of each parameter. A scaled
//! duration is multiplied by `min(1, lifetime / 1 h)`, and is at least 10 ms, so certificates for
//! ten seconds and for a year follow the same rules.

use crate::config::ConfigError;
use crate::id::LeafDigest;
use crate::time::{Span, WallTime};

/// Every timing parameter. [`Timing::default`] has the defaults,
/// [`Config::new`](crate::config::Config::new) checks the values, and `certrotate status --timing`
/// prints them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Timing {
    /// The range of the renewal point.
    pub renewal: RenewalRange,
    /// The last stretch of a lifetime, in which a renewal cannot wait for the disk. Scaled.
    pub expiry_margin: Span,
    /// The wait after a failed call or disk operation. Scaled.
    pub retry: Backoff,
    /// The jitter of waits, in thousandths either way.
    pub jitter: u16,
    /// The wait for a new request after a denial or refusal. Scaled.
    pub renew: Backoff,
    /// The longest time for a call or for making a key. Scaled, with a minimum for the TLS
    /// handshake.
    pub call_deadline: Span,
    /// The wait between two polls of a pending request, beside the watch. Scaled.
    pub poll: Backoff,
    /// The shortest time between two issuances. Scaled.
    pub issuance_interval: Span,
    /// The longest time for a disk operation. Scaled, with a minimum for a sync.
    pub disk_deadline: Span,
    /// The shortest remaining lifetime of a new certificate.
    pub lifetime_left: LifetimeLeft,
    /// The longest time that a request may stay approved without a certificate. Not scaled; it
    /// doubles with each failed attempt in a row, see [`Timing::approved_age`].
    pub approved_age_max: Span,
    /// The longest time between two checks of the wall clock. Scaled.
    pub clock_check: Span,
    /// The hold cap: how far ahead the notBefore of an acceptable certificate may be. Scaled.
    pub hold_cap: Span,
    /// The longest time that a start waits for a suspect clock ([`crate::view::Gate::ClockSuspect`]). Scaled.
    pub clock_wait: Span,
}

/// The range in which the renewal point is drawn, in thousandths of the lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RenewalRange {
    /// The earliest point.
    pub from: u16,
    /// The latest point.
    pub to: u16,
}

/// A wait that doubles with each failure in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Backoff {
    /// The first wait.
    pub first: Span,
    /// The longest wait.
    pub max: Span,
}

/// The shortest remaining lifetime of a new certificate. Both limits apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LifetimeLeft {
    /// The share of its lifetime, in thousandths.
    pub share: u16,
    /// The absolute limit. Not scaled, so that no issuer can cause a hot loop.
    pub min: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            renewal: RenewalRange { from: 700, to: 900 },
            expiry_margin: Span::from_mins(1),
            retry: Backoff { first: Span::from_secs(2), max: Span::from_mins(15) },
            jitter: 250,
            renew: Backoff { first: Span::from_mins(10), max: Span::from_hours(4) },
            call_deadline: Span::from_secs(30),
            poll: Backoff { first: Span::from_secs(10), max: Span::from_mins(2) },
            issuance_interval: Span::from_mins(1),
            disk_deadline: Span::from_secs(30),
            lifetime_left: LifetimeLeft { share: 100, min: Span::from_secs(5) },
            approved_age_max: Span::from_hours(24),
            clock_check: Span::from_mins(1),
            hold_cap: Span::from_hours(1),
            clock_wait: Span::from_mins(10),
        }
    }
}

/// The lifetime from which on durations are not scaled. Core assumes it before the first
/// certificate if the template requests no lifetime.
pub const FULL_LIFETIME: Span = Span::from_hours(1);

const LEAST: Span = Span::from_ms(10);
/// The shortest deadline of calls and disk operations: a handshake and a sync take their time.
const LEAST_DEADLINE: Span = Span::from_secs(1);

impl Timing {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let ordered = [
            ("retry", self.retry.first, self.retry.max),
            ("renew", self.renew.first, self.renew.max),
            ("poll", self.poll.first, self.poll.max),
            ("expiry_margin", self.expiry_margin, Span::MAX),
            ("call_deadline", self.call_deadline, Span::MAX),
            ("issuance_interval", self.issuance_interval, Span::MAX),
            ("disk_deadline", self.disk_deadline, Span::MAX),
            ("approved_age_max", self.approved_age_max, Span::MAX),
            ("clock_check", self.clock_check, Span::MAX),
            ("hold_cap", self.hold_cap, Span::MAX),
            ("clock_wait", self.clock_wait, Span::MAX),
            ("lifetime_left.min", self.lifetime_left.min, Span::MAX),
        ];
        if let Some((name, ..)) = ordered.iter().find(|(_, first, max)| *first == Span::ZERO || max < first) {
            return Err(ConfigError::Time(name));
        }
        let RenewalRange { from, to } = self.renewal;
        let shares = [
            ("renewal.from", from > 0 && from <= to),
            ("renewal.to", to < 1000),
            ("jitter", self.jitter < 1000),
            ("lifetime_left.share", self.lifetime_left.share < 1000),
        ];
        match shares.iter().find(|(.., good)| !good) {
            Some((name, ..)) => Err(ConfigError::Time(name)),
            None => Ok(()),
        }
    }

    fn scale(time: Span, lifetime: Span) -> Span {
        let short = lifetime.min(FULL_LIFETIME);
        time.scaled(short.ms(), FULL_LIFETIME.ms()).max(LEAST)
    }

    /// Returns the expiry margin for certificates of this lifetime.
    #[must_use]
    pub fn expiry_margin(&self, lifetime: Span) -> Span {
        Self::scale(self.expiry_margin, lifetime).min(lifetime.scaled(50, 1000)).max(LEAST)
    }

    /// Returns how long a call may take.
    #[must_use]
    pub fn call_deadline(&self, lifetime: Span) -> Span {
        Self::scale(self.call_deadline, lifetime).max(LEAST_DEADLINE)
    }

    /// Returns how long a disk operation may take.
    #[must_use]
    pub fn disk_deadline(&self, lifetime: Span) -> Span {
        Self::scale(self.disk_deadline, lifetime).max(LEAST_DEADLINE)
    }

    /// Returns the least time between two issuances.
    #[must_use]
    pub fn issuance_interval(&self, lifetime: Span) -> Span {
        Self::scale(self.issuance_interval, lifetime)
    }

    /// Returns the longest time between two checks of the wall clock.
    #[must_use]
    pub fn clock_check(&self, lifetime: Span) -> Span {
        Self::scale(self.clock_check, lifetime)
    }

    /// Returns how far in the future the notBefore of a certificate may be that is held until then.
    #[must_use]
    pub fn hold_cap(&self, lifetime: Span) -> Span {
        Self::scale(self.hold_cap, lifetime)
    }

    /// Returns how long a start waits for a suspect clock.
    #[must_use]
    pub fn clock_wait(&self, lifetime: Span) -> Span {
        Self::scale(self.clock_wait, lifetime)
    }

    /// Returns the wait after the `failures`-th failed call in a row (1 is the first), jittered by `draw`.
    #[must_use]
    pub fn retry(&self, lifetime: Span, failures: u32, draw: u64) -> Span {
        let wait = doubled(Self::scale(self.retry.first, lifetime), self.retry_max(lifetime), failures);
        self.jittered(wait, draw).min(self.retry_max(lifetime))
    }

    /// Returns whether the wait after this many failures in a row is the longest one.
    #[must_use]
    pub fn is_longest_retry(&self, lifetime: Span, failures: u32) -> bool {
        let longest = self.retry_max(lifetime);
        doubled(Self::scale(self.retry.first, lifetime), longest, failures) >= longest
    }

    /// Returns the longest wait after a failed call.
    #[must_use]
    pub fn retry_max(&self, lifetime: Span) -> Span {
        Self::scale(self.retry.max, lifetime)
    }

    /// Returns the wait for a new request after the `attempts`-th failed attempt in a row, jittered by `draw`.
    ///
    /// The jitter only ever lengthens it, so that a denying approver sees few requests a day.
    #[must_use]
    pub fn renew(&self, lifetime: Span, attempts: u32, draw: u64) -> Span {
        let (first, max) = (Self::scale(self.renew.first, lifetime), Self::scale(self.renew.max, lifetime));
        let wait = doubled(first, max, attempts);
        wait.max(self.jittered(wait, draw))
    }

    /// Returns how long the request of the `attempts`-th attempt in a row (1 is the first) may stay approved without
    /// a certificate. Some issuers never delete such a request (kubernetes/kubernetes#132947).
    #[must_use]
    pub fn approved_age(&self, attempts: u32) -> Span {
        doubled(self.approved_age_max, self.approved_age_max.scaled(8, 1), attempts)
    }

    /// Returns the wait before the `polls`-th poll of a pending request (1 is the first).
    #[must_use]
    pub fn poll(&self, lifetime: Span, polls: u32) -> Span {
        doubled(Self::scale(self.poll.first, lifetime), Self::scale(self.poll.max, lifetime), polls)
    }

    /// Returns the renewal point of an identity that was issued at `start` and expires at `end`.
    ///
    /// It is a pure function of files on disk: restarts do not move it, and a thousand leaves fill the
    /// range evenly.
    #[must_use]
    pub fn renewal_point(&self, start: WallTime, end: WallTime, leaf: &LeafDigest) -> WallTime {
        let drawn = u64::from_be_bytes(core::array::from_fn(|index| leaf.0[index]));
        let range = u64::from(self.renewal.to.saturating_sub(self.renewal.from)) * 1000;
        let part = u64::from(self.renewal.from) * 1000 + drawn % (range + 1);
        start.plus(end.since(start).scaled(part, 1_000_000))
    }

    /// Returns the remaining lifetime that a fresh certificate of this lifetime must have.
    #[must_use]
    pub fn least_left(&self, lifetime: Span) -> Span {
        let LifetimeLeft { share, min } = self.lifetime_left;
        min.max(lifetime.scaled(u64::from(share), 1000))
    }

    /// Returns the time from which the renewal point of an adopted pair counts: its adoption. Its issue is unknown, and a
    /// backdated notBefore must not make it due at once.
    ///
    /// With less than a tenth of its lifetime left, and less than an hour, it counts from notBefore: such a pair is due.
    #[must_use]
    pub fn adopted_start(&self, now: WallTime, not_before: WallTime, not_after: WallTime) -> WallTime {
        let LifetimeLeft { share, min } = self.lifetime_left;
        let (left, lifetime) = (not_after.since(now), not_after.since(not_before));
        let enough = lifetime.scaled(u64::from(share), 1000).min(FULL_LIFETIME).max(min);
        if left >= enough { now.max(not_before) } else { not_before }
    }

    fn jittered(&self, wait: Span, draw: u64) -> Span {
        let jitter = u64::from(self.jitter);
        wait.scaled(1000 - jitter + draw % (2 * jitter + 1), 1000).max(LEAST)
    }
}

/// Returns `first` doubled `times - 1` times, at most `max`.
fn doubled(first: Span, max: Span, times: u32) -> Span {
    let shift = times.saturating_sub(1).min(63);
    first.scaled(1u64 << shift, 1).min(max)
}

#[cfg(test)]
mod tests;
