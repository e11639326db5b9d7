//! What to do next, from what a scan found: a pure function, one thing at a time.
//!
//! Recovery is this function in a loop: scan, decide, carry out, sync the directory, scan again. It
//! keeps nothing between two scans, so a crash anywhere in it is just another start.

use alloc::boxed::Box;

use crate::config::ConfigSpec;
use crate::disk::{CurrentLink, DiskFault, Entry, Found, Inventory, Name, Place};
use crate::event::Event;
use crate::id::{FileNumber, Generation, LeafDigest};
use crate::judge::{Refusal, judge_found, judge_time};
use crate::live::Identity;
use crate::renewal::Attempt;
use crate::time::{Now, WallTime};
use crate::waits::{Early, Late};

mod adopt;
mod later;
mod requests;
#[cfg(feature = "seeded")]
mod seeded;

pub(crate) use adopt::Copied;

/// A name that claims a generation this far above every other is not ours: it would use up the numbers.
const FAR: u32 = 1 << 20;

/// Some names, as many as are dealt with between two scans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Names([Option<Name>; 6]);

/// The one thing to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Remove temporary names.
    Drop(Names),
    /// Sync the directory: nothing is trusted before.
    Sync,
    /// Move aside what is not what its name says.
    Quarantine { from: Name, to: Name },
    /// The live name is not ours to change.
    Blocked,
    /// What may be better than everything else cannot be read: look again before anything is made of the rest.
    Reread { name: Name, fault: DiskFault },
    /// Point the live name to this identity's bundle.
    Link { identity: Identity, temporary: Name },
    /// Copy a pair into a bundle of its own, and switch to that.
    Copy(Box<Copied>),
    /// The directory is in order, but for what is to be tidied away.
    Ready(Box<Ready>),
}

/// What there is when the directory is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The best identity: its bundle has the live name, durably.
    pub(crate) chosen: Option<Identity>,
    /// The start of a newer bundle that only the clock is against: it is looked at again then.
    pub(crate) early: Option<Early>,
    /// The newest bundle that has ended by this clock, and was not served by it: it is looked at again if that goes back.
    pub(crate) late: Option<Late>,
    /// A newer bundle that could not be read.
    pub(crate) unread: Option<(Name, DiskFault)>,
    /// What is not needed any more.
    pub(crate) leftovers: Names,
    /// The pending file that stays.
    pub(crate) pending: Option<Name>,
    /// Its request, if it is to be taken up.
    pub(crate) resume: Option<Attempt>,
    /// Whether it asked for no lifetime where one is configured: an earlier wish was refused.
    pub(crate) no_duration: bool,
    /// What the live name names; where there is none, what is kept as if it named it.
    pub(crate) linked: Option<Name>,
    /// The superseded bundle that stays.
    pub(crate) previous: Option<Name>,
    /// The highest generation that has a name.
    pub(crate) top: Generation,
    /// The highest generation that was installed, acceptable or not by now, or whose request is for something else than is
    /// asked for by now: it did not fail.
    pub(crate) settled: Generation,
}

/// What is known beside the scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) config: &'a ConfigSpec,
    pub(crate) now: Now,
    /// Generations up to here have been live and are over; 0 if none.
    pub(crate) withdrawn: Generation,
    /// The generation that is live now; 0 if none.
    pub(crate) live: Generation,
    /// Its certificate.
    pub(crate) leaf: Option<LeafDigest>,
    /// Generations up to here need not be looked at again; 0 if none.
    pub(crate) judged: Generation,
    /// The highest generation known so far.
    pub(crate) top: Generation,
    /// Whether the directory was synced since the last change.
    pub(crate) synced: bool,
    /// What is served, or held until the clock gets to its start.
    pub(crate) served: Option<Identity>,
    /// When what ended in this run ended, the last of them.
    pub(crate) over: Option<WallTime>,
    /// Whether nothing is in memory only, so that a pair may be copied.
    pub(crate) free: bool,
    /// Whether a request that is found is to be taken up.
    pub(crate) first: bool,
    /// Whether a run that serves only looks before it goes on.
    pub(crate) looks: bool,
    /// Whether what cannot be read is looked at again before it is gone without.
    pub(crate) patient: bool,
}

impl Names {
    fn collect(names: impl Iterator<Item = Name>) -> Self {
        let mut kept = Self::default();
        for (slot, name) in kept.0.iter_mut().zip(names) {
            *slot = Some(name);
        }
        kept
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Takes the first name out.
    pub(crate) fn pop(&mut self) -> Option<Name> {
        self.0.iter_mut().find_map(Option::take)
    }
}

/// Decides.
pub(crate) fn decide(known: &Known<'_>, inventory: &Inventory) -> Decision {
    let scan = Scan::new(known, inventory);
    #[cfg(feature = "seeded")]
    if let Some(decision) = scan.astray() {
        return decision;
    }
    let temporaries = Names::collect(
        scan.names(|entry| matches!(entry.name, Name::Temporary { .. }) && entry.found != Found::Corrupt),
    );
    #[cfg(feature = "seeded")]
    let temporaries = scan.unswept(temporaries);
    if !temporaries.is_empty() {
        return Decision::Drop(temporaries);
    }
    if !known.synced {
        return Decision::Sync;
    }
    if let Some(from) = scan.misplaced() {
        return Decision::Quarantine { from, to: scan.quarantine_for(from) };
    }
    let chosen = scan.chosen();
    let copied = scan.copies(chosen.as_ref()).filter(|_| scan.unread(chosen).is_none());
    // A file that has the live name is replaced where it is what is copied.
    let replaced =
        inventory.current == CurrentLink::File && copied.is_some_and(|it| it.place == Place::Current);
    if let Some(decision) = scan.in_the_way().filter(|_| !replaced) {
        return decision;
    }
    if let Some(copied) = copied {
        return Decision::Copy(Box::new(copied));
    }
    if let Some(identity) = chosen
        && inventory.current != CurrentLink::Link(identity.name)
    {
        if let Some((name, fault)) = scan.unread(chosen) {
            return Decision::Reread { name, fault };
        }
        let temporary =
            Name::Temporary { generation: identity.generation, file: scan.next_file(identity.generation) };
        #[cfg(feature = "seeded")]
        let temporary = scan.link_name(temporary);
        return Decision::Link { identity, temporary };
    }
    Decision::Ready(Box::new(scan.ready(chosen)))
}

/// What can be seen of a directory that cannot be put in order.
pub(crate) fn glance(known: &Known<'_>, inventory: &Inventory) -> (Option<Identity>, Ready) {
    let scan = Scan::new(known, inventory);
    let best = scan.chosen();
    (best.or_else(|| scan.unsaved()), scan.ready(best))
}

/// Whether the live name is not ours to change.
pub(crate) fn is_blocked(known: &Known<'_>, inventory: &Inventory) -> bool {
    Scan::new(known, inventory).in_the_way() == Some(Decision::Blocked)
}

/// What an operator should hear of, once the directory is in order.
pub(crate) fn events(known: &Known<'_>, inventory: &Inventory, chosen: Option<Generation>) -> Option<Event> {
    let scan = Scan::new(known, inventory);
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

/// A scan with what is known beside it.
struct Scan<'a> {
    known: &'a Known<'a>,
    inventory: &'a Inventory,
    /// The highest generation that is believed.
    limit: Generation,
}

impl<'a> Scan<'a> {
    fn new(known: &'a Known<'a>, inventory: &'a Inventory) -> Self {
        let intact = |entry: &Entry| match &entry.found {
            Found::Bundle(bundle) => Some(bundle.header.generation),
            Found::Pending(_) | Found::Unread | Found::Corrupt | Found::Unreadable(_) => None,
        };
        let highest = inventory.entries.iter().filter_map(intact).max().unwrap_or_default();
        let limit = Generation(highest.max(known.top).0.saturating_add(FAR));
        Self { known, inventory, limit }
    }

    fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        let limit = self.limit;
        self.inventory.entries.iter().filter(move |entry| entry.name.generation() <= Some(limit))
    }

    fn names(&self, wanted: impl Fn(&Entry) -> bool) -> impl Iterator<Item = Name> {
        self.entries().filter(move |entry| wanted(entry)).map(|entry| entry.name)
    }

    /// The first thing of ours that is not what its name says.
    fn misplaced(&self) -> Option<Name> {
        #[cfg(feature = "seeded")]
        if self.known.config.has_bug(crate::seeded::Bug::B37) {
            return None;
        }
        self.names(|entry| entry.found == Found::Corrupt && !matches!(entry.name, Name::Quarantine { .. }))
            .next()
    }

    /// Numbers under the quarantined name count up over all generations, so the newest has the highest.
    fn quarantine_for(&self, from: Name) -> Name {
        let newest = self.newest_quarantined().and_then(Name::file).unwrap_or_default();
        Name::Quarantine { generation: from.generation().unwrap_or_default(), file: newest.next() }
    }

    fn newest_quarantined(&self) -> Option<Name> {
        self.names(|entry| matches!(entry.name, Name::Quarantine { .. })).max_by_key(|name| name.file())
    }

    /// Whether a bundle is acceptable now, and if so, whether it is old_template.
    fn judge(&self, entry: &Entry) -> Result<bool, Refusal> {
        let Found::Bundle(bundle) = &entry.found else { return Err(Refusal::Unreadable) };
        #[cfg(feature = "seeded")]
        if let Some(judged) = self.misjudged(bundle) {
            return judged.map(|()| false);
        }
        let old_template = judge_found(self.known.config, &bundle.key_digest, &bundle.facts)?;
        judge_time(self.known.now.wall, bundle.facts.not_before, bundle.facts.not_after)?;
        Ok(old_template)
    }

    /// The highest generation that is acceptable now; never one that is over, or older than the live one.
    fn chosen(&self) -> Option<Identity> {
        let best = self
            .entries()
            .filter(|entry| entry.name.generation() > Some(self.known.withdrawn))
            .filter(|entry| entry.name.generation() > Some(self.known.live) || self.is_live(entry))
            .filter(|entry| self.judge(entry).is_ok())
            .max_by_key(|entry| (entry.name.generation(), entry.name.file()))?;
        #[cfg(feature = "seeded")]
        let best = self.oldest(best);
        match &best.found {
            Found::Bundle(bundle) => {
                let (times, old_template) = (&self.known.config.timing, self.judge(best) == Ok(true));
                Some(Identity::found(times, self.known.now, best.name, bundle, old_template))
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
        let early = self.early(chosen);
        // A newer bundle that only the clock is against has the key already, and carries the number.
        let pending =
            self.pending(chosen).filter(|(name, _)| name.generation() > early.and_then(Name::generation));
        let resume = pending.and_then(|(name, found)| self.resumed(name, found));
        let pending = pending.map(|(name, _)| name);
        let quarantined = self.newest_quarantined();
        let linked = match self.inventory.current {
            CurrentLink::Link(target) => Some(target),
            // A crash may leave two bundles without it, and a clock that is against both: which of them it allows first is not known.
            CurrentLink::Absent => {
                early.or_else(|| self.previous(None)).and_then(|newest| self.previous(Some(newest)))
            }
            CurrentLink::Foreign | CurrentLink::File | CurrentLink::Strange | CurrentLink::Unreadable(_) => {
                None
            }
        };
        // A pending file takes the place of the superseded bundle, also where its request is not taken up; and of the one that
        // the clock was against, which was given up for it.
        let beside = || early.filter(|name| Some(*name) != linked).or_else(|| self.previous(linked));
        // What is used, or will be, may not have the live name yet, or not any more.
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
        #[cfg(feature = "seeded")]
        let leftovers = self.unswept(leftovers);
        let no_duration = self.lost_wish(pending);
        Ready {
            chosen,
            early: early.and_then(|name| self.waits(name, chosen)),
            late: self.late(chosen),
            unread: self.unread(chosen),
            leftovers,
            pending,
            resume,
            no_duration,
            linked,
            previous,
            top: self.top(),
            settled: self.settled(),
        }
    }

    /// The highest generation that has a name, or is known.
    fn top(&self) -> Generation {
        let highest = self.entries().filter_map(|entry| entry.name.generation()).max();
        self.known.top.max(highest.unwrap_or_default())
    }

    /// The highest generation that has a bundle, or asked for what is not wanted any more.
    fn settled(&self) -> Generation {
        let settled = |entry: &Entry| match &entry.found {
            Found::Bundle(_) => true,
            Found::Pending(found) => !self.is_wanted(found),
            Found::Unread | Found::Corrupt | Found::Unreadable(_) => false,
        };
        self.names(settled).filter_map(Name::generation).max().unwrap_or_default()
    }

    /// The bundle of what this run served, which goes live again when the clock gets there; the live name may name a newer one.
    fn live(&self) -> Option<Name> {
        let live = Some(self.known.live).filter(|live| *live > self.known.withdrawn);
        self.names(|entry| self.is_live(entry)).find(|name| name.generation() == live)
    }

    /// Whether a bundle is that of what this run has live, or a copy of it; there may be another certificate of its generation.
    fn is_live(&self, entry: &Entry) -> bool {
        let Found::Bundle(bundle) = &entry.found else { return false };
        self.known.leaf.is_none_or(|leaf| leaf == bundle.facts.leaf)
            && entry.name.generation() == Some(self.known.live)
    }

    /// The newest bundle beside the one that has the live name; not one that others can read and that was copied for that.
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
