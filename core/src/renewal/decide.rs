//! The next action for an inventory: a pure function, one action at a time.
//!
//! Recovery is this function in a loop: scan, decide, carry out, sync the directory, scan again. It
//! keeps no state between two scans, so a crash at any point is the same as another start.

use alloc::boxed::Box;

use crate::common::gates::{Expired, NotYetValid};
use crate::config::ConfigSpec;
use crate::disk::{CurrentLink, DiskFault, Entry, Found, Inventory, Name, Place};
use crate::event::Event;
use crate::id::{FileNumber, Generation, LeafDigest};
use crate::judge::{Refusal, judge_found, judge_time};
use crate::renewal::Attempt;
use crate::serving::Identity;
use crate::time::{Now, WallTime};

mod adopt;
mod clock;
mod names;
mod requests;

pub(crate) use adopt::Copied;
pub(crate) use names::Names;

/// A generation this far above every other is not ours: it would use up the numbers.
const FAR: u32 = 1 << 20;

/// The one thing to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Remove temporary names.
    Drop(Names),
    /// Sync the directory: nothing is trusted before.
    Sync,
    /// Move a corrupt file aside.
    Quarantine { from: Name, to: Name },
    /// The current link is external. Only an operator may change it.
    Blocked,
    /// A newer bundle cannot be read: scan again before the decision does without it.
    Reread { name: Name, fault: DiskFault },
    /// Repoint the current link to this identity's bundle.
    Link { identity: Identity, temporary: Name },
    /// Copy a pair into a bundle of its own, and switch to that.
    Copy(Box<Copied>),
    /// The directory is in order, except stale files.
    Ready(Box<Ready>),
}

/// An ordered directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The best identity: the current link names its bundle, durably.
    pub(crate) chosen: Option<Identity>,
    /// Newer bundles that are not yet valid: the directory is scanned again when the first of them is.
    pub(crate) not_yet_valid: Option<NotYetValid>,
    /// Newer bundles that are expired and were never live in this run: the directory is scanned again if the clock goes back.
    pub(crate) expired: Option<Expired>,
    /// A newer bundle that could not be read.
    pub(crate) unread: Option<(Name, DiskFault)>,
    /// The stale files.
    pub(crate) leftovers: Names,
    /// The pending file that stays.
    pub(crate) pending: Option<Name>,
    /// Its request, if it is resumed.
    pub(crate) resume: Option<Attempt>,
    /// Whether that request carries no lifetime where one is configured: the server rejected an earlier one.
    pub(crate) is_duration_dropped: bool,
    /// The bundle that the current link names. Without a link: the bundle that is kept as if it had one.
    pub(crate) linked: Option<Name>,
    /// The superseded bundle that stays.
    pub(crate) previous: Option<Name>,
    /// The highest generation in a name.
    pub(crate) used: Generation,
    /// The highest generation that did not fail: it has a bundle, acceptable or not, or its request is for another template.
    pub(crate) finished: Generation,
}

/// What the decision needs beside the scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a ConfigSpec,
    pub(crate) now: Now,
    /// Generations up to this one were live and never are again; 0 if none.
    pub(crate) withdrawn: Generation,
    /// The durable generation; 0 if none.
    pub(crate) live: Generation,
    /// Its certificate.
    pub(crate) leaf: Option<LeafDigest>,
    /// Generations up to this one need no second judgement; 0 if none.
    pub(crate) judged: Generation,
    /// The highest generation used so far.
    pub(crate) used: Generation,
    /// Whether the directory was synced since the last change.
    pub(crate) is_synced: bool,
    /// The identity in use, presented or not yet valid.
    pub(crate) in_use: Option<Identity>,
    /// The latest notAfter of everything that expired in this run.
    pub(crate) expired_until: Option<WallTime>,
    /// What the recovery may do.
    pub(crate) options: Options,
}

/// What a recovery may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Copy a pair: no key and no certificate is in memory only.
    pub(crate) can_copy: bool,
    /// Resume a request that the scan finds: only a start does.
    pub(crate) can_resume: bool,
    /// Go on although the current link is an external one: only a run with an identity in use does.
    pub(crate) can_ignore_link: bool,
    /// Scan again before the decision does without an unreadable file.
    pub(crate) can_reread: bool,
    /// Remove temporary names first: removals have an effect.
    pub(crate) can_drop: bool,
}

/// Returns the one thing to do next.
pub(crate) fn decide(context: &Context<'_>, inventory: &Inventory) -> Decision {
    let scan = Scan::new(context, inventory);
    let temporaries = Names::collect(
        scan.names(|entry| matches!(entry.name, Name::Temporary { .. }) && entry.found != Found::Corrupt),
    );
    if context.options.can_drop && !temporaries.is_empty() {
        return Decision::Drop(temporaries);
    }
    if !context.is_synced {
        return Decision::Sync;
    }
    if let Some(from) = scan.misplaced() {
        return Decision::Quarantine { from, to: scan.quarantine_for(from) };
    }
    let chosen = scan.chosen();
    let copied = scan.copies(chosen.as_ref()).filter(|_| scan.unread(chosen).is_none());
    // A regular file in place of the link is replaced if its own pair is the one that is copied.
    let replaced =
        inventory.current == CurrentLink::File && copied.is_some_and(|it| it.place == Place::Current);
    if let Some(decision) = scan.in_the_way().filter(|_| !replaced) {
        return decision;
    }
    if let Some(copied) = copied {
        return Decision::Copy(Box::new(copied));
    }
    let unlinked = chosen.filter(|identity| inventory.current != CurrentLink::Link(identity.name));
    if let Some(identity) = unlinked {
        if let Some((name, fault)) = scan.unread(chosen) {
            return Decision::Reread { name, fault };
        }
        let temporary =
            Name::Temporary { generation: identity.generation, file: scan.next_file(identity.generation) };
        return Decision::Link { identity, temporary };
    }
    Decision::Ready(Box::new(scan.ready(chosen)))
}

/// Returns the best-effort result of a scan whose directory cannot be put in order.
pub(crate) fn best_effort(context: &Context<'_>, inventory: &Inventory) -> (Option<Identity>, Ready) {
    let scan = Scan::new(context, inventory);
    let best = scan.chosen();
    (best.or_else(|| scan.pair_in_memory()), scan.ready(best))
}

/// Whether the current link is external.
pub(crate) fn is_blocked(context: &Context<'_>, inventory: &Inventory) -> bool {
    Scan::new(context, inventory).in_the_way() == Some(Decision::Blocked)
}

/// Returns the event for the operator about a current link that is passed over.
pub(crate) fn unusable_link(context: &Context<'_>, inventory: &Inventory) -> Option<Event> {
    Scan::new(context, inventory).unusable_link()
}

/// Returns the event for the operator when the directory is in order.
pub(crate) fn events(
    context: &Context<'_>,
    inventory: &Inventory,
    chosen: Option<Generation>,
) -> Option<Event> {
    let scan = Scan::new(context, inventory);
    let better = |entry: &&Entry| entry.name.generation() > chosen;
    let last =
        scan.entries().filter(|entry| matches!(entry.name, Name::Bundle { .. })).filter(better).last()?;
    match &last.found {
        Found::Bundle(_) => {
            scan.judge(last).err().map(|refusal| Event::FileRefused { name: last.name, refusal })
        }
        Found::Unreadable(fault) => Some(Event::FileUnreadable { name: last.name, fault: *fault }),
        Found::Pending(_) | Found::Unread | Found::Corrupt => None,
    }
}

/// A scan and its context.
struct Scan<'a> {
    context: &'a Context<'a>,
    inventory: &'a Inventory,
    /// The highest generation that is believed.
    limit: Generation,
}

impl<'a> Scan<'a> {
    fn new(context: &'a Context<'a>, inventory: &'a Inventory) -> Self {
        let intact = |entry: &Entry| match &entry.found {
            Found::Bundle(bundle) => Some(bundle.header.generation),
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
        };
        let highest = inventory.entries.iter().filter_map(intact).max().unwrap_or_default();
        let limit = Generation(highest.max(context.used).0.saturating_add(FAR));
        Self { context, inventory, limit }
    }

    fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        let limit = self.limit;
        self.inventory.entries.iter().filter(move |entry| entry.name.generation() <= Some(limit))
    }

    fn names(&self, wanted: impl Fn(&Entry) -> bool) -> impl Iterator<Item = Name> {
        self.entries().filter(move |entry| wanted(entry)).map(|entry| entry.name)
    }

    /// Returns the first corrupt file.
    fn misplaced(&self) -> Option<Name> {
        self.names(|entry| entry.found == Found::Corrupt && !matches!(entry.name, Name::Quarantine { .. }))
            .next()
    }

    /// Quarantine numbers count up over all generations, so the newest file has the highest.
    fn quarantine_for(&self, from: Name) -> Name {
        let newest = self.newest_quarantined().and_then(Name::file).unwrap_or_default();
        Name::Quarantine { generation: from.generation().unwrap_or_default(), file: newest.next() }
    }

    fn newest_quarantined(&self) -> Option<Name> {
        self.names(|entry| matches!(entry.name, Name::Quarantine { .. })).max_by_key(|name| name.file())
    }

    /// Judges a bundle now; `true` if it is for an old template.
    fn judge(&self, entry: &Entry) -> Result<bool, Refusal> {
        let Found::Bundle(bundle) = &entry.found else { return Err(Refusal::Unreadable) };
        let old_template = judge_found(self.context.config, &bundle.key_digest, &bundle.facts)?;
        judge_time(self.context.now.wall, bundle.facts.not_before, bundle.facts.not_after)?;
        Ok(old_template)
    }

    /// Returns the best acceptable identity: of the highest generation, never an expired one or one older than the live one.
    fn chosen(&self) -> Option<Identity> {
        let best = self
            .entries()
            .filter(|entry| entry.name.generation() > Some(self.context.withdrawn))
            .filter(|entry| entry.name.generation() > Some(self.context.live) || self.is_live(entry))
            .filter(|entry| self.judge(entry).is_ok())
            .max_by_key(|entry| (entry.name.generation(), entry.name.file()))?;
        match &best.found {
            Found::Bundle(bundle) => {
                let (times, old_template) = (&self.context.config.timing, self.judge(best) == Ok(true));
                Some(Identity::found(times, self.context.now, best.name, bundle, old_template))
            }
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
        }
    }

    fn next_file(&self, generation: Generation) -> FileNumber {
        let used =
            self.names(|entry| entry.name.generation() == Some(generation)).filter_map(Name::file).max();
        used.unwrap_or_default().next()
    }

    fn ready(&self, chosen: Option<Identity>) -> Ready {
        let not_yet_valid = self.newest_not_yet_valid(chosen);
        // A newer bundle that is not yet valid has the key already, and carries the number.
        let pending = self
            .pending(chosen)
            .filter(|(name, _)| name.generation() > not_yet_valid.and_then(Name::generation));
        let resume = pending.and_then(|(name, found)| self.resumed(name, found));
        let pending = pending.map(|(name, _)| name);
        let quarantined = self.newest_quarantined();
        let linked = match self.inventory.current {
            CurrentLink::Link(target) => Some(target),
            // A crash may leave two bundles without a link, neither valid yet. Which one the clock allows first is unknown.
            CurrentLink::Absent => {
                not_yet_valid.or_else(|| self.previous(None)).and_then(|newest| self.previous(Some(newest)))
            }
            CurrentLink::Foreign | CurrentLink::File | CurrentLink::Strange | CurrentLink::Unreadable(_) => {
                None
            }
        };
        // A pending file takes the place of the superseded bundle, even if its request is not resumed; and the place of a bundle
        // that was not yet valid, which was given up for it (S12).
        let beside = || not_yet_valid.filter(|name| Some(*name) != linked).or_else(|| self.previous(linked));
        // The bundle in use, or about to be, may not have the current link yet, or no longer.
        let used = chosen.map(|best| best.name).or_else(|| self.live()).filter(|name| Some(*name) != linked);
        let previous = if pending.is_some() { None } else { beside() }.or(used);
        let leftovers = Names::collect(self.names(|entry| {
            let kept = [pending, previous, quarantined, linked, used];
            let removable = match &entry.found {
                Found::Unreadable(_) | Found::Corrupt => false,
                Found::Bundle(_) | Found::Pending(_) | Found::Unread => true,
            };
            removable && !kept.contains(&Some(entry.name))
        }));
        Ready {
            chosen,
            not_yet_valid: not_yet_valid.and_then(|name| self.not_yet_valid(name, chosen)),
            expired: self.expired(chosen),
            unread: self.unread(chosen),
            leftovers,
            pending,
            resume,
            is_duration_dropped: self.has_dropped_duration(pending),
            linked,
            previous,
            used: self.highest_used(),
            finished: self.highest_finished(),
        }
    }

    /// The highest generation that has a name, or is known.
    fn highest_used(&self) -> Generation {
        let highest = self.entries().filter_map(|entry| entry.name.generation()).max();
        self.context.used.max(highest.unwrap_or_default())
    }

    /// Returns the highest generation that has a bundle, or whose request is for another template.
    fn highest_finished(&self) -> Generation {
        let is_finished = |entry: &Entry| match &entry.found {
            Found::Bundle(_) => true,
            Found::Pending(found) => !self.is_wanted(found),
            Found::Unread | Found::Corrupt | Found::Unreadable(_) => false,
        };
        self.names(is_finished).filter_map(Name::generation).max().unwrap_or_default()
    }

    /// Returns the bundle of the live identity. The clock may have made it not yet valid, and the current link may name a newer one.
    fn live(&self) -> Option<Name> {
        let live = Some(self.context.live).filter(|live| *live > self.context.withdrawn);
        self.names(|entry| self.is_live(entry)).find(|name| name.generation() == live)
    }

    /// Whether a bundle is the live identity's, or a copy of it. Another certificate may have the same generation.
    fn is_live(&self, entry: &Entry) -> bool {
        let Found::Bundle(bundle) = &entry.found else { return false };
        self.context.leaf.is_none_or(|leaf| leaf == bundle.facts.leaf)
            && entry.name.generation() == Some(self.context.live)
    }

    /// Returns the newest bundle that the link does not name. An exposed one that was copied does not count.
    fn previous(&self, linked: Option<Name>) -> Option<Name> {
        let copied = |name: Name| name.generation() == linked.and_then(Name::generation);
        let stays = |entry: &Entry| match &entry.found {
            Found::Bundle(bundle) => bundle.private || !copied(entry.name),
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => false,
        };
        self.names(stays)
            .filter(|name| Some(*name) != linked)
            .max_by_key(|name| (name.generation(), name.file()))
    }
}

#[cfg(test)]
mod tests;
