//! A disk that refuses must not cost the node its identity.
//!
//! Only where nothing else is left, and visibly: a certificate that cannot be written is served from memory when the
//! live identity is about to end; what a start finds is served although the directory cannot be synced; and one
//! request in a run may be made with a key that is in memory only.

use crate::common::{Common, Cx};
use crate::disk::Name;
use crate::id::Generation;
use crate::input::Action;
use crate::live::{Certificate, Identity, Live};
use crate::notice::Notice;
use crate::renewal::{Asking, Attempt, Carry, Keying, Renewal};
use crate::time::WallTime;

/// What a scan shows of a directory that is not in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    /// The best identity, durable or not.
    pub(crate) best: Option<Identity>,
    /// The newest pending file and its request, if that is to be taken up.
    pub(crate) resume: Option<(Name, Attempt)>,
    /// Whether a certificate waits for its start.
    pub(crate) held: bool,
    /// The highest generation that has a name.
    pub(crate) top: Generation,
}

/// When a certificate that cannot be written is served all the same, if the clock gets there first.
pub(crate) fn rescue_at(common: &Common, renewal: &Renewal) -> Option<WallTime> {
    let waits = common.unsaved.is_none() && in_hand(renewal).is_some();
    match common.live {
        Live::Serving(identity) if waits => {
            let guard = common.times().guard(common.life);
            Some(identity.not_after.minus(guard))
        }
        Live::None | Live::Serving(_) | Live::Held(_) | Live::Withdrawn(_) => None,
    }
}

/// A certificate that was judged and that the disk did not take.
fn in_hand(renewal: &Renewal) -> Option<(Attempt, Certificate)> {
    match renewal {
        Renewal::Recovering(phase) => match phase.carry {
            Carry::Certificate(attempt, certificate) => Some((attempt, certificate)),
            Carry::Nothing | Carry::Rest(_) | Carry::Request(_) => None,
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
    pub(crate) fn is_endangered(&self) -> bool {
        let guard = self.common.times().guard(self.common.life);
        self.common.serving().is_none_or(|identity| identity.not_after.since(self.now.wall) <= guard)
    }

    /// At the end of a step: serves what the disk did not take, where there would be nothing else to serve.
    pub(crate) fn rescue(&mut self, renewal: &Renewal) {
        let Some((attempt, certificate)) = in_hand(renewal) else { return };
        let over = self
            .common
            .live
            .generation()
            .max(self.common.unsaved.map_or_else(Default::default, |it| it.generation));
        if attempt.generation <= over || self.common.stopping || !self.is_endangered() {
            return;
        }
        let name = Name::Bundle {
            issued: certificate.issued.whole_second(),
            generation: attempt.generation,
            file: attempt.file,
        };
        let place = (name, attempt.generation, attempt.key);
        let identity = Identity::new(self.common.times(), self.now, place, &certificate);
        let longer = self.common.serving().is_none_or(|it| identity.not_after > it.not_after);
        if longer {
            self.serve_unsaved(identity);
        }
    }

    /// Serves an identity that is not known to be durable under the live name.
    fn serve_unsaved(&mut self, identity: Identity) {
        if !identity.is_valid(self.now.wall) {
            return;
        }
        let Identity { generation, not_after, key, cert, .. } = identity;
        self.common.life = identity.life();
        self.common.refused = None;
        self.common.unsaved = Some(identity);
        self.report(Notice::Unsaved { generation, not_after });
        self.actions.push(Action::GoLive { generation, key, cert });
    }

    /// Judges what is served from memory by the time now.
    pub(crate) fn judge_unsaved(&mut self) {
        let wall = self.now.wall;
        let Some(identity) = self.common.unsaved.filter(|identity| !identity.is_valid(wall)) else { return };
        let Identity { generation, not_before, not_after, .. } = identity;
        self.common.unsaved = None;
        self.actions.push(Action::Withdraw { generation });
        if wall >= not_after {
            self.report(Notice::Expired { generation, not_after });
            self.common.live = Live::Withdrawn(generation);
        } else {
            self.report(Notice::NotYetValid { generation, not_before });
            if let Live::Serving(Identity { generation, key, cert, .. }) = self.common.live {
                self.actions.push(Action::GoLive { generation, key, cert });
            }
        }
    }

    /// What can be done while the disk refuses to be put in order, from what a scan shows of it; `None` is to try again.
    pub(crate) fn do_without(&mut self, carry: &Carry, glance: &Glance) -> Option<Renewal> {
        let best = glance.best.filter(|best| best.generation > self.common.live.generation());
        if let (None, Some(best)) = (self.common.serving(), best) {
            self.serve_unsaved(best);
        }
        let failures = self.common.disk_failures.into();
        let wanted = self.common.config.spec().rotate || self.common.serving().is_none();
        let dire = self.common.times().is_longest_retry(self.common.life, failures) && self.is_endangered();
        if !dire || !wanted || glance.held || self.now.mono < self.common.closed_until() {
            return None;
        }
        let found = glance.resume.map(|(_, attempt)| attempt.key_digest);
        match carry {
            Carry::Certificate(..) => None,
            Carry::Request(attempt) if found == Some(attempt.key_digest) => {
                Some(Asking::begin(self, *attempt))
            }
            Carry::Request(attempt) => self.asks_unsaved().then(|| {
                self.report(Notice::UnsavedRequest { request: attempt.request });
                Asking::begin(self, *attempt)
            }),
            Carry::Nothing | Carry::Rest(_) => {
                self.common.top = self.common.top.max(glance.top);
                match glance.resume {
                    Some((name, attempt)) => {
                        self.common.pending = Some(name);
                        Some(Asking::begin(self, attempt))
                    }
                    None => self.asks_unsaved().then(|| Keying::in_memory(self)),
                }
            }
        }
    }

    /// Whether a request may be made with a key in memory: once.
    fn asks_unsaved(&mut self) -> bool {
        !core::mem::replace(&mut self.common.asked_unsaved, true)
    }
}
