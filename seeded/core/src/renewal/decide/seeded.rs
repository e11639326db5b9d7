//! Bugs of [`decide`](super::decide).

use super::{Decision, Names, Scan};
use crate::disk::{BundleFound, CurrentLink, Entry, Found, Name};
use crate::facts::CertFacts;
use crate::id::FileNumber;
use crate::judge::{Refusal, judge_identity, judge_time};
use crate::seeded::{Bug, FIXED, answered};

/// The number of a temporary link that recovery makes, for [`Bug::B39`].
const MARK: FileNumber = FileNumber(1000);

impl Names {
    /// Takes a name from the middle out, `turn` names after the first.
    pub(crate) fn turned(self, turn: usize) -> Self {
        let count = self.len().max(1);
        Self::collect(self.iter().chain(self.iter()).skip(turn % count).take(self.len()))
    }

    fn without(self, dropped: impl Fn(&Name) -> bool) -> Self {
        Self::collect(self.iter().filter(|name| !dropped(name)))
    }
}

impl Scan<'_> {
    /// Gives up where it need not.
    pub(super) fn astray(&self) -> Option<Decision> {
        let marked =
            |entry: &Entry| matches!(entry.name, Name::Temporary { .. }) && entry.name.file() >= Some(MARK);
        let damaged =
            |entry: &Entry| matches!(entry.name, Name::Bundle { .. }) && entry.found == Found::Corrupt;
        let ended = |entry: &Entry| matches!(self.judge(entry), Err(Refusal::Expired { .. }));
        let blocked = match self.context.config.bug? {
            Bug::B39 => self.inventory.entries.iter().any(marked),
            Bug::F09 => self.chosen().is_none() && self.inventory.entries.iter().any(ended),
            Bug::F51 => self.inventory.entries.iter().any(damaged),
            Bug::F58 => self.inventory.current == CurrentLink::File,
            _ => false,
        };
        blocked.then_some(Decision::Blocked)
    }

    pub(super) fn link_name(&self, name: Name) -> Name {
        match name {
            Name::Temporary { generation, .. } if self.context.config.has_bug(Bug::B39) => {
                Name::Temporary { generation, file: MARK }
            }
            _ => name,
        }
    }

    /// What stays of names that should be removed.
    pub(super) fn unswept(&self, names: Names) -> Names {
        let rested = self.context.live == self.context.used && self.context.live.0 > 0;
        match self.context.config.bug {
            Some(Bug::B36) => names.without(|name| *name == FIXED),
            Some(Bug::B46) if !rested => names.without(|name| matches!(name, Name::Temporary { .. })),
            Some(Bug::F59) => names.without(|name| !matches!(name, Name::Temporary { .. })),
            _ => names,
        }
    }

    pub(super) fn misjudged(&self, bundle: &BundleFound) -> Option<Result<(), Refusal>> {
        let (config, wall) = (self.context.config, self.context.now.wall);
        let wanted = &config.template;
        let mut facts = CertFacts::clone(&bundle.facts);
        match config.bug? {
            Bug::B38 => return Some(Ok(())),
            Bug::F63 => return Some(judge_time(wall, facts.not_before, facts.not_after)),
            Bug::F01 => facts.not_after = facts.not_after.max(wall.plus(crate::time::Span::from_ms(1))),
            Bug::B02 | Bug::B03 => facts = answered(config, &bundle.key_digest, &facts),
            Bug::B21 => {
                facts.subject.clone_from(&wanted.subject);
                facts.sans.clone_from(&wanted.sans);
            }
            Bug::B37 => facts.key = bundle.key_digest,
            _ => return None,
        }
        let judged = judge_identity(config, &bundle.key_digest, &facts);
        Some(judged.and_then(|()| judge_time(wall, facts.not_before, facts.not_after)))
    }

    /// The oldest of what is acceptable, for [`Bug::B56`].
    pub(super) fn oldest<'e>(&'e self, best: &'e Entry) -> &'e Entry {
        if !self.context.config.has_bug(Bug::B56) {
            return best;
        }
        let good = self.entries().filter(|entry| {
            entry.name.generation() >= Some(self.context.live)
                && entry.name.generation() > Some(self.context.withdrawn)
                && self.judge(entry).is_ok()
        });
        good.min_by_key(|entry| (entry.name.generation(), entry.name.file())).unwrap_or(best)
    }
}
