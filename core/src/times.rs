//! The named times: one table, scaled to the life of the certificates.
//!
//! A demo's ten-second certificates and a year's follow the same rules: every time that is marked
//! *scaled* is multiplied by `min(1, life / 1 h)`, and is 10 ms at least.

use crate::config::ConfigError;
use crate::id::LeafDigest;
use crate::time::{Span, WallTime};

/// Every named time with its default. All are validated, and shown by `status`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Times {
    /// Earliest renewal point, in thousandths of the life: 700.
    pub renewal_from: u16,
    /// Latest renewal point, in thousandths of the life: 900.
    pub renewal_to: u16,
    /// Time before the end in which losing the identity is close: 1 min (scaled), at most 5 % of life.
    pub guard: Span,
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
    pub issuance_floor: Span,
    /// How long a disk operation may take: 30 s (scaled, but 1 s at least).
    pub disk_deadline: Span,
    /// Life left that is enough for a fresh certificate, in thousandths: 100.
    pub life_left: u16,
    /// Life left that is enough in any case: 5 s (not scaled), so that no issuer can make a hot loop.
    pub life_left_least: Span,
    /// How long a request may stay approved without a certificate: 24 h (not scaled), doubling to eight times
    /// that with each attempt in a row that came to nothing.
    pub approved_age_max: Span,
    /// Longest time between two looks at the wall clock: 1 min (scaled).
    pub clock_look: Span,
    /// How far in the future a good certificate may start and be held until then: 1 h (scaled). One that starts later is refused.
    pub hold_cap: Span,
    /// How long a start waits for a clock that is before the start of the newest accepted certificate: 10 min (scaled).
    pub clock_wait: Span,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            renewal_from: 700,
            renewal_to: 900,
            guard: Span::from_mins(1),
            retry_first: Span::from_secs(2),
            retry_max: Span::from_mins(15),
            jitter: 250,
            renew_first: Span::from_mins(10),
            renew_max: Span::from_hours(4),
            call_deadline: Span::from_secs(30),
            poll_first: Span::from_secs(10),
            poll_max: Span::from_mins(2),
            issuance_floor: Span::from_mins(1),
            disk_deadline: Span::from_secs(30),
            life_left: 100,
            life_left_least: Span::from_secs(5),
            approved_age_max: Span::from_hours(24),
            clock_look: Span::from_mins(1),
            hold_cap: Span::from_hours(1),
            clock_wait: Span::from_mins(10),
        }
    }
}

/// The life that scales nothing, and is assumed before the first certificate where none is asked for.
pub const FULL_LIFE: Span = Span::from_hours(1);

const LEAST: Span = Span::from_ms(10);
/// Deadlines on the outside world do not shrink below this: a handshake and a sync take their time.
const LEAST_DEADLINE: Span = Span::from_secs(1);

impl Times {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let ordered = [
            ("retry", self.retry_first, self.retry_max),
            ("renew", self.renew_first, self.renew_max),
            ("poll", self.poll_first, self.poll_max),
            ("guard", self.guard, Span::MAX),
            ("call_deadline", self.call_deadline, Span::MAX),
            ("issuance_floor", self.issuance_floor, Span::MAX),
            ("disk_deadline", self.disk_deadline, Span::MAX),
            ("approved_age_max", self.approved_age_max, Span::MAX),
            ("clock_look", self.clock_look, Span::MAX),
            ("hold_cap", self.hold_cap, Span::MAX),
            ("clock_wait", self.clock_wait, Span::MAX),
            ("life_left_least", self.life_left_least, Span::MAX),
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
            ("life_left", self.life_left, self.life_left < 1000),
        ];
        match shares.iter().find(|(.., good)| !good) {
            Some((name, ..)) => Err(ConfigError::Time(name)),
            None => Ok(()),
        }
    }

    fn scale(time: Span, life: Span) -> Span {
        let short = life.min(FULL_LIFE);
        time.scaled(short.ms(), FULL_LIFE.ms()).max(LEAST)
    }

    /// The guard for certificates of this life.
    #[must_use]
    pub fn guard(&self, life: Span) -> Span {
        Self::scale(self.guard, life).min(life.scaled(50, 1000)).max(LEAST)
    }

    /// How long a call may take.
    #[must_use]
    pub fn call_deadline(&self, life: Span) -> Span {
        Self::scale(self.call_deadline, life).max(LEAST_DEADLINE)
    }

    /// How long a disk operation may take.
    #[must_use]
    pub fn disk_deadline(&self, life: Span) -> Span {
        Self::scale(self.disk_deadline, life).max(LEAST_DEADLINE)
    }

    /// The least time between two issuances.
    #[must_use]
    pub fn issuance_floor(&self, life: Span) -> Span {
        Self::scale(self.issuance_floor, life)
    }

    /// The longest time between two looks at the wall clock.
    #[must_use]
    pub fn clock_look(&self, life: Span) -> Span {
        Self::scale(self.clock_look, life)
    }

    /// How far in the future a certificate may start and be held until then.
    #[must_use]
    pub fn hold_cap(&self, life: Span) -> Span {
        Self::scale(self.hold_cap, life)
    }

    /// How long a start waits for a clock that is in doubt.
    #[must_use]
    pub fn clock_wait(&self, life: Span) -> Span {
        Self::scale(self.clock_wait, life)
    }

    /// The wait after the `failures`-th failed call in a row (1 is the first), jittered by `draw`.
    #[must_use]
    pub fn retry(&self, life: Span, failures: u32, draw: u64) -> Span {
        let wait = doubled(Self::scale(self.retry_first, life), self.retry_max(life), failures);
        self.jittered(wait, draw).min(self.retry_max(life))
    }

    /// Whether the wait after so many failures in a row is as long as waits get.
    #[must_use]
    pub fn is_longest_retry(&self, life: Span, failures: u32) -> bool {
        let longest = self.retry_max(life);
        doubled(Self::scale(self.retry_first, life), longest, failures) >= longest
    }

    /// The longest wait after a failed call.
    #[must_use]
    pub fn retry_max(&self, life: Span) -> Span {
        Self::scale(self.retry_max, life)
    }

    /// The wait for a new request after the `attempts`-th attempt in a row that came to nothing, jittered by `draw`.
    ///
    /// It is only ever lengthened by the jitter, so that a denying approver sees few requests a day.
    #[must_use]
    pub fn renew(&self, life: Span, attempts: u32, draw: u64) -> Span {
        let wait = doubled(Self::scale(self.renew_first, life), Self::scale(self.renew_max, life), attempts);
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
    pub fn poll(&self, life: Span, looks: u32) -> Span {
        doubled(Self::scale(self.poll_first, life), Self::scale(self.poll_max, life), looks)
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

    /// Whether `left` of a life of `life` is enough for a fresh certificate.
    #[must_use]
    pub fn life_is_enough(&self, left: Span, life: Span) -> bool {
        left >= self.life_left_least && left >= life.scaled(u64::from(self.life_left), 1000)
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
