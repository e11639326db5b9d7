//! Liveness after the last fault: a new identity, and then its renewal.

use super::Checks;
use super::bounds::{KUBECONFIG, POLL, WATCHED, recovery, renewed};

/// How far the node is after all faults are over. Times are in milliseconds of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There are faults.
    Faults,
    /// No certificate was issued and went live since this time.
    Healed(u64),
    /// One did.
    First {
        /// When it went live.
        since: u64,
        /// When it expires.
        end: u64,
    },
    /// Its successor did, too.
    Second,
}

impl Checks {
    /// All faults are over. Returns when an identity must be live.
    pub(crate) fn healed(&mut self, now: u64) -> u64 {
        self.progress = Progress::Healed(now);
        now + recovery(self.approval, self.attempts(), self.has_wrong_clock)
    }

    /// Whether the process that runs has an identity for long enough to have written the kubeconfig.
    pub(crate) fn is_long_live(&self, now: u64) -> bool {
        self.live_since.is_some_and(|since| now - since >= KUBECONFIG)
    }

    /// A deadline passed. Returns after how many milliseconds to check again.
    pub(crate) fn deadline(&mut self, now: u64, unix_ms: i64) -> Option<u64> {
        let live = self.running.as_ref().and_then(|running| running.live.current_now());
        let left = live.and_then(|live| u64::try_from(live.not_after().unix_ms() - unix_ms).ok());
        match self.progress {
            Progress::Faults | Progress::Second => None,
            Progress::Healed(_) => {
                if left.is_none() {
                    self.fail("L3", "there is no identity although all faults are over long ago".into());
                }
                left
            }
            Progress::First { since, end } => {
                let due = since + renewed(end - since, self.approval);
                if now >= due {
                    self.fail("L1", "the identity is not renewed although its renewal was due".into());
                }
                Some(due.saturating_sub(now)).filter(|left| *left > 0)
            }
        }
    }

    /// An identity went live, perhaps not for the first time; its validity is in milliseconds since 1970. Returns after how many
    /// milliseconds to check the next deadline.
    pub(crate) fn went_live(
        &mut self,
        (now, unix_ms): (u64, i64),
        (start, end): (i64, i64),
        is_first: bool,
    ) -> Option<u64> {
        if is_first {
            self.names.clear();
        }
        self.live_since.get_or_insert(now);
        let end = now + u64::try_from(end - unix_ms).unwrap_or(0);
        // The start of a certificate is five minutes before its issue.
        let age = u64::try_from(unix_ms - start - 300_000).unwrap_or(0);
        match self.progress {
            Progress::Healed(healed) if age <= now - healed => {
                self.progress = Progress::First { since: now, end };
                Some(renewed(end - now, self.approval))
            }
            Progress::First { since, end: first_end } => {
                // A second for the rounding of certificates.
                if now - since + 1000 < (first_end - since) * 7 / 10 {
                    self.fail("S9", "an identity was renewed before it was due".into());
                }
                // Certificates count in seconds.
                let longest = if self.is_watched { WATCHED } else { POLL };
                if age > longest + 1000 {
                    self.fail(
                        "L5",
                        format!("a certificate went live {age} ms after its issue: nothing told the node"),
                    );
                }
                self.progress = Progress::Second;
                None
            }
            Progress::Faults | Progress::Healed(_) | Progress::Second => None,
        }
    }
}
