//! The end of a recovery: the best identity goes live, and the interrupted work is resumed.

use super::Recovering;
use crate::common::Cx;
use crate::event::Event;
use crate::judge::{Refusal, judge_time};
use crate::renewal::decide::Ready;
use crate::renewal::{Asking, Carry, Installing, Renewal, Resting, Saving};
use crate::serving::{Certificate, Live};
use crate::time::MonoTime;

impl Recovering {
    /// Takes the chosen identity into use: the current link names its bundle, durably.
    pub(super) fn adopt_chosen(&mut self, cx: &mut Cx<'_>, ready: &Ready) {
        cx.common.generations.record_used(ready.used);
        cx.common.issuer.is_duration_rejected |= ready.is_duration_dropped;
        cx.common.generations.record_finished(ready.finished);
        match ready.chosen {
            Some(identity) if identity.generation > cx.common.serving.superseded_generation() => {
                let same = cx.common.serving.uses(&identity.leaf);
                cx.go_live(identity);
                // The disk takes changes again.
                self.has_failed = false;
                if !same {
                    self.end_rest(cx);
                }
            }
            Some(identity) => {
                cx.common.serving.durable.move_to(&identity);
                cx.mark_old_template(Some(identity.generation), identity.old_template);
            }
            None => {}
        }
    }

    /// Ends the backoff: another identity is in use, and the backoff from before could outlast it.
    pub(super) fn end_rest(&mut self, cx: &Cx<'_>) {
        if let Carry::Rest(resting) | Carry::Rescan(resting) | Carry::Dropped(resting, ..) = &mut self.carry {
            resting.not_before = resting.not_before.min(cx.now.mono);
        }
    }

    /// Records the names and generations on disk.
    pub(super) fn record(&self, cx: &mut Cx<'_>, ready: &Ready) {
        cx.common.generations.record_used(ready.used);
        cx.common.issuer.is_duration_rejected |= ready.is_duration_dropped;
        cx.common.directory.record_scan(ready.linked, ready.previous, ready.pending);
        cx.record_expired(ready.expired);
        self.wait_for_validity(cx, ready);
    }

    /// Resumes the work that was in memory, or the request that the scan found.
    pub(super) fn finish(self, cx: &mut Cx<'_>, ready: &Ready) -> Renewal {
        self.record(cx, ready);
        if self.can_clean && !matches!(self.carry, Carry::Request(_) | Carry::Certificate(..)) {
            // All that there was to do is done.
            cx.common.directory.failures = 0;
        }
        cx.common.directory.cleanup_at = if !self.can_clean && !ready.leftovers.is_empty() {
            let wait = cx.disk_backoff();
            Some(cx.after(wait))
        } else {
            None
        };
        match self.carry {
            Carry::Nothing => match ready.resume {
                Some(attempt) => Asking::resume(cx, attempt),
                None => Renewal::Resting(Resting::without_wait(cx)),
            },
            Carry::Rest(resting) | Carry::Dropped(resting, ..) => Renewal::Resting(resting),
            Carry::Rescan(resting) => resting.continue_after_rescan(cx),
            Carry::Request(attempt) => match ready.resume {
                Some(found) if found.key_digest == attempt.key_digest && !self.has_failed => {
                    Asking::later(cx, attempt, self.again)
                }
                Some(found) if found.key_digest == attempt.key_digest => Asking::begin(cx, attempt),
                Some(_) | None if cx.now.mono >= self.again => Saving::begin(cx, attempt),
                Some(_) | None => Renewal::Recovering(self.paused()),
            },
            Carry::Certificate(attempt, certificate) => {
                let Certificate { not_before, not_after, .. } = certificate;
                let durable =
                    ready.not_yet_valid.is_some_and(|bundle| bundle.generation == attempt.generation);
                let refused = match judge_time(cx.now.wall, not_before, not_after) {
                    // An in-memory identity was accepted before; a clock that went back since does not undo that.
                    Err(Refusal::NotYetValid { .. }) => {
                        let in_memory = cx.common.serving.in_memory_generation();
                        !cx.common.can_hold(not_before, cx.now.wall) && in_memory != Some(attempt.generation)
                    }
                    judged => judged.is_err(),
                };
                if cx.common.serving.superseded_generation() >= attempt.generation {
                    let resting = Resting::after_rotation(cx);
                    if matches!(cx.common.serving.durable, Live::Withdrawn(_)) {
                        // It was live in memory and expired there, so its issuance is a lifetime ago.
                        cx.common.gates.issuance = MonoTime::default();
                    }
                    Renewal::Resting(resting)
                } else if durable && !refused {
                    // An in-memory identity may have a notBefore beyond the hold cap, after the clock went back.
                    if !certificate.old_template && cx.common.can_hold(not_before, cx.now.wall) {
                        cx.report(Event::Held { generation: attempt.generation, not_before });
                    }
                    (cx.common.directory.failures, cx.common.issuer.call_failures) = (0, 0);
                    Renewal::Resting(Resting::without_wait(cx))
                } else if refused {
                    Renewal::Resting(Resting::after_unusable_certificate(cx, attempt.generation).0)
                } else if cx.now.mono >= self.again {
                    Installing::begin(cx, attempt, certificate)
                } else {
                    Renewal::Recovering(self.paused())
                }
            }
        }
    }
}
