//! Pending files: a request is resumed, or its key is retired.

use super::Scan;
use crate::config::Template;
use crate::disk::{Found, Name, PendingFound};
use crate::id::Generation;
use crate::judge::same_request;
use crate::renewal::Attempt;
use crate::serving::Identity;

impl<'a> Scan<'a> {
    /// Whether a pending file's request is for the template, with or without its lifetime.
    pub(super) fn is_wanted(&self, found: &PendingFound) -> bool {
        let wanted = &self.context.config.template;
        let duration = found.template.duration.and(wanted.duration);
        same_request(&found.template, &Template { duration, ..wanted.clone() })
    }

    /// The newest pending file that belongs to no generation which has a bundle already.
    pub(super) fn pending(&self, chosen: Option<Identity>) -> Option<(Name, &'a PendingFound)> {
        let bound =
            chosen.map_or(self.context.live.max(self.context.withdrawn), |identity| identity.generation);
        self.entries()
            .filter_map(|entry| match &entry.found {
                Found::Pending(found) => Some((entry.name, &**found)),
                Found::Bundle(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
            })
            .filter(|(_, found)| found.generation > bound && !self.has_bundle(found.generation))
            .max_by_key(|(name, found)| (found.generation, name.file()))
    }

    /// Whether there is an intact bundle of a generation, acceptable or not: it has the key, and carries the number.
    fn has_bundle(&self, generation: Generation) -> bool {
        self.entries().any(|entry| {
            matches!(entry.found, Found::Bundle(_)) && entry.name.generation() == Some(generation)
        })
    }

    /// Returns the request of a pending file, unless its key is retired: the request is for another template, its certificate is
    /// on disk already, or a newer identity is in use.
    pub(super) fn resumed(&self, name: Name, found: &PendingFound) -> Option<Attempt> {
        let generation = found.generation;
        let wanted = self.is_wanted(found);
        let answered = self
            .names(|entry| matches!(entry.name, Name::Bundle { .. }))
            .any(|bundle| bundle.generation() >= name.generation());
        let is_superseded = self.context.in_use.is_some_and(|newer| newer.generation > generation);
        (wanted && !answered && !is_superseded).then(|| Attempt {
            generation,
            key: found.key,
            key_digest: found.key_digest,
            request: found.request,
            made: found.made,
            issued_after: found.made,
            file: self.next_file(generation),
        })
    }

    /// Whether that request carries no lifetime where one is configured.
    pub(super) fn has_dropped_duration(&self, pending: Option<Name>) -> bool {
        self.entries().any(|entry| match &entry.found {
            Found::Pending(found) => {
                Some(entry.name) == pending
                    && found.template.duration.is_none()
                    && self.context.config.template.duration.is_some()
            }
            Found::Bundle(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => false,
        })
    }
}
