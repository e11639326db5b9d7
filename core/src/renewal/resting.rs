//! Nothing in flight, and the start of an attempt.

use crate::common::{Common, Cx, Outstanding};
use crate::event::Event;
use crate::id::{FileNumber, Generation};
use crate::input::{KeyFault, MadeKey, Why};
use crate::renewal::{Asking, Attempt, Carry, Outcome, Recovering, Renewal, Saving, overdue};
#[cfg(feature = "seeded")]
use crate::seeded::Bug;
use crate::time::{MonoTime, Span};

/// Nothing is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Resting {
    /// No attempt begins by itself before this.
    pub(crate) not_before: MonoTime,
}

/// Waiting for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Keying {
    pub(crate) waiting: Outstanding,
    pub(crate) generation: Generation,
    /// Whether its request is made with the key in memory only.
    in_memory: bool,
}

impl Resting {
    /// After an attempt that came to nothing: its key is retired. Gives the wait before the next one, too.
    pub(crate) fn retired(cx: &mut Cx<'_>, generation: Generation) -> (Self, Span) {
        #[cfg(feature = "seeded")]
        crate::seeded::throw_away(cx);
        let wait = cx.renew_wait(generation);
        (Self { not_before: cx.after(wait) }, wait)
    }

    /// After a certificate that ended, or whose start the clock went back behind, before it was installed. What was
    /// asked for before the template changed is nothing to wait after.
    pub(crate) fn late(cx: &mut Cx<'_>, generation: Generation) -> (Self, Span) {
        if cx.common.changed {
            let resting = Self::without_wait(cx);
            return (resting, resting.opens(cx.common).since(cx.now.mono));
        }
        Self::retired(cx, generation)
    }

    /// Nothing is waited for.
    pub(crate) fn without_wait(cx: &Cx<'_>) -> Self {
        Self { not_before: cx.now.mono }
    }

    /// After a rotation.
    pub(crate) fn installed(cx: &mut Cx<'_>) -> Self {
        cx.common.disk_failures = 0;
        cx.common.call_failures = 0;
        // The disk does what it should again: what could not be removed may go now.
        cx.common.untidy = cx.common.untidy.map(|_| cx.now.mono);
        cx.common.floor = cx.after(cx.common.timing().issuance_interval(cx.common.lifetime));
        #[cfg(feature = "seeded")]
        if cx.bug(Bug::F28) {
            cx.common.floor = cx.now.mono;
        }
        Self { not_before: cx.now.mono }
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        #[cfg(feature = "seeded")]
        if cx.bug(Bug::F25) && !crate::seeded::is_whole_second(cx) {
            return Err(Why::NotDue);
        }
        if cx.common.is_to_be_looked_at(cx.now.wall) {
            return Ok(Recovering::begin(cx, Carry::Rest(self), cx.now.mono));
        }
        if self.is_wanted(cx) {
            #[cfg(feature = "seeded")]
            if cx.bug(Bug::A06) {
                return Ok(Keying::begin(cx));
            }
            return Ok(Recovering::begin(cx, Carry::Look(self), cx.now.mono));
        }
        if cx.common.is_untidy() {
            return Ok(Recovering::begin(cx, Carry::Rest(self), cx.now.mono));
        }
        Err(Why::NotDue)
    }

    /// Whether an attempt is to begin now.
    fn is_wanted(self, cx: &Cx<'_>) -> bool {
        let due = match cx.common.in_use() {
            None => true,
            Some(identity) => cx.common.config.spec().rotate && identity.is_due(cx.now),
        };
        (due || cx.common.astray) && cx.now.mono >= self.opens(cx.common)
    }

    /// The directory was looked at: begins the attempt, unless what was found there makes that needless.
    pub(crate) fn goes_on(self, cx: &mut Cx<'_>) -> Renewal {
        if self.is_wanted(cx) { Keying::begin(cx) } else { Renewal::Resting(self) }
    }

    pub(crate) fn rotate_now(self, cx: &mut Cx<'_>) -> Outcome {
        if cx.now.mono < cx.common.closed_until() { Err(Why::Busy) } else { Ok(Keying::begin(cx)) }
    }

    /// By the mono clock; the wall time of the renewal is the caller's to add. A wait that has passed is not waited for.
    pub(crate) fn wake(self, common: &Common) -> Option<MonoTime> {
        let opens = self.opens(common);
        let begin = match common.in_use() {
            None => Some(opens),
            Some(_) if common.astray => Some(opens),
            Some(_) if !common.config.spec().rotate => None,
            Some(identity) if identity.old_template || opens > common.mono => Some(opens),
            Some(identity) => Some(identity.renew_by),
        };
        [begin, common.untidy].into_iter().flatten().min()
    }

    /// Whether an attempt may begin by itself at the last step's time.
    pub(crate) fn is_open(self, common: &Common) -> bool {
        self.opens(common) <= common.mono
    }

    /// Before this, no attempt begins by itself. One that another template leads to begins no sooner than the floor after the
    /// last of these.
    pub(crate) fn opens(self, common: &Common) -> MonoTime {
        let changed = common.changed;
        #[cfg(feature = "seeded")]
        let changed = changed && !common.bug(Bug::T04);
        let floor = if changed { common.changes } else { MonoTime::default() };
        self.not_before.max(common.closed_until()).max(floor)
    }
}

impl Keying {
    fn begin(cx: &mut Cx<'_>) -> Renewal {
        #[cfg(feature = "seeded")]
        if let Some(next) = crate::seeded::stale_key(cx) {
            return next;
        }
        let generation = cx.common.top.next();
        cx.common.top = generation;
        cx.follows_change();
        cx.report(Event::AttemptStarted { generation });
        Renewal::Keying(Self { waiting: cx.make_key(), generation, in_memory: false })
    }

    /// As [`Self::begin`], for a request that the disk will know nothing of.
    pub(crate) fn in_memory(cx: &mut Cx<'_>) -> Renewal {
        match Self::begin(cx) {
            Renewal::Keying(keying) => Renewal::Keying(Self { in_memory: true, ..keying }),
            other => other,
        }
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        overdue(self.waiting, cx)?;
        Ok(self.failed(cx))
    }

    pub(crate) fn answered(self, cx: &mut Cx<'_>, result: Result<MadeKey, KeyFault>) -> Renewal {
        match result {
            Err(KeyFault::Failed) => self.failed(cx),
            Ok(made) => {
                let attempt = Attempt {
                    generation: self.generation,
                    key: made.key,
                    key_digest: made.key_digest,
                    request: made.request,
                    made: cx.now.wall,
                    issued_after: cx.now.wall,
                    file: FileNumber(1),
                };
                if self.in_memory {
                    cx.report(Event::RequestInMemory { request: attempt.request });
                    return Asking::begin(cx, attempt);
                }
                #[cfg(feature = "seeded")]
                if cx.bug(Bug::F16) {
                    return Asking::begin(cx, attempt);
                }
                Saving::begin(cx, attempt)
            }
        }
    }

    fn failed(self, cx: &mut Cx<'_>) -> Renewal {
        let again_in = cx.call_backoff();
        cx.report(Event::KeyFailed { again_in });
        Renewal::Resting(Resting { not_before: cx.after(again_in) })
    }
}
