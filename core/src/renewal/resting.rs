//! Nothing in flight, and the start of an attempt.

use crate::common::{Common, Cx, Outstanding};
use crate::event::Event;
use crate::id::{FileNumber, Generation};
use crate::input::{KeyFault, MadeKey, Why};
use crate::renewal::{Asking, Attempt, Carry, Outcome, Recovering, Renewal, Saving, overdue};
use crate::time::{MonoTime, Span, WallTime};
use crate::view::Stage;

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
    /// Rests after an attempt whose key is retired. Returns the backoff, too.
    pub(crate) fn after_retirement(cx: &mut Cx<'_>, generation: Generation) -> (Self, Span) {
        let wait = cx.renew_wait(generation);
        (Self { not_before: cx.after(wait) }, wait)
    }

    /// The same, if the start found the request: when it was denied or failed is unknown, so the wait counts from the time when
    /// its key was `made`. A restart must not begin it anew.
    pub(crate) fn after_found_retirement(
        cx: &mut Cx<'_>,
        generation: Generation,
        made: WallTime,
    ) -> (Self, Span) {
        let wait = cx.renew_wait(generation);
        let rest = cx.rest_of_wait(wait, made);
        (Self { not_before: cx.after(rest) }, rest)
    }

    /// Rests after a certificate that expired before it was installed, that a clock which went back made not yet valid, or that
    /// the driver lost.
    pub(crate) fn after_unusable_certificate(cx: &mut Cx<'_>, generation: Generation) -> (Self, Span) {
        if cx.common.gates.is_template_changed {
            // It was requested by the template of before, so its failure is no reason for the new one to wait.
            let resting = Self::without_wait(cx);
            return (resting, resting.opens_at(cx.common).since(cx.now.mono));
        }
        Self::after_retirement(cx, generation)
    }

    /// Rests after the driver lost the key or the certificate of an attempt. No retry can succeed.
    pub(crate) fn after_lost_handle(cx: &mut Cx<'_>, attempt: &Attempt) -> Self {
        let (resting, again_in) = Self::after_unusable_certificate(cx, attempt.generation);
        cx.report(Event::HandleGone { request: attempt.request, again_in });
        resting
    }

    /// Rests without a backoff.
    pub(crate) fn without_wait(cx: &Cx<'_>) -> Self {
        Self { not_before: cx.now.mono }
    }

    /// Rests after a rotation.
    pub(crate) fn after_rotation(cx: &mut Cx<'_>) -> Self {
        cx.common.directory.failures = 0;
        cx.common.issuer.call_failures = 0;
        // The disk takes changes again, so the removal that failed before may succeed now.
        cx.common.directory.cleanup_at = cx.common.directory.cleanup_at.map(|_| cx.now.mono);
        cx.common.gates.issuance = cx.after(cx.common.timing().issuance_interval(cx.common.lifetime));
        Self { not_before: cx.now.mono }
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        if cx.common.needs_rescan(cx.now.wall) {
            return Ok(Recovering::begin(cx, Carry::Rest(self), cx.now.mono));
        }
        if self.is_attempt_due(cx) {
            // Another program may have changed the directory since the last scan: a backup brought a better bundle, perhaps.
            return Ok(Recovering::begin(cx, Carry::Rescan(self), cx.now.mono));
        }
        if cx.common.needs_cleanup() {
            return Ok(Recovering::begin(cx, Carry::Rest(self), cx.now.mono));
        }
        Err(Why::NotDue)
    }

    /// Whether an attempt begins now: it is due, and every gate is open.
    fn is_attempt_due(self, cx: &Cx<'_>) -> bool {
        let is_due = match cx.common.serving.in_use() {
            None => true,
            Some(judged) if judged.is_far_from_valid() => true,
            Some(judged) => cx.common.config.spec().rotate && judged.identity.is_due(cx.now),
        };
        is_due && cx.now.mono >= self.opens_at(cx.common)
    }

    /// Begins the attempt after the rescan, unless the scan made it needless.
    pub(crate) fn continue_after_rescan(self, cx: &mut Cx<'_>) -> Renewal {
        if self.is_attempt_due(cx) { Keying::begin(cx) } else { Renewal::Resting(self) }
    }

    pub(crate) fn rotate_now(self, cx: &mut Cx<'_>) -> Outcome {
        if cx.now.mono < cx.common.opens_at() { Err(Why::Busy) } else { Ok(Keying::begin(cx)) }
    }

    /// By the monotonic clock; the caller adds the wall time of the renewal.
    pub(crate) fn wake(self, common: &Common) -> Option<MonoTime> {
        let opens_at = self.opens_at(common);
        let attempt = match common.serving.in_use() {
            None => Some(opens_at),
            Some(judged) if judged.is_far_from_valid() => Some(opens_at),
            Some(_) if !common.config.spec().rotate => None,
            // A gate that is open is no reason to wake: the renewal point is.
            Some(judged) if judged.identity.old_template || opens_at > common.mono => Some(opens_at),
            Some(judged) => Some(judged.identity.renew_by),
        };
        [attempt, common.directory.cleanup_at].into_iter().flatten().min()
    }

    /// Whether every gate is open at the last step's time.
    pub(crate) fn is_open(self, common: &Common) -> bool {
        self.opens_at(common) <= common.mono
    }

    /// Returns the time at which the last gate opens for an attempt that begins by itself.
    pub(crate) fn opens_at(self, common: &Common) -> MonoTime {
        common.last_gate(Some(self.not_before)).until
    }
}

impl Keying {
    /// Returns the step in the terms of [`crate::view::View`].
    pub(crate) const fn stage(&self) -> Stage {
        if self.in_memory { Stage::MakingKeyInMemory } else { Stage::MakingKey }
    }

    fn begin(cx: &mut Cx<'_>) -> Renewal {
        let generation = cx.common.generations.take_next();
        cx.begin_attempt();
        cx.report(Event::AttemptStarted { generation });
        Renewal::Keying(Self { waiting: cx.make_key(), generation, in_memory: false })
    }

    /// As [`Self::begin`], for a request whose key is in memory only.
    pub(crate) fn in_memory(cx: &mut Cx<'_>) -> Renewal {
        match Self::begin(cx) {
            Renewal::Keying(keying) => Renewal::Keying(Self { in_memory: true, ..keying }),
            other => other,
        }
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        overdue(self.waiting, cx)?;
        Ok(self.retry_later(cx, None))
    }

    pub(crate) fn answered(self, cx: &mut Cx<'_>, result: Result<MadeKey, KeyFault>) -> Renewal {
        match result {
            Err(fault) => self.retry_later(cx, Some(fault)),
            Ok(made) => {
                cx.common.key_failures = 0;
                let attempt = Attempt {
                    generation: self.generation,
                    key: made.key,
                    key_digest: made.key_digest,
                    request: made.request,
                    // Not before the last expiry, even if the clock went back: this tells it from a request of the expired
                    // identity, in every run.
                    made: cx.common.last_expiry().map_or(cx.now.wall, |expiry| expiry.max(cx.now.wall)),
                    issued_after: cx.now.wall,
                    file: FileNumber(1),
                };
                if self.in_memory {
                    cx.report(Event::RequestInMemory { request: attempt.request });
                    return Asking::begin(cx, attempt);
                }
                Saving::begin(cx, attempt)
            }
        }
    }

    fn retry_later(self, cx: &mut Cx<'_>, fault: Option<KeyFault>) -> Renewal {
        let again_in = cx.key_backoff();
        cx.report(Event::KeyFailed { fault, again_in });
        Renewal::Resting(Resting { not_before: cx.after(again_in) })
    }
}
