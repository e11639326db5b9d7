//! Pairs to copy into a bundle of ours: a pair of another program or a backup, and a bundle that other
//! users can read or own.
//!
//! Core adopts an external pair under a generation of its own, and judges it as any bundle. Two
//! conditions hold:
//!
//! - The pair begins later and expires later than every bundle of ours.
//! - No request is in flight: adoption would retire its key, and core would make a second request
//!   beside it.
//!
//! The file of the pair stays as it is.

use super::{Decision, Names, Scan};
use crate::disk::{BundleFound, CurrentLink, Found, Name, PairFound, Place};
use crate::event::Event;
use crate::id::{FileNumber, Generation, KeyDigest, KeyHandle, RequestDigest};
use crate::judge::{Refusal, judge_found, judge_time, same_subject};
use crate::renewal::Attempt;
use crate::serving::{Certificate, Identity};

/// A pair to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    /// The key, and the generation and file number of the copy. Core never made a request for this
    /// key.
    pub(crate) attempt: Attempt,
    pub(crate) certificate: Certificate,
    pub(crate) place: Place,
    /// Stale files, whose removal makes room for the copy.
    pub(crate) leftovers: Names,
}

impl Scan<'_> {
    /// Returns the pair to copy.
    pub(super) fn copies(&self, chosen: Option<&Identity>) -> Option<Copied> {
        if !self.context.options.can_copy {
            return None;
        }
        let exposed = chosen.and_then(|chosen| self.exposed(chosen));
        let copied = exposed.or_else(|| self.adopts(chosen))?;
        Some(Copied { leftovers: self.ready(chosen.copied()).leftovers, ..copied })
    }

    /// Returns the chosen bundle, if other users can read it or own it.
    fn exposed(&self, chosen: &Identity) -> Option<Copied> {
        let bundle = self.bundles().find(|(name, _)| *name == chosen.name).map(|(_, bundle)| bundle)?;
        let certificate = Certificate {
            cert: chosen.cert,
            leaf: chosen.leaf,
            not_before: chosen.not_before,
            not_after: chosen.not_after,
            issued: chosen.issued,
            old_template: chosen.old_template,
        };
        let attempt = self.copy(chosen.generation, bundle.key, bundle.key_digest);
        (!bundle.private).then_some(Copied {
            attempt,
            certificate,
            place: Place::Exposed(chosen.name),
            leftovers: Names::default(),
        })
    }

    /// Returns the best pair outside our bundles, if it is better than every bundle.
    fn adopts(&self, chosen: Option<&Identity>) -> Option<Copied> {
        // A start first resumes the request of a pending file.
        if self.context.options.can_resume
            && self.pending(chosen.copied()).is_some_and(|(name, it)| self.resumed(name, it).is_some())
        {
            return None;
        }
        let (pair, old_template) = self.outside(chosen)?;
        let in_use = self.context.in_use.filter(|identity| identity.leaf == pair.facts.leaf);
        let generation = in_use.map_or(self.highest_used().next(), |identity| identity.generation);
        let (not_before, not_after) = (pair.facts.not_before, pair.facts.not_after);
        let timing = &self.context.config.timing;
        let certificate = Certificate {
            cert: pair.cert,
            leaf: pair.facts.leaf,
            not_before,
            not_after,
            // The time of issue is unknown. Another copy of the same certificate must not postpone its renewal (S14).
            issued: in_use.map_or_else(
                || timing.adopted_start(self.context.now.wall, not_before, not_after),
                |identity| identity.issued,
            ),
            old_template,
        };
        let attempt = self.copy(generation, pair.key, pair.key_digest);
        Some(Copied { attempt, certificate, place: pair.place, leftovers: Names::default() })
    }

    /// Returns that pair, and whether it is for an old template.
    fn outside(&self, chosen: Option<&Identity>) -> Option<(&PairFound, bool)> {
        let ours = chosen.copied().or(self.context.in_use);
        let longer = |pair: &PairFound, old_template: bool| {
            let same = chosen.is_none() && ours.is_some_and(|ours| ours.leaf == pair.facts.leaf);
            let newer = |ours: &Identity| {
                pair.facts.not_before > ours.not_before && pair.facts.not_after > ours.not_after
            };
            same || ours.as_ref().is_none_or(|ours| !old_template && newer(ours))
        };
        let good = self.inventory.outside.iter().filter(|_| self.context.config.adopt).filter_map(|pair| {
            let old_template = self.judge_pair(pair).ok()?;
            let again = Some(pair.facts.not_after) <= self.context.expired_until;
            (!again && longer(pair, old_template) && !self.has_copy(pair)).then_some((pair, old_template))
        });
        good.max_by_key(|(pair, old_template)| {
            (!old_template, pair.facts.not_after, pair.place == Place::Current)
        })
    }

    /// Returns the best pair as an in-memory identity, for a disk that refuses writes.
    pub(super) fn pair_in_memory(&self) -> Option<Identity> {
        let Copied { mut attempt, certificate, .. } =
            self.adopts(None).filter(|_| self.context.options.can_copy)?;
        let file = attempt.take_file();
        let issued = certificate.issued.whole_second();
        let name = Name::Bundle { issued, generation: attempt.generation, file };
        let place = (name, attempt.generation, attempt.key);
        Some(Identity::new(&self.context.config.timing, self.context.now, place, &certificate))
    }

    fn judge_pair(&self, pair: &PairFound) -> Result<bool, Refusal> {
        let PairFound { key_digest, facts, .. } = pair;
        let old_template = judge_found(self.context.config, key_digest, facts)?;
        judge_time(self.context.now.wall, facts.not_before, facts.not_after)?;
        Ok(old_template)
    }

    /// Returns whether a bundle of ours has this pair.
    fn has_copy(&self, pair: &PairFound) -> bool {
        self.bundles().any(|(_, it)| it.facts.leaf == pair.facts.leaf && it.key_digest == pair.key_digest)
    }

    /// Returns the decision about a file in place of the current link that our link must not replace.
    pub(super) fn in_the_way(&self) -> Option<Decision> {
        let live = self.inventory.outside.iter().filter(|_| self.context.config.adopt);
        let mut live = live.filter(|pair| pair.place == Place::Current);
        match self.inventory.current {
            // A bundle has its pair, so one rename may replace it without a loss.
            CurrentLink::File if live.any(|pair| self.has_copy(pair)) => None,
            CurrentLink::File => {
                Some(Decision::Quarantine { from: Name::Current, to: self.quarantine_for(Name::Current) })
            }
            // A run with an identity in use goes on, and its own link takes that place at the next switch.
            CurrentLink::Foreign | CurrentLink::Strange if self.context.options.can_ignore_link => None,
            // Replacing a link loses nothing: its target stays. A crash may have left a link to no pair at all. Only an intact
            // pair of another party is a reason to stop.
            CurrentLink::Foreign if !self.is_anothers() => None,
            CurrentLink::Foreign | CurrentLink::Strange | CurrentLink::Unreadable(_) => {
                Some(Decision::Blocked)
            }
            CurrentLink::Absent | CurrentLink::Link(_) => None,
        }
    }

    /// Returns the pair behind the current link.
    fn current_pair(&self) -> Option<&PairFound> {
        self.inventory.outside.iter().find(|pair| pair.place == Place::Current)
    }

    /// Whether the external link leads to the pair of another node, or to any pair if none is adopted.
    fn is_anothers(&self) -> bool {
        let config = self.context.config;
        self.current_pair()
            .filter(|pair| pair.key_digest == pair.facts.key)
            .is_some_and(|pair| !config.adopt || !same_subject(&config.template.subject, &pair.facts.subject))
    }

    /// Returns the event about an external link that leads to no pair of use; `None` if it leads to one, or is no such link.
    pub(super) fn unusable_link(&self) -> Option<Event> {
        if self.inventory.current != CurrentLink::Foreign || self.is_anothers() {
            return None;
        }
        let judged = self.current_pair().map(|pair| self.judge_pair(pair));
        match judged {
            Some(Ok(_)) => None,
            None => Some(Event::CurrentLinkUnusable { refusal: None }),
            Some(Err(refusal)) => Some(Event::CurrentLinkUnusable { refusal: Some(refusal) }),
        }
    }

    fn bundles(&self) -> impl Iterator<Item = (Name, &BundleFound)> {
        self.entries().filter_map(|entry| match &entry.found {
            Found::Bundle(bundle) => Some((entry.name, &**bundle)),
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
        })
    }

    fn copy(&self, generation: Generation, key: KeyHandle, key_digest: KeyDigest) -> Attempt {
        Attempt {
            generation,
            key,
            key_digest,
            request: RequestDigest([0; 32]),
            made: self.context.now.wall,
            issued_after: self.context.now.wall,
            file: self.next_file(generation).max(FileNumber(1)),
        }
    }
}
