//! What cannot be used now and perhaps later: what the clock is against, and what could not be read.

use super::Scan;
use crate::disk::Entry;
use crate::disk::{DiskFault, Found, Name};
use crate::judge::{Refusal, judge_found};
use crate::live::Identity;
use crate::waits::{Early, Late};

impl<'a> Scan<'a> {
    /// When a bundle starts that only the clock is against, and of others like that the first to start.
    pub(super) fn waits(&self, name: Name, chosen: Option<Identity>) -> Option<Early> {
        let early = |entry: &Entry| match &entry.found {
            Found::Bundle(bundle) => {
                let judged = judge_found(self.known.config, &bundle.key_digest, &bundle.facts);
                Some((bundle.header.generation, bundle.facts.not_before, judged == Ok(true)))
            }
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
        };
        let its = self.early_ones(chosen).find(|entry| entry.name == name).and_then(early);
        let (generation, start, old_template) = its?;
        let others = self.early_ones(chosen).filter(|entry| entry.name != name).filter_map(early);
        Some(Early { generation, start, old_template, other: others.min_by_key(|(_, start, _)| *start) })
    }

    /// The newest bundle that could not be read, if it may be better than the chosen one. What is unreadable is not absent.
    pub(super) fn unread(&self, chosen: Option<Identity>) -> Option<(Name, DiskFault)> {
        let over = chosen.map_or(self.known.judged.max(self.known.withdrawn), |identity| identity.generation);
        let newer = self.entries().filter_map(|entry| match (entry.name, &entry.found) {
            (name @ Name::Bundle { .. }, Found::Unreadable(fault)) => Some((name, *fault)),
            _ => None,
        });
        let newest = newer.filter(|(name, _)| self.known.patient && name.generation() > Some(over));
        newest.max_by_key(|(name, _)| (name.generation(), name.file()))
    }

    /// The newest bundle that is newer than the chosen one, was not served before, and has nothing against it but its end; and of
    /// others like that the last to end.
    pub(super) fn late(&self, chosen: Option<Identity>) -> Option<Late> {
        let over = chosen.map_or(self.known.live.max(self.known.withdrawn), |identity| identity.generation);
        let late = |entry: &Entry| match (&entry.found, self.judge(entry)) {
            (Found::Bundle(bundle), Err(Refusal::Expired { .. })) => {
                let (facts, generation) = (&bundle.facts, bundle.header.generation);
                let lifetime = facts.not_after.since(bundle.header.issued.max(facts.not_before));
                (generation > over).then_some((generation, facts.not_after, lifetime))
            }
            _ => None,
        };
        let (generation, end, lifetime) = self.entries().filter_map(late).max_by_key(|late| late.0)?;
        let others = self.entries().filter_map(late).filter(|late| late.0 != generation);
        Some(Late { generation, end, lifetime, other: others.max_by_key(|late| late.1) })
    }

    /// The newest bundle that is newer than the chosen one and has nothing against it but that the local
    /// clock is before its start: then it is the clock that is in doubt.
    pub(super) fn early(&self, chosen: Option<Identity>) -> Option<Name> {
        let newest = self.early_ones(chosen).map(|entry| entry.name);
        newest.max_by_key(|name| (name.generation(), name.file()))
    }

    /// The bundles like that.
    pub(super) fn early_ones(&self, chosen: Option<Identity>) -> impl Iterator<Item = &'a Entry> {
        self.entries()
            .filter(move |entry| entry.name.generation() > chosen.map(|identity| identity.generation))
            .filter(|entry| matches!(self.judge(entry), Err(Refusal::NotYetValid { .. })))
    }
}
