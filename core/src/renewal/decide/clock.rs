//! Bundles whose only defect may pass: not yet valid or expired by the local clock, or unreadable.

use super::Scan;
use crate::common::gates::{Expired, NotYetValid};
use crate::disk::Entry;
use crate::disk::{DiskFault, Found, Name};
use crate::judge::{Refusal, judge_found};
use crate::serving::Identity;

impl<'a> Scan<'a> {
    /// Returns the facts of a bundle that is not yet valid, and of the others like that.
    pub(super) fn not_yet_valid(&self, name: Name, chosen: Option<Identity>) -> Option<NotYetValid> {
        let entry = self.all_not_yet_valid(chosen).find(|entry| entry.name == name)?;
        let Found::Bundle(bundle) = &entry.found else { return None };
        let starts = self.all_not_yet_valid(chosen).filter_map(|entry| match &entry.found {
            Found::Bundle(bundle) => Some(bundle.facts.not_before),
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
        });
        Some(NotYetValid {
            generation: bundle.header.generation,
            not_before: bundle.facts.not_before,
            old_template: judge_found(self.context.config, &bundle.key_digest, &bundle.facts) == Ok(true),
            first_not_before: starts.min().unwrap_or(bundle.facts.not_before),
        })
    }

    /// Returns the newest bundle that could not be read, if it may be better than the chosen one. Unreadable is not absent.
    pub(super) fn unread(&self, chosen: Option<Identity>) -> Option<(Name, DiskFault)> {
        let judged = self.context.judged.max(self.context.withdrawn);
        let bound = chosen.map_or(judged, |identity| identity.generation);
        let newer = self.entries().filter_map(|entry| match (entry.name, &entry.found) {
            (name @ Name::Bundle { .. }, Found::Unreadable(fault)) => Some((name, *fault)),
            _ => None,
        });
        let newest =
            newer.filter(|(name, _)| self.context.options.can_reread && name.generation() > Some(bound));
        newest.max_by_key(|(name, _)| (name.generation(), name.file()))
    }

    /// Returns the facts of the expired bundles that are newer than the chosen one, were not live before and have no other
    /// defect.
    pub(super) fn expired(&self, chosen: Option<Identity>) -> Option<Expired> {
        let live = self.context.live.max(self.context.withdrawn);
        let bound = chosen.map_or(live, |identity| identity.generation);
        let expired = |entry: &Entry| match (&entry.found, self.judge(entry)) {
            (Found::Bundle(bundle), Err(Refusal::Expired { .. })) => {
                let (facts, generation) = (&bundle.facts, bundle.header.generation);
                let lifetime = facts.not_after.since(bundle.header.issued.max(facts.not_before));
                (generation > bound).then_some((generation, facts.not_after, lifetime))
            }
            _ => None,
        };
        let (generation, not_after, lifetime) =
            self.entries().filter_map(expired).max_by_key(|bundle| bundle.0)?;
        let others = self.entries().filter_map(expired).filter(|bundle| bundle.0 != generation);
        let last_not_after = others.map(|bundle| bundle.1).fold(not_after, Ord::max);
        Some(Expired { generation, lifetime, last_not_after })
    }

    /// Returns the newest bundle that is newer than the chosen one and whose only defect is that it is not yet valid.
    pub(super) fn newest_not_yet_valid(&self, chosen: Option<Identity>) -> Option<Name> {
        let names = self.all_not_yet_valid(chosen).map(|entry| entry.name);
        names.max_by_key(|name| (name.generation(), name.file()))
    }

    /// Returns all bundles like that.
    fn all_not_yet_valid(&self, chosen: Option<Identity>) -> impl Iterator<Item = &'a Entry> {
        self.entries()
            .filter(move |entry| entry.name.generation() > chosen.map(|identity| identity.generation))
            .filter(|entry| matches!(self.judge(entry), Err(Refusal::NotYetValid { .. })))
    }
}
