//! The timing parameters: one table, scaled to the lifetime of the certificates.
//!
//! A demo's ten-second certificates and a year's follow the same rules: every time that is marked
//! *scaled* is multiplied by `min(1, lifetime / 1 h)`, and is 10 ms at least.

use crate::config::ConfigError;
use crate::id::LeafDigest;
use crate::time::{Span, WallTime};

/// Every timing parameter with its default. All are validated, and shown by `status`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Timing {
    /// Earliest renewal point, in thousandths of the lifetime: 700.
    pub renewal_from: u16,
    /// Latest renewal point, in thousandths of the lifetime: 900.
    pub renewal_to: u16,
    /// Time before the end in which losing the identity is close: 1 min (scaled), at most 5 % of lifetime.
    pub expiry_margin: Span,
    /// First wait after a failed call: 2 s (scaled), doubling.
    pub retry_first: Span,
    /// Longest wait after a failed call: 15 min (scaled).
    pub retry_max: Span,
    /// Jitter of waits, in thousandths either way: 250.
    pub jitter: u16,
    /// First wait for a new request after a denial or refusal: 10 min (scaled), doubling.
    pub renew_first: Span,
    /// Longest wait for a new request after a denial or refusal: 4 h (scaled).
    pub renew_max: Span,
    /// How long a call may take: 30 s (scaled, but 1 s at least: a handshake takes its time).
    pub call_deadline: Span,
    /// First wait between two looks at a pending request, beside the watch: 10 s (scaled), doubling.
    pub poll_first: Span,
    /// Longest wait between two looks at a pending request: 2 min (scaled).
    pub poll_max: Span,
    /// Least time between two issuances: 1 min (scaled).
    pub issuance_interval: Span,
    /// How long a disk operation may take: 30 s (scaled, but 1 s at least).
    pub disk_deadline: Span,
    /// Life left that is enough for a fresh certificate, in thousandths: 100.
    pub lifetime_left: u16,
    /// Life left that is enough in any case: 5 s (not scaled), so that no issuer can make a hot loop.
    pub lifetime_left_min: Span,
    /// How long a request may stay approved without a certificate: 24 h (not scaled), doubling to eight times
    /// that with each attempt in a row that came to nothing.
    pub approved_age_max: Span,
    /// Longest time between two looks at the wall clock: 1 min (scaled).
    pub clock_check: Span,
    /// How far in the future a good certificate may start and be held until then: 1 h (scaled). One that starts later is refused.
    pub hold_cap: Span,
    /// How long a start waits for a clock that is before the start of the newest accepted certificate: 10 min (scaled).
    pub clock_wait: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            renewal_from: 700,
            renewal_to: 900,
            expiry_margin: Span::from_mins(1),
            retry_first: Span::from_secs(2),
            retry_max: Span::from_mins(15),
            jitter: 250,
            renew_first: Span::from_mins(10),
            renew_max: Span::from_hours(4),
            call_deadline: Span::from_secs(30),
            poll_first: Span::from_secs(10),
            poll_max: Span::from_mins(2),
            issuance_interval: Span::from_mins(1),
            disk_deadline: Span::from_secs(30),
            lifetime_left: 100,
            lifetime_left_min: Span::from_secs(5),
            approved_age_max: Span::from_hours(24),
            clock_check: Span::from_mins(1),
            hold_cap: Span::from_hours(1),
            clock_wait: Span::from_mins(10),
        }
    }
}

/// The lifetime that scales nothing, and is assumed before the first certificate where none is asked for.
pub const FULL_LIFETIME: Span = Span::from_hours(1);

const LEAST: Span = Span::from_ms(10);
/// Deadlines on the outside world do not shrink below this: a handshake and a sync take their time.
const LEAST_DEADLINE: Span = Span::from_secs(1);

impl Timing {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let ordered = [
            ("retry", self.retry_first, self.retry_max),
            ("renew", self.renew_first, self.renew_max),
            ("poll", self.poll_first, self.poll_max),
            ("expiry_margin", self.expiry_margin, Span::MAX),
            ("call_deadline", self.call_deadline, Span::MAX),
            ("issuance_interval", self.issuance_interval, Span::MAX),
            ("disk_deadline", self.disk_deadline, Span::MAX),
            ("approved_age_max", self.approved_age_max, Span::MAX),
            ("clock_check", self.clock_check, Span::MAX),
            ("hold_cap", self.hold_cap, Span::MAX),
            ("clock_wait", self.clock_wait, Span::MAX),
            ("lifetime_left_min", self.lifetime_left_min, Span::MAX),
        ];
        if let Some((name, ..)) = ordered.iter().find(|(_, first, max)| *first == Span::ZERO || max < first) {
            return Err(ConfigError::Time(name));
        }
        let shares = [
            (
                "renewal_from",
                self.renewal_from,
                self.renewal_from > 0 && self.renewal_from <= self.renewal_to,
            ),
            ("renewal_to", self.renewal_to, self.renewal_to < 1000),
            ("jitter", self.jitter, self.jitter < 1000),
            ("lifetime_left", self.lifetime_left, self.lifetime_left < 1000),
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

    /// The expiry_margin for certificates of this lifetime.
    #[must_use]
    pub fn expiry_margin(&self, lifetime: Span) -> Span {
        Self::scale(self.expiry_margin, lifetime).min(lifetime.scaled(50, 1000)).max(LEAST)
    }

    /// How long a call may take.
    #[must_use]
    pub fn call_deadline(&self, lifetime: Span) -> Span {
        Self::scale(self.call_deadline, lifetime).max(LEAST_DEADLINE)
    }

    /// How long a disk operation may take.
    #[must_use]
    pub fn disk_deadline(&self, lifetime: Span) -> Span {
        Self::scale(self.disk_deadline, lifetime).max(LEAST_DEADLINE)
    }

    /// The least time between two issuances.
    #[must_use]
    pub fn issuance_interval(&self, lifetime: Span) -> Span {
        Self::scale(self.issuance_interval, lifetime)
    }

    /// The longest time between two looks at the wall clock.
    #[must_use]
    pub fn clock_check(&self, lifetime: Span) -> Span {
        Self::scale(self.clock_check, lifetime)
    }

    /// How far in the future a certificate may start and be held until then.
    #[must_use]
    pub fn hold_cap(&self, lifetime: Span) -> Span {
        Self::scale(self.hold_cap, lifetime)
    }

    /// How long a start waits for a clock that is in doubt.
    #[must_use]
    pub fn clock_wait(&self, lifetime: Span) -> Span {
        Self::scale(self.clock_wait, lifetime)
    }

    /// The wait after the `failures`-th failed call in a row (1 is the first), jittered by `draw`.
    #[must_use]
    pub fn retry(&self, lifetime: Span, failures: u32, draw: u64) -> Span {
        let wait = doubled(Self::scale(self.retry_first, lifetime), self.retry_max(lifetime), failures);
        self.jittered(wait, draw).min(self.retry_max(lifetime))
    }

    /// Whether the wait after so many failures in a row is as long as waits get.
    #[must_use]
    pub fn is_longest_retry(&self, lifetime: Span, failures: u32) -> bool {
        let longest = self.retry_max(lifetime);
        doubled(Self::scale(self.retry_first, lifetime), longest, failures) >= longest
    }

    /// The longest wait after a failed call.
    #[must_use]
    pub fn retry_max(&self, lifetime: Span) -> Span {
        Self::scale(self.retry_max, lifetime)
    }

    /// The wait for a new request after the `attempts`-th attempt in a row that came to nothing, jittered by `draw`.
    ///
    /// It is only ever lengthened by the jitter, so that a denying approver sees few requests a day.
    #[must_use]
    pub fn renew(&self, lifetime: Span, attempts: u32, draw: u64) -> Span {
        let wait =
            doubled(Self::scale(self.renew_first, lifetime), Self::scale(self.renew_max, lifetime), attempts);
        wait.max(self.jittered(wait, draw))
    }

    /// How long the request of the `attempts`-th attempt in a row (1 is the first) may stay approved without
    /// a certificate. No server removes such an object (kubernetes/kubernetes#132947), so each costs it space for ever.
    #[must_use]
    pub fn approved_age(&self, attempts: u32) -> Span {
        doubled(self.approved_age_max, self.approved_age_max.scaled(8, 1), attempts)
    }

    /// The wait before the `looks`-th look at a pending request (1 is the first).
    #[must_use]
    pub fn poll(&self, lifetime: Span, looks: u32) -> Span {
        doubled(Self::scale(self.poll_first, lifetime), Self::scale(self.poll_max, lifetime), looks)
    }

    /// When to renew an identity that was issued at `start` and ends at `end`.
    ///
    /// A pure function of what is on disk: restarts do not move it, and a thousand leaves fill the
    /// range evenly.
    #[must_use]
    pub fn renewal_point(&self, start: WallTime, end: WallTime, leaf: &LeafDigest) -> WallTime {
        let drawn = u64::from_be_bytes(core::array::from_fn(|index| leaf.0[index]));
        let range = u64::from(self.renewal_to.saturating_sub(self.renewal_from)) * 1000;
        let part = u64::from(self.renewal_from) * 1000 + drawn % (range + 1);
        start.plus(end.since(start).scaled(part, 1_000_000))
    }

    /// Whether `left` of a lifetime of `lifetime` is enough for a fresh certificate.
    #[must_use]
    pub fn has_enough_lifetime(&self, left: Span, lifetime: Span) -> bool {
        left >= self.lifetime_left_min && left >= lifetime.scaled(u64::from(self.lifetime_left), 1000)
    }

    fn jittered(&self, wait: Span, draw: u64) -> Span {
        let jitter = u64::from(self.jitter);
        wait.scaled(1000 - jitter + draw % (2 * jitter + 1), 1000).max(LEAST)
    }
}

/// `first` doubled `times - 1` times, `max` at most.
fn doubled(first: Span, max: Span, times: u32) -> Span {
    let shift = times.saturating_sub(1).min(63);
    first.scaled(1u64 << shift, 1).min(max)
}

#[cfg(test)]
mod tests;
