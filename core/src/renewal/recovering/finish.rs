//! What a scan of a directory in order leads to: the best is served, and what was to be done is taken up.

use super::{Recovering, Stage};
use crate::common::Cx;
use crate::event::Event;
#[cfg(feature = "seeded")]
use crate::id::Generation;
use crate::judge::{Refusal, judge_time};
use crate::live::{Certificate, Live};
use crate::renewal::decide::Ready;
use crate::renewal::{Asking, Carry, Installing, Renewal, Resting, Saving};
use crate::time::MonoTime;

impl Recovering {
    /// The chosen bundle has the live name, and that is durable.
    pub(super) fn serve(&mut self, cx: &mut Cx<'_>, ready: &Ready) {
        cx.common.top = ready.top;
        cx.common.no_duration |= ready.no_duration;
        cx.common.settled = cx.common.settled.max(ready.settled);
        match ready.chosen {
            Some(identity) if identity.generation > cx.common.past() => {
                let same = cx.common.uses(&identity.leaf);
                cx.go_live(identity);
                // It got there: the disk takes what it is given.
                self.failed = false;
                if !same {
                    self.end_rest(cx);
                }
            }
            Some(identity) => {
                cx.common.live.is_found_at(&identity);
                cx.judge_names(Some(identity.generation), identity.old_template);
            }
            None => {}
        }
    }

    /// Something else is served: a wait from before may outlast it.
    pub(super) fn end_rest(&mut self, cx: &Cx<'_>) {
        if let Carry::Rest(resting) | Carry::Look(resting) | Carry::Dropped(resting, ..) = &mut self.carry {
            resting.not_before = resting.not_before.min(cx.now.mono);
        }
    }

    /// Remembers what is on disk.
    pub(super) fn note(&self, cx: &mut Cx<'_>, ready: &Ready) {
        cx.common.top = cx.common.top.max(ready.top);
        #[cfg(feature = "seeded")]
        if cx.bug(crate::seeded::Bug::B40) {
            cx.common.top = Generation(0);
        }
        cx.common.no_duration |= ready.no_duration;
        cx.common.pending = ready.pending;
        cx.common.linked = ready.linked;
        cx.common.previous = ready.previous;
        cx.late(ready.late);
        self.waits(cx, ready);
    }

    /// The directory is in order: take up what was in memory, or the request that was found.
    pub(super) fn finish(mut self, cx: &mut Cx<'_>, ready: &Ready) -> Renewal {
        self.note(cx, ready);
        if self.tidy && !matches!(self.carry, Carry::Request(_) | Carry::Certificate(..)) {
            // All that there was to do is done.
            cx.common.disk_failures = 0;
        }
        cx.common.untidy = if !self.tidy && !ready.leftovers.is_empty() {
            let wait = cx.disk_backoff();
            Some(cx.after(wait))
        } else {
            None
        };
        #[cfg(feature = "seeded")]
        if let Some(next) = self.finished_badly(cx, ready) {
            return next;
        }
        match self.carry {
            Carry::Nothing => match ready.resume {
                Some(attempt) => Asking::resume(cx, attempt),
                None => Renewal::Resting(Resting::without_wait(cx)),
            },
            Carry::Rest(resting) | Carry::Dropped(resting, ..) => Renewal::Resting(resting),
            Carry::Look(resting) => resting.goes_on(cx),
            Carry::Request(attempt) => match ready.resume {
                Some(found) if found.key_digest == attempt.key_digest && !self.failed => {
                    Asking::later(cx, attempt, self.again)
                }
                Some(found) if found.key_digest == attempt.key_digest => Asking::begin(cx, attempt),
                Some(_) | None if cx.now.mono >= self.again => Saving::begin(cx, attempt),
                Some(_) | None => {
                    self.stage = Stage::Pausing;
                    Renewal::Recovering(self)
                }
            },
            Carry::Certificate(attempt, certificate) => {
                let Certificate { not_before, not_after, .. } = certificate;
                let durable = ready.early.is_some_and(|early| early.generation == attempt.generation);
                let refused = match judge_time(cx.now.wall, not_before, not_after) {
                    // One that is served from memory was accepted; a clock that went back since does not undo that.
                    Err(Refusal::NotYetValid { .. }) => {
                        let unsaved = cx.common.unsaved.map(|unsaved| unsaved.generation);
                        !cx.common.is_held(not_before, cx.now.wall) && unsaved != Some(attempt.generation)
                    }
                    judged => judged.is_err(),
                };
                if cx.common.past() >= attempt.generation {
                    let resting = Resting::installed(cx);
                    if matches!(cx.common.live, Live::Withdrawn(_)) {
                        // It was served from memory, and that was a lifetime ago.
                        cx.common.floor = MonoTime::default();
                    }
                    Renewal::Resting(resting)
                } else if durable && !refused {
                    // What was served from memory may start later than what is waited for.
                    if !certificate.old_template && cx.common.is_held(not_before, cx.now.wall) {
                        cx.report(Event::Held { generation: attempt.generation, not_before });
                    }
                    (cx.common.disk_failures, cx.common.call_failures) = (0, 0);
                    Renewal::Resting(Resting::without_wait(cx))
                } else if refused {
                    Renewal::Resting(Resting::late(cx, attempt.generation).0)
                } else if cx.now.mono >= self.again {
                    Installing::begin(cx, attempt, certificate)
                } else {
                    self.stage = Stage::Pausing;
                    Renewal::Recovering(self)
                }
            }
        }
    }
}
