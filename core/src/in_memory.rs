//! A disk that refuses writes must not cost the node its identity.
//!
//! As a last resort, and always reported:
//!
//! * a certificate that cannot be written goes live from memory when the durable identity is about to expire;
//! * a bundle that a start finds goes live although the directory cannot be synced;
//! * one request in a run may be made with a key that is in memory only.

use alloc::boxed::Box;

use crate::common::{Common, Cx};
use crate::disk::Name;
use crate::event::Event;
use crate::id::Generation;
use crate::input::Action;
use crate::renewal::{Asking, Attempt, Carry, Keying, Ready, Renewal};
use crate::serving::{Certificate, Identity, Judged, Standing};
use crate::time::{MonoTime, Span, WallTime};

/// Returns the wall time at which a certificate that cannot be written goes live from memory.
pub(crate) fn rescue_at(common: &Common, renewal: &Renewal) -> Option<WallTime> {
    let may_go_live = common.serving.in_memory.is_none() && !common.is_stopping;
    let (attempt, certificate) = in_hand(renewal).filter(|_| may_go_live)?;
    let identity = common.serving.durable.presented()?;
    let is_newer = exceeds((attempt.generation, certificate.not_after), identity);
    let margin = common.timing().expiry_margin(common.lifetime);
    is_newer.then(|| identity.not_after.minus(margin).max(certificate.not_before))
}

/// Whether a certificate of this generation and notAfter is newer than an identity, and expires later.
fn exceeds((generation, not_after): (Generation, WallTime), identity: &Identity) -> bool {
    generation > identity.generation && not_after > identity.not_after
}

/// Returns the accepted certificate that the disk did not take.
fn in_hand(renewal: &Renewal) -> Option<(Attempt, Certificate)> {
    match renewal {
        Renewal::Recovering(phase) if !phase.has_failed => None,
        Renewal::Recovering(phase) => match phase.carry {
            Carry::Certificate(attempt, certificate) => Some((attempt, certificate)),
            Carry::Nothing | Carry::Rest(_) | Carry::Rescan(_) | Carry::Dropped(..) | Carry::Request(_) => {
                None
            }
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
    /// Whether no identity is presented, or the one that is expires within the expiry margin.
    pub(crate) fn is_expiring(&self) -> bool {
        let margin = self.common.timing().expiry_margin(self.common.lifetime);
        let presented = self.common.serving.presented();
        presented.is_none_or(|identity| identity.not_after.since(self.now.wall) <= margin)
    }

    /// Counts a failed disk operation and returns the time of the next try: after the backoff, but no later than the expiry
    /// margin begins, because from then on an in-memory identity may go live.
    pub(crate) fn next_disk_try(&mut self) -> MonoTime {
        let wait = self.disk_backoff();
        let rotates = self.common.config.spec().rotate;
        let margin =
            if rotates { self.common.timing().expiry_margin(self.common.lifetime) } else { Span::ZERO };
        let presented = self.common.serving.presented();
        let left = presented.map(|identity| identity.not_after.minus(margin).since(self.now.wall));
        // Within the margin the plain backoff applies again: a try without a wait would be a hot loop.
        self.after(left.filter(|left| *left > Span::ZERO).map_or(wait, |left| wait.min(left)))
    }

    /// At the end of a step: puts the certificate in use that the disk did not take, if the identity in use is expiring.
    pub(crate) fn rescue(&mut self, renewal: &Renewal) {
        let Some((attempt, certificate)) = in_hand(renewal) else { return };
        let serving = &self.common.serving;
        let newest = serving.superseded_generation().max(serving.in_memory_generation().unwrap_or_default());
        if attempt.generation <= newest || self.common.is_stopping {
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
            self.go_live_in_memory(identity);
        }
    }

    /// Whether no identity is presented, or the one that is expires soon and this one is newer and expires later.
    fn outlasts(&self, identity: &Identity) -> bool {
        let exceeds = |presented| exceeds((identity.generation, identity.not_after), presented);
        self.is_expiring() && self.common.serving.presented().is_none_or(exceeds)
    }

    /// Puts an identity in use that is not known to be durable under the current link.
    fn go_live_in_memory(&mut self, identity: Identity) {
        if !identity.is_valid(self.now.wall) {
            return;
        }
        let Identity { generation, not_after, key, cert, .. } = identity;
        self.set_lifetime(identity.lifetime());
        self.common.issuer.rejected = None;
        self.supersede(generation);
        self.common.serving.in_memory = Some(Box::new(Judged { identity, standing: Standing::Presented }));
        self.report(Event::IdentityInMemory { generation, not_after });
        self.actions.push(Action::GoLive { generation, key, cert });
        if identity.old_template {
            self.report(Event::OldTemplate { generation });
        }
    }

    /// Does what can be done while the directory cannot be put in order. `best` is the best identity that a scan shows, durable
    /// or not; `ready` is what an ordered directory with these files would give. `None` means: try again.
    pub(crate) fn act_without_disk(
        &mut self,
        carry: &Carry,
        best: Option<Identity>,
        ready: &Ready,
    ) -> Option<Renewal> {
        let superseded = self.common.serving.superseded_generation();
        let best = best.filter(|best| best.generation > superseded);
        if let Some(best) = best.filter(|best| self.outlasts(best)) {
            self.common.generations.record_used(best.generation);
            self.go_live_in_memory(best);
        }
        if let Some(best) = best {
            self.mark_old_template(Some(best.generation), best.old_template);
        }
        self.common.generations.record_used(ready.used);
        let failures = self.common.directory.failures.into();
        let is_wanted = self.common.config.spec().rotate || self.common.serving.presented().is_none();
        let is_last_resort =
            self.common.timing().is_longest_retry(self.common.lifetime, failures) && self.is_expiring();
        let is_held = ready.not_yet_valid.is_some_and(|bundle| self.common.waits_for(bundle, self.now.wall));
        if !is_last_resort || !is_wanted || is_held || self.now.mono < self.common.opens_at() {
            return None;
        }
        match carry {
            Carry::Certificate(..) => None,
            // The pending file that a scan shows may be gone after a power cut, and with it the only record of the request.
            Carry::Request(attempt) => self.request_in_memory(*attempt),
            // The request on disk was denied or failed, and only this run knows: its backoff applies.
            Carry::Rest(resting) | Carry::Dropped(resting, ..)
                if self.now.mono < resting.opens_at(self.common) =>
            {
                None
            }
            Carry::Rest(_) | Carry::Rescan(_) | Carry::Dropped(..) => self.begin_in_memory(),
            Carry::Nothing => match ready.resume {
                Some(attempt) => self.request_in_memory(attempt),
                None => self.begin_in_memory(),
            },
        }
    }

    /// Makes the one request of this run whose key is not durable.
    fn request_in_memory(&mut self, attempt: Attempt) -> Option<Renewal> {
        if !self.take_memory_request() {
            return None;
        }
        self.begin_attempt();
        self.report(Event::RequestInMemory { request: attempt.request });
        Some(Asking::begin(self, attempt))
    }

    fn begin_in_memory(&mut self) -> Option<Renewal> {
        self.take_memory_request().then(|| Keying::in_memory(self))
    }

    /// Takes the one request with an in-memory key that a run has; `false` if it is used up.
    fn take_memory_request(&mut self) -> bool {
        !core::mem::replace(&mut self.common.issuer.has_requested_in_memory, true)
    }
}

#[cfg(test)]
mod tests;
