//! The load on the server (S9), in windows of time that span restarts.

use std::hash::{Hash, Hasher};

use certrotate_core::issuer::Call;
use certrotate_core::time::{MonoTime, Span};

/// A leaky bucket of calls: it fills with each call and leaks with time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// The level, in thousandths of a call.
    level: u64,
    at: MonoTime,
}

/// What the load of earlier runs allows. It is no part of a state: worlds that differ in it alone go on in the same way.
#[derive(Clone, Copy, Debug, Default)]
struct Earlier {
    /// New requests since an identity went live.
    requests: Bucket,
    /// The last key that was sent.
    sent: u64,
    /// The start of the run.
    start: MonoTime,
    /// The calls and the watches that the last run had time for.
    allowed: (u64, u64),
}

impl Hash for Earlier {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The calls and the new requests of all runs.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Load {
    /// Gets and creates.
    pub calls: Bucket,
    /// Watches.
    pub watches: Bucket,
    earlier: Earlier,
    /// The start of the run until its first call, and the last key made before it.
    start: (MonoTime, u64),
    /// Whether the run has made a call.
    pub called_yet: bool,
    /// Whether a run sent a request that its start found before its wait was over.
    pub crash_loop: bool,
    /// The earliest and the latest first call for a request that the start of this run found; cleared by that call.
    pub found_call: Option<(MonoTime, MonoTime)>,
    /// The time before which another template change allows no further calls.
    granted: MonoTime,
}

/// Returns a minute, or less where the lifetime is below an hour.
fn minute(lifetime: Span) -> Span {
    Span::from_ms((lifetime.ms().min(3_600_000) / 60).max(1))
}

impl Bucket {
    /// Returns the level, in thousandths of a call.
    #[must_use]
    pub const fn level(self) -> u64 {
        self.level
    }

    /// Counts a call. The bucket leaks one in this span.
    pub fn fill(&mut self, now: MonoTime, each: Span) {
        self.leak(now, each);
        self.level += 1000;
    }

    fn leak(&mut self, now: MonoTime, each: Span) {
        let passed = now.since(self.at).ms();
        self.level = self.level.saturating_sub(passed.saturating_mul(1000) / each.ms());
        self.at = now;
    }

    /// Makes room for this many calls.
    pub fn grant(&mut self, calls: u64) {
        self.level = self.level.saturating_sub(calls * 1000);
    }
}

impl Load {
    /// Returns the level of new requests without a certificate, in thousandths.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.earlier.requests.level
    }

    /// Returns whether the start of this run found the request with this key: an earlier run made it.
    pub(crate) fn is_found(&self, key: u64) -> bool {
        key <= self.start.1 && !self.called_yet
    }

    /// Records a start. It restarts the backoff of calls, so it allows as many calls as the last run had time for.
    pub(crate) fn started(&mut self, now: MonoTime, keys: u64) {
        let (calls, watches) = self.earlier.allowed;
        self.calls.grant(calls);
        self.watches.grant(watches);
        (self.start, self.earlier.start) = ((now, keys), now);
        self.called_yet = false;
    }

    /// Records the end of a run. At once it may make two calls, because a name that is taken is read at once, and one watch. One
    /// call more comes after each failure: the waits double from a second and a half, the shortest with jitter. And one comes
    /// before each poll of a pending request, which opens a watch: those waits double from ten seconds. A server that answers
    /// few calls sees each poll twice.
    pub(crate) fn killed(&mut self, now: MonoTime, lifetime: Span) {
        let age = now.since(self.earlier.start).ms();
        let past = |tenths: &&u64| age >= minute(lifetime).ms() * **tenths / 600;
        let count = |tenths: &[u64]| tenths.iter().filter(past).count() as u64;
        let (retries, polls) = (count(&[15, 45, 105, 225]), count(&[100, 300, 700, 1500]));
        let (calls, watches) = (retries + 2 * polls, polls.min(2));
        self.earlier.allowed = (2 + calls, 1 + watches);
        self.found_call = None;
    }

    /// Records a template change. Once a minute it allows the calls of an attempt. Requests for the template before do not count.
    pub(crate) fn changed(&mut self, now: MonoTime, lifetime: Span) {
        self.forget_requests();
        if now >= self.granted {
            self.granted = now.plus(minute(lifetime).max(Span::from_ms(10)));
            self.calls.grant(6);
            self.watches.grant(3);
        }
    }

    /// Forgets the new requests: an identity went live, or what tells the node of its earlier attempts was lost.
    pub(crate) fn forget_requests(&mut self) {
        self.earlier.requests.level = 0;
    }

    /// Allows one request more: the operator wants it, or the server refused the requested lifetime.
    pub(crate) fn allow_request(&mut self) {
        self.earlier.requests.grant(1);
    }

    /// Records a call.
    pub(crate) fn called(&mut self, now: MonoTime, call: &Call, lifetime: Span) {
        let each = minute(lifetime);
        let early = now.since(self.start.0).ms() < lifetime.ms().min(3_600_000) / 3600
            || self.found_call.is_some_and(|(from, _)| now < from);
        if let Call::Create { key } = call {
            self.crash_loop |= self.is_found(key.0) && early;
            if key.0 > self.earlier.sent {
                self.earlier.sent = key.0;
                self.earlier.requests.fill(now, Span::from_ms(each.ms() * 240));
                // Its four first polls are closer than a minute, and a server that answers every other call sees each twice.
                self.calls.grant(8);
            }
        }
        (self.called_yet, self.found_call) = (true, None);
        match call {
            Call::Watch { .. } => self.watches.fill(now, each),
            Call::Create { .. } | Call::Get { .. } => self.calls.fill(now, each),
        }
    }

    /// Forgets the counts, which the crash enumerator does not judge.
    pub(crate) fn forget_counts(&mut self, now: MonoTime) {
        let empty = Bucket { level: 0, at: now };
        *self = Self {
            calls: empty,
            watches: empty,
            start: (now, 0),
            granted: now,
            crash_loop: self.crash_loop,
            ..Self::default()
        };
    }

    /// Forgets elapsed time, so that worlds that differ only in it are equal.
    pub(crate) fn forget_time(&mut self, now: MonoTime, lifetime: Span) {
        self.calls.leak(now, minute(lifetime));
        self.watches.leak(now, minute(lifetime));
        self.granted = self.granted.max(now);
        if self.called_yet {
            self.start = (now, 0);
        }
    }
}
