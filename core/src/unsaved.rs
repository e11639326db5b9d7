//! A disk that refuses must not cost the node its identity.
//!
//! Only where nothing else is left, and visibly: a certificate that cannot be written is served from memory when the
//! live identity is about to end; what a start finds is served although the directory cannot be synced; and one
//! request in a run may be made with a key that is in memory only.

use crate::common::{Common, Cx};
use crate::disk::Name;
use crate::event::Event;
use crate::id::Generation;
use crate::input::Action;
use crate::live::{Certificate, Identity, Live};
use crate::renewal::{Asking, Attempt, Carry, Keying, Ready, Renewal};
#[cfg(feature = "seeded")]
use crate::seeded::Bug;
use crate::time::{MonoTime, Span, WallTime};

/// When a certificate that cannot be written is served all the same, if the clock gets there first.
pub(crate) fn rescue_at(common: &Common, renewal: &Renewal) -> Option<WallTime> {
    let (attempt, certificate) = in_hand(renewal).filter(|_| common.unsaved.is_none() && !common.stopping)?;
    let Live::Serving(identity) = common.live else { return None };
    let newer = is_beyond((attempt.generation, certificate.not_after), &identity);
    let at =
        identity.not_after.minus(common.timing().expiry_margin(common.lifetime)).max(certificate.not_before);
    newer.then_some(at)
}

/// Whether something of this generation and end is newer than an identity, and ends later.
fn is_beyond((generation, not_after): (Generation, WallTime), identity: &Identity) -> bool {
    generation > identity.generation && not_after > identity.not_after
}

/// A certificate that was judged and that the disk did not take.
fn in_hand(renewal: &Renewal) -> Option<(Attempt, Certificate)> {
    match renewal {
        Renewal::Recovering(phase) if !phase.failed => None,
        Renewal::Recovering(phase) => match phase.carry {
            Carry::Certificate(attempt, certificate) => Some((attempt, certificate)),
            Carry::Nothing | Carry::Rest(_) | Carry::Look(_) | Carry::Dropped(..) | Carry::Request(_) => None,
        },
        Renewal::New
        | Renewal::Locking(_)
        | Renewal::Resting(_)
        | Renewal::Keying(_)
        | Renewal::Saving(_)
        | Renewal::Asking(_)
        | Renewal::Installing(_)
        | Renewal::Ended(_) => None,
    }
}

impl Cx<'_> {
    /// Whether there is no identity to serve, or its end is so near that losing it is close.
    pub(crate) fn is_expiring(&self) -> bool {
        #[cfg(feature = "seeded")]
        if self.bug(Bug::U01) {
            return true;
        }
        let margin = self.common.timing().expiry_margin(self.common.lifetime);
        self.common.serving().is_none_or(|identity| identity.not_after.since(self.now.wall) <= margin)
    }

    /// Counts a failed disk operation and gives the time of the next try: after the backoff, but no later than when the live
    /// identity is about to be missed, because what can be done without the disk is done then.
    pub(crate) fn disk_again(&mut self) -> MonoTime {
        let wait = self.disk_backoff();
        let rotates = self.common.config.spec().rotate;
        let margin =
            if rotates { self.common.timing().expiry_margin(self.common.lifetime) } else { Span::ZERO };
        let left =
            self.common.serving().map(|identity| identity.not_after.minus(margin).since(self.now.wall));
        // Within the margin it is tried as anywhere else.
        self.after(left.filter(|left| *left > Span::ZERO).map_or(wait, |left| wait.min(left)))
    }

    /// At the end of a step: serves what the disk did not take, where there would be nothing else to serve.
    pub(crate) fn rescue(&mut self, renewal: &Renewal) {
        let Some((attempt, certificate)) = in_hand(renewal) else { return };
        #[cfg(feature = "seeded")]
        if self.bug(Bug::U03) {
            return;
        }
        let over =
            self.common.past().max(self.common.unsaved.map_or_else(Default::default, |it| it.generation));
        if attempt.generation <= over || self.common.stopping {
            return;
        }
        let name = Name::Bundle {
            issued: certificate.issued.whole_second(),
            generation: attempt.generation,
            file: attempt.file,
        };
        let place = (name, attempt.generation, attempt.key);
        let identity = Identity::new(self.common.timing(), self.now, place, &certificate);
        if self.outlasts(&identity) {
            self.serve_unsaved(identity);
        }
    }

    /// Whether nothing is served, or it is about to end and this one is newer and ends later.
    fn outlasts(&self, identity: &Identity) -> bool {
        let beyond = |it: Identity| is_beyond((identity.generation, identity.not_after), &it);
        self.is_expiring() && self.common.serving().is_none_or(beyond)
    }

    /// Serves an identity that is not known to be durable under the live name.
    fn serve_unsaved(&mut self, identity: Identity) {
        if !identity.is_valid(self.now.wall) {
            return;
        }
        let Identity { generation, not_after, key, cert, .. } = identity;
        self.takes_life(identity.lifetime());
        self.common.refused = None;
        self.outdated_by(generation);
        (self.common.unsaved, self.common.withheld) = (Some(identity), false);
        self.report(Event::IdentityInMemory { generation, not_after });
        self.actions.push(Action::GoLive { generation, key, cert });
        if identity.old_template {
            self.report(Event::OldTemplate { generation });
        }
    }

    /// Judges what is served from memory by the time now.
    pub(crate) fn judge_unsaved(&mut self) {
        let wall = self.now.wall;
        let Some(Identity { generation, key, cert, not_before, not_after, .. }) = self.common.unsaved else {
            return;
        };
        let withheld = wall < not_before;
        let before = core::mem::replace(&mut self.common.withheld, withheld);
        if wall >= not_after {
            self.common.unsaved = None;
            if !before {
                self.actions.push(Action::Withdraw { generation });
            }
            self.report(Event::Expired { generation, not_after });
            self.common.ended = self.common.ended.max(generation);
            self.common.over = self.common.over.max(Some(not_after));
            self.common.live = Live::Withdrawn(generation);
        } else if withheld && !before {
            self.actions.push(Action::Withdraw { generation });
            self.report(Event::NotYetValid { generation, not_before });
        } else if before && !withheld {
            self.actions.push(Action::GoLive { generation, key, cert });
        }
    }

    /// What can be done while the disk refuses to be put in order: `best` is the best identity that a scan shows, durable
    /// or not, and `ready` what there would be in an order like that; `None` is to try again.
    pub(crate) fn do_without(
        &mut self,
        carry: &Carry,
        best: Option<Identity>,
        ready: &Ready,
    ) -> Option<Renewal> {
        let best = best.filter(|best| best.generation > self.common.past());
        if let Some(best) = best.filter(|best| self.outlasts(best)) {
            self.common.top = self.common.top.max(best.generation);
            self.serve_unsaved(best);
        }
        if let Some(best) = best {
            self.judge_names(Some(best.generation), best.old_template);
        }
        self.common.top = self.common.top.max(ready.top);
        let failures = self.common.disk_failures.into();
        let wanted = self.common.config.spec().rotate || self.common.serving().is_none();
        let dire =
            self.common.timing().is_longest_retry(self.common.lifetime, failures) && self.is_expiring();
        let held = ready.early.is_some_and(|early| self.common.waits_for(early, self.now.wall));
        if !dire || !wanted || held || self.now.mono < self.common.closed_until() {
            return None;
        }
        // What is seen of a pending file may be gone after a power cut: that it was asked for then is known to nobody.
        match carry {
            Carry::Certificate(..) => None,
            Carry::Request(attempt) => self.asks_unsaved(*attempt),
            // The request that is on disk is over, and only this run knows.
            Carry::Rest(resting) | Carry::Dropped(resting, ..)
                if self.now.mono < resting.opens(self.common) =>
            {
                None
            }
            Carry::Rest(_) | Carry::Look(_) | Carry::Dropped(..) => self.begins_unsaved(),
            Carry::Nothing => match ready.resume {
                Some(attempt) => self.asks_unsaved(attempt),
                None => self.begins_unsaved(),
            },
        }
    }

    /// The one request of this run whose key is not durable.
    fn asks_unsaved(&mut self, attempt: Attempt) -> Option<Renewal> {
        if !self.is_first_unsaved() {
            return None;
        }
        self.follows_change();
        self.report(Event::RequestInMemory { request: attempt.request });
        Some(Asking::begin(self, attempt))
    }

    fn begins_unsaved(&mut self) -> Option<Renewal> {
        self.is_first_unsaved().then(|| Keying::in_memory(self))
    }

    fn is_first_unsaved(&mut self) -> bool {
        #[cfg(feature = "seeded")]
        if self.bug(Bug::U02) {
            return true;
        }
        !core::mem::replace(&mut self.common.asked_unsaved, true)
    }
}
