//! What is live.

use crate::disk::{BundleFound, Name};
use crate::id::{CertHandle, Generation, KeyHandle, LeafDigest};
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::timing::Timing;

/// A durable identity that was judged: everything core keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// Its bundle.
    pub name: Name,
    /// Its number.
    pub generation: Generation,
    /// Its key.
    pub key: KeyHandle,
    /// Its chain.
    pub cert: CertHandle,
    /// Its leaf.
    pub leaf: LeafDigest,
    /// Its start.
    pub not_before: WallTime,
    /// Its end.
    pub not_after: WallTime,
    /// When it was issued, by the local clock.
    pub issued: WallTime,
    /// When it is to be renewed, by the wall clock.
    pub renew_at: WallTime,
    /// When it is to be renewed at the latest, by the mono clock, whatever the wall clock does.
    pub renew_by: MonoTime,
    /// Whether it has other alternative names or usages than are asked for by now: then it is to be renewed at once.
    pub old_template: bool,
}

/// The certificate of an identity, before it has a place on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Certificate {
    pub(crate) cert: CertHandle,
    pub(crate) leaf: LeafDigest,
    pub(crate) not_before: WallTime,
    pub(crate) not_after: WallTime,
    pub(crate) issued: WallTime,
    /// See [`Identity::old_template`].
    pub(crate) old_template: bool,
}

/// Whether an identity is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Live {
    /// None has been served in this run.
    None,
    /// This one is, and `not_before <= now < not_after` held at the last step.
    Serving(Identity),
    /// The clock went back behind its start. It goes live again when the clock gets there.
    Held(Identity),
    /// This generation reached its end in this run. Neither it nor an earlier one goes live again,
    /// whatever the clock does.
    Withdrawn(Generation),
    /// This generation is for another subject than is asked for by now. Whatever is found on disk for the one that is may go
    /// live, this one again if that changes back.
    OtherSubject(Generation),
}

impl Identity {
    pub(crate) fn new(
        timing: &Timing,
        now: Now,
        place: (Name, Generation, KeyHandle),
        certificate: &Certificate,
    ) -> Self {
        let (name, generation, key) = place;
        let &Certificate { cert, leaf, not_before, not_after, issued, old_template } = certificate;
        let renew_at = timing.renewal_point(issued.max(not_before), not_after, &leaf);
        let renew_by = now.mono.plus(renew_at.since(now.wall));
        Self {
            name,
            generation,
            key,
            cert,
            leaf,
            not_before,
            not_after,
            issued,
            renew_at,
            renew_by,
            old_template,
        }
    }

    pub(crate) fn found(
        timing: &Timing,
        now: Now,
        name: Name,
        bundle: &BundleFound,
        old_template: bool,
    ) -> Self {
        let certificate = Certificate {
            cert: bundle.cert,
            leaf: bundle.facts.leaf,
            not_before: bundle.facts.not_before,
            not_after: bundle.facts.not_after,
            issued: bundle.header.issued,
            old_template,
        };
        Self::new(timing, now, (name, bundle.header.generation, bundle.key), &certificate)
    }

    /// The renewal point by other timing parameters; the mono clock's moves by as much as the wall clock's.
    pub(crate) fn replan(&mut self, timing: &Timing) {
        let before = self.renew_at;
        self.renew_at = timing.renewal_point(self.issued.max(self.not_before), self.not_after, &self.leaf);
        let (later, sooner) = (self.renew_at.since(before), before.since(self.renew_at));
        self.renew_by = MonoTime::from_ms(self.renew_by.plus(later).ms().saturating_sub(sooner.ms()));
    }

    /// From issue to end.
    #[must_use]
    pub fn lifetime(&self) -> Span {
        self.not_after.since(self.issued.max(self.not_before))
    }

    /// Whether it may be served: `not_before <= now < not_after`.
    #[must_use]
    pub fn is_valid(&self, now: WallTime) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether it is to be renewed: because it is old_template, by the wall clock, or by as much mono time.
    #[must_use]
    pub fn is_due(&self, now: Now) -> bool {
        self.old_template || now.wall >= self.renew_at || now.mono >= self.renew_by
    }
}

impl Live {
    /// The identity that is served or held.
    pub(crate) const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Serving(identity) | Self::Held(identity) => Some(identity),
            Self::None | Self::Withdrawn(_) | Self::OtherSubject(_) => None,
        }
    }

    /// The live name names this bundle by now, a copy of what is served or held: that is found there from now on.
    pub(crate) fn is_found_at(&mut self, bundle: &Identity) {
        match self {
            Self::Serving(identity) | Self::Held(identity) => identity.name = bundle.name,
            Self::None | Self::Withdrawn(_) | Self::OtherSubject(_) => {}
        }
    }

    /// The highest generation that has been live in this run; 0 if none has.
    pub(crate) const fn generation(&self) -> Generation {
        match self {
            Self::None => Generation(0),
            Self::Serving(identity) | Self::Held(identity) => identity.generation,
            Self::Withdrawn(generation) | Self::OtherSubject(generation) => *generation,
        }
    }
}
