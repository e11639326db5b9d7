//! The identities that TLS presents: the durable one, and the in-memory one that hides it.

use alloc::boxed::Box;
use core::fmt;

use crate::disk::{BundleFound, Name};
use crate::id::{CertHandle, Generation, KeyHandle, LeafDigest};
use crate::time::{MonoTime, Now, Span, WallTime};
use crate::timing::Timing;

/// An accepted identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
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
    /// Its notBefore.
    pub not_before: WallTime,
    /// Its notAfter.
    pub not_after: WallTime,
    /// When it was issued, by the local clock.
    pub issued: WallTime,
    /// The renewal point, by the wall clock.
    pub renew_at: WallTime,
    /// The latest renewal point by the monotonic clock, whatever the wall clock does.
    pub renew_by: MonoTime,
    /// Whether it has other alternative names or usages than the template. Such an identity is renewed at once.
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

/// What TLS presents, what it may present later, and what it never presents again.
///
/// An in-memory identity is always newer than the durable one, and hides it: the durable one comes and goes without an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Serving {
    /// The identity that the current link names, durably, or the reason why there is none.
    pub(crate) durable: Live,
    /// An identity that the disk did not take, although the durable one expires soon. Set by [`crate::in_memory`]; cleared when
    /// a bundle at least as new is durable, when it expires, or when the template has another subject. In a box, because a
    /// state seldom has one and is copied often.
    pub(crate) in_memory: Option<Box<Judged>>,
    /// What expired in this run. Set at every expiry, never cleared: neither may go live again, whatever the clock does (S14).
    pub(crate) expired: Option<ExpiredSoFar>,
}

/// The bounds of everything that expired in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExpiredSoFar {
    /// The highest generation.
    pub(crate) generation: Generation,
    /// The latest notAfter: a pair of another program that is valid no longer than this is not adopted.
    pub(crate) not_after: WallTime,
}

/// The durable identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Live {
    /// None has been live in this run.
    None,
    /// This one is durable under the current link, and has not expired.
    Identity(Judged),
    /// This generation expired in this run. Neither it nor an earlier one goes live again, whatever the clock does.
    Withdrawn(Generation),
    /// This generation is for another subject than the template's. Any bundle for the template's subject may go live, this one
    /// again if the template changes back.
    OtherSubject(Generation),
}

/// An identity, and what the wall clock of the last step says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Judged {
    pub(crate) identity: Identity,
    pub(crate) standing: Standing,
}

/// Whether TLS presents an identity that has not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// It is valid: `not_before <= now < not_after`.
    Presented,
    /// The clock went back before its notBefore. It is presented again when the clock gets there.
    NotYetValid,
    /// The same, and further back than the hold cap: so a renewal does not wait for that.
    FarFromValid,
}

/// Which of the two identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Durable,
    InMemory,
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

    /// Moves the renewal point by other timing parameters, on both clocks by as much.
    pub(crate) fn replan(&mut self, timing: &Timing) {
        let before = self.renew_at;
        self.renew_at = timing.renewal_point(self.issued.max(self.not_before), self.not_after, &self.leaf);
        let (later, sooner) = (self.renew_at.since(before), before.since(self.renew_at));
        self.renew_by = MonoTime::from_ms(self.renew_by.plus(later).ms().saturating_sub(sooner.ms()));
    }

    /// Returns the lifetime, from issue to expiry.
    #[must_use]
    pub fn lifetime(&self) -> Span {
        self.not_after.since(self.issued.max(self.not_before))
    }

    /// Whether it is valid: `not_before <= now < not_after`.
    #[must_use]
    pub fn is_valid(&self, now: WallTime) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether a renewal is due: for another template, by the wall clock, or by as much monotonic time.
    #[must_use]
    pub fn is_due(&self, now: Now) -> bool {
        self.old_template || now.wall >= self.renew_at || now.mono >= self.renew_by
    }
}

impl Serving {
    /// Returns the state in the terms of [`crate::view::View`]: an in-memory identity hides the durable one.
    pub(crate) fn state(&self) -> LiveState {
        match (&self.in_memory, &self.durable) {
            (Some(judged), _) if judged.is_presented() => LiveState::InMemory,
            (Some(_), _) => LiveState::InMemoryNotYetValid,
            (None, Live::None) => LiveState::None,
            (None, Live::Identity(judged)) if judged.is_presented() => LiveState::Durable,
            (None, Live::Identity(_)) => LiveState::NotYetValid,
            (None, Live::Withdrawn(_)) => LiveState::Expired,
            (None, Live::OtherSubject(_)) => LiveState::OtherSubject,
        }
    }
}

impl Judged {
    /// An identity that was not presented yet. The judgement that follows presents it.
    pub(crate) const fn unseen(identity: Identity) -> Self {
        Self { identity, standing: Standing::NotYetValid }
    }

    pub(crate) const fn is_presented(&self) -> bool {
        matches!(self.standing, Standing::Presented)
    }

    pub(crate) const fn is_far_from_valid(&self) -> bool {
        matches!(self.standing, Standing::FarFromValid)
    }

    /// The wall time at which its standing changes by itself.
    pub(crate) const fn changes_at(&self) -> WallTime {
        if self.is_presented() { self.identity.not_after } else { self.identity.not_before }
    }
}

impl Serving {
    pub(crate) const fn new() -> Self {
        Self { durable: Live::None, in_memory: None, expired: None }
    }

    /// The identity in use, presented or not yet valid: the in-memory one where there is one.
    pub(crate) fn in_use(&self) -> Option<&Judged> {
        self.in_memory.as_deref().or_else(|| self.durable.judged())
    }

    /// The identity that TLS presents, durable or not.
    pub(crate) fn presented(&self) -> Option<&Identity> {
        self.in_use().filter(|judged| judged.is_presented()).map(|judged| &judged.identity)
    }

    pub(crate) fn judged_mut(&mut self, source: Source) -> Option<&mut Judged> {
        match source {
            Source::Durable => self.durable.judged_mut(),
            Source::InMemory => self.in_memory.as_deref_mut(),
        }
    }

    /// Both identities, the durable one first.
    pub(crate) fn identities_mut(&mut self) -> impl Iterator<Item = &mut Identity> {
        let durable = self.durable.judged_mut().into_iter();
        durable.chain(self.in_memory.as_deref_mut()).map(|judged| &mut judged.identity)
    }

    /// The generation of the in-memory identity.
    pub(crate) fn in_memory_generation(&self) -> Option<Generation> {
        self.in_memory.as_ref().map(|judged| judged.identity.generation)
    }

    /// Takes an identity out of use for good: it expired, and so did every one before it.
    pub(crate) fn expire(&mut self, source: Source, generation: Generation, not_after: WallTime) {
        if source == Source::InMemory {
            self.in_memory = None;
        }
        self.durable = Live::Withdrawn(generation);
        let before = self.expired.unwrap_or(ExpiredSoFar { generation, not_after });
        self.expired = Some(ExpiredSoFar {
            generation: before.generation.max(generation),
            not_after: before.not_after.max(not_after),
        });
    }

    /// The highest generation that expired in this run; 0 if none has.
    pub(crate) fn expired_generation(&self) -> Generation {
        self.expired.map_or(Generation(0), |expired| expired.generation)
    }

    /// The generation that a bundle must exceed to go live. A bundle for the template's subject may well be older than one for
    /// another subject.
    pub(crate) fn superseded_generation(&self) -> Generation {
        match self.durable {
            Live::OtherSubject(_) => self.expired_generation(),
            Live::None | Live::Identity(_) | Live::Withdrawn(_) => self.durable.generation(),
        }
    }

    /// The generation that an expired bundle must exceed to go live if the clock goes back.
    pub(crate) fn in_use_generation(&self) -> Generation {
        self.in_use().map_or(self.superseded_generation(), |judged| judged.identity.generation)
    }

    /// Whether this very certificate is in use.
    pub(crate) fn uses(&self, leaf: &LeafDigest) -> bool {
        self.in_use().is_some_and(|judged| judged.identity.leaf == *leaf)
    }
}

impl Live {
    pub(crate) const fn judged(&self) -> Option<&Judged> {
        match self {
            Self::Identity(judged) => Some(judged),
            Self::None | Self::Withdrawn(_) | Self::OtherSubject(_) => None,
        }
    }

    pub(crate) const fn judged_mut(&mut self) -> Option<&mut Judged> {
        match self {
            Self::Identity(judged) => Some(judged),
            Self::None | Self::Withdrawn(_) | Self::OtherSubject(_) => None,
        }
    }

    /// The identity, presented or not yet valid.
    pub(crate) const fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Identity(judged) => Some(&judged.identity),
            Self::None | Self::Withdrawn(_) | Self::OtherSubject(_) => None,
        }
    }

    /// The identity, if the clock allows it.
    pub(crate) const fn presented(&self) -> Option<&Identity> {
        match self {
            Self::Identity(Judged { identity, standing: Standing::Presented }) => Some(identity),
            Self::None | Self::Identity(_) | Self::Withdrawn(_) | Self::OtherSubject(_) => None,
        }
    }

    /// Records that the current link names this bundle, a copy of the identity's: from now on it is read there.
    pub(crate) const fn move_to(&mut self, bundle: &Identity) {
        if let Some(judged) = self.judged_mut() {
            judged.identity.name = bundle.name;
        }
    }

    /// The highest generation that has been live in this run; 0 if none has.
    pub(crate) const fn generation(&self) -> Generation {
        match self {
            Self::None => Generation(0),
            Self::Identity(judged) => judged.identity.generation,
            Self::Withdrawn(generation) | Self::OtherSubject(generation) => *generation,
        }
    }
}

/// Which identity is live, and why none is served where none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LiveState {
    /// No identity has been live in this run.
    None,
    /// A durable identity is served.
    Durable,
    /// An identity is served that is not known to be durable.
    InMemory,
    /// A durable identity is live and not served: the wall clock is before its `notBefore`.
    NotYetValid,
    /// An in-memory identity is live and not served: the wall clock is before its `notBefore`.
    InMemoryNotYetValid,
    /// The last live identity expired and was withdrawn.
    Expired,
    /// The last live identity is for another subject than the configuration's and was withdrawn.
    OtherSubject,
}

impl fmt::Display for LiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Durable => "durable",
            Self::InMemory => "in memory",
            Self::NotYetValid => "not yet valid",
            Self::InMemoryNotYetValid => "in memory, not yet valid",
            Self::Expired => "expired",
            Self::OtherSubject => "other subject",
        })
    }
}

#[cfg(test)]
mod tests;
