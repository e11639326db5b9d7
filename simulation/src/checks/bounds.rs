//! The bounds of the checks. Each follows from core's timing parameters; `docs/timing.md` and `docs/invariants.md` name them.

/// The length of a minute, in milliseconds.
const MINUTE: u64 = 60_000;

/// S9: the calls of one kind that may be made at once, in thousandths. One a minute more.
pub(super) const BURST: i64 = 16_000;
/// S9: the creates and gets, and the lists, that a start may make besides.
pub(super) const START: (i64, i64) = (6_000, 3_000);
/// The watches that may be open at a time. One that was cancelled is closed with its connection at the latest.
pub(super) const WATCHES: usize = 3;
/// S9: the inputs that may lead to actions while no time passes.
pub(super) const AT_ONCE: u32 = 200;
/// S9: the largest Retry-After that is obeyed in any case, in seconds. `retry.max` is scaled with the lifetime that was left when
/// the node got the certificate: 15 minutes for an hour.
pub(super) const RETRY_AFTER: u64 = 5 * 60;

/// The longest wait after a failed call: `retry.max` and its jitter of 25 %.
const RETRY: u64 = 15 * MINUTE * 5 / 4;
/// The longest call, `call_deadline`: one that was lost in the last fault.
const CALL: u64 = MINUTE / 2;
/// The longest wait between two polls: `poll.max` and its jitter.
pub(super) const POLL: u64 = 2 * MINUTE * 5 / 4;
/// `issuance_interval`, and `clock_check`.
const INTERVAL: u64 = MINUTE;
/// `clock_wait`: how long a start waits for a suspect clock.
const CLOCK: u64 = 10 * MINUTE;
/// `renew.first` and `renew.max`.
const RENEW: (u64, u64) = (10 * MINUTE, 240 * MINUTE);
/// From the issue to the live identity, by the watch: four calls, and the writes to the disk.
pub(super) const WATCHED: u64 = 5_000;
/// How long a watch lasts: `WATCH_REQUESTED`. The next poll opens another one.
pub(super) const WATCH: u64 = 290_000;
/// L2: the node's kubeconfig is there so long after the last fault: the longest wait between two attempts, and one attempt.
pub(crate) const KUBECONFIG: u64 = 70_000;
/// Slack for the calls of a renewal without faults.
const CALLS: u64 = 10_000;

/// L3: from the last fault to a live identity. `approval` is how long approver and signer take together.
pub(super) fn recovery(approval: u64, failed: u32, has_wrong_clock: bool) -> u64 {
    let clock = if has_wrong_clock { CLOCK } else { 0 };
    RETRY + CALL + POLL + INTERVAL + approval + clock + renewal_wait(failed)
}

/// The longest wait for a new request after so many failed ones in a row. Jitter lengthens it by a quarter.
fn renewal_wait(failed: u32) -> u64 {
    let doubled = failed.checked_sub(1).map_or(0, |doublings| RENEW.0 << doublings.min(10));
    doubled.min(RENEW.1) * 5 / 4
}

/// L1: from the start of a lifetime to the live successor, without faults.
pub(super) fn renewed(lifetime: u64, approval: u64) -> u64 {
    // The watch may end before the issue.
    let poll = if approval < WATCH { 0 } else { POLL };
    lifetime * 9 / 10 + approval + poll + CALLS
}

/// A bucket that leaks one call a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    level: i64,
    last: u64,
}

impl Bucket {
    /// Adds a call and returns the level, in thousandths.
    pub(super) fn pour(&mut self, now: u64) -> i64 {
        let leaked = i64::try_from((now - self.last) * 1000 / MINUTE).unwrap_or(i64::MAX);
        self.last = now;
        if self.level > 0 {
            self.level = (self.level - leaked).max(0);
        }
        self.level += 1000;
        self.level
    }

    /// Allows more calls, in thousandths.
    pub(super) fn allow(&mut self, calls: i64) {
        self.level = self.level.min(BURST) - calls;
    }
}
