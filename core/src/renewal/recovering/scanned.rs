//! What a scan leads to: the one thing that is done next, or the end of recovery.

use super::{REREADS, Recovering, Stage};
use crate::common::Cx;
use crate::config::ConfigSpec;
use crate::disk::{CurrentLink, DiskCommand, DiskFault, Inventory, Name};
use crate::event::Event;
use crate::id::Generation;
use crate::live::Live;
use crate::renewal::decide::{Copied, Decision, Known, Ready, decide, events, glance, is_blocked};
use crate::renewal::{Carry, Installing, Renewal};

impl Recovering {
    /// What is known beside the scan.
    fn known<'a>(&self, cx: &Cx<'_>, config: &'a ConfigSpec, assumed: bool) -> Known<'a> {
        let old_template = cx.common.live.identity().is_some_and(|identity| identity.old_template);
        let looks = matches!(self.carry, Carry::Look(_));
        let live = match cx.common.live {
            // What is for the subject that is wanted by now may well be older.
            Live::OtherSubject(_) => Generation(0),
            Live::None | Live::Serving(_) | Live::Held(_) | Live::Withdrawn(_) => cx.common.live.generation(),
        };
        Known {
            config,
            // Whether what is old_template fits again, only its bundle can tell.
            judged: if old_template { Generation(0) } else { live },
            now: cx.now,
            withdrawn: match cx.common.live {
                Live::Withdrawn(generation) => generation,
                Live::OtherSubject(_) => cx.common.ended,
                Live::None | Live::Serving(_) | Live::Held(_) => Generation(0),
            },
            live,
            leaf: cx.common.live.identity().map(|identity| identity.leaf),
            top: cx.common.top,
            // Nothing was changed since the last sync but by somebody else, which is seen below.
            synced: self.synced || assumed,
            served: cx.common.in_use().copied(),
            over: cx.common.over,
            free: !matches!(self.carry, Carry::Request(_) | Carry::Certificate(..)),
            first: matches!(self.carry, Carry::Nothing),
            looks: looks && cx.common.in_use().is_some(),
            patient: self.rereads < REREADS,
        }
    }

    pub(super) fn scanned(mut self, cx: &mut Cx<'_>, inventory: &Inventory) -> Renewal {
        let config = cx.common.config.clone();
        let assumed = core::mem::take(&mut self.assumed);
        // It was carried out after whatever was given up.
        self.kept = None;
        let known = self.known(cx, config.spec(), assumed);
        #[cfg(feature = "seeded")]
        let known = Self::overrated(cx, known, inventory);
        // Where the live name is not ours to change, it is not the disk that refuses.
        if self.failed
            && !is_blocked(&known, inventory)
            && let Some(next) = self.goes_without(cx, &known, inventory)
        {
            return next;
        }
        let decision = decide(&known, inventory);
        if assumed && !is_as_it_was(cx, &decision) {
            return self.sync(cx);
        }
        match decision {
            Decision::Drop(names) => self.unlink(cx, names, false),
            Decision::Sync => self.sync(cx),
            Decision::Quarantine { from, to } => {
                self.synced = false;
                let waiting = cx.disk(DiskCommand::Rename { from, to });
                self.stage = Stage::Quarantining { waiting, from, to };
                Renewal::Recovering(self)
            }
            Decision::Blocked => {
                // It is not the disk that refuses: when this is settled, the ordinary way is tried first.
                self.failed &= matches!(self.carry, Carry::Certificate(..));
                let paused = self.pause(cx);
                if let Renewal::Recovering(phase) = &paused {
                    cx.report(Event::CurrentLinkForeign { again_in: phase.again.since(cx.now.mono) });
                }
                paused
            }
            Decision::Copy(copied) => self.copy(cx, &copied),
            Decision::Reread { name, fault } => self.reread(cx, name, fault),
            Decision::Link { identity, temporary } => {
                self.synced = false;
                let target = identity.name;
                let waiting = cx.disk(DiskCommand::Symlink { name: temporary, target });
                self.stage = Stage::Linking { waiting, temporary, target };
                Renewal::Recovering(self)
            }
            Decision::Ready(ready) => {
                let chosen = ready.chosen.map(|best| best.generation);
                self.ready(cx, &ready, events(&known, inventory, chosen))
            }
        }
    }

    /// Copies what is better than what is ours, when there is room and the last failure is some time ago.
    fn copy(mut self, cx: &mut Cx<'_>, copied: &Copied) -> Renewal {
        if copied.leftovers.len() > usize::from(!self.tidy) {
            return self.unlink(cx, copied.leftovers, true);
        }
        if cx.now.mono < self.again {
            self.stage = Stage::Pausing;
            return Renewal::Recovering(self);
        }
        let after = match self.carry {
            Carry::Rest(resting) | Carry::Look(resting) | Carry::Dropped(resting, ..) => Some(resting),
            Carry::Nothing | Carry::Request(_) | Carry::Certificate(..) => None,
        };
        Installing::copy(cx, copied, after)
    }

    /// The directory is in order, but for what is to be tidied away.
    fn ready(mut self, cx: &mut Cx<'_>, ready: &Ready, event: Option<Event>) -> Renewal {
        self.serve(cx, ready);
        if let Some((name, fault)) = ready.unread {
            return self.reread(cx, name, fault);
        }
        // One that cannot be removed is in the way of nothing; with more the disk would fill up (S12).
        if ready.leftovers.len() > usize::from(!self.tidy) {
            return self.unlink(cx, ready.leftovers, true);
        }
        if let Some(event) = event.filter(|_| matches!(self.carry, Carry::Nothing)) {
            cx.report(event);
        }
        self.finish(cx, ready)
    }

    /// What can be done on a disk that refuses; `None` is to try it in order once more.
    fn goes_without(&mut self, cx: &mut Cx<'_>, known: &Known<'_>, inventory: &Inventory) -> Option<Renewal> {
        if self.stuck && !self.synced {
            // What stands beside it may be durable all the same.
            return Some(self.sync(cx));
        }
        let (best, ready) = glance(known, inventory);
        if self.synced && best.is_some_and(|best| inventory.current == CurrentLink::Link(best.name)) {
            self.serve(cx, &ready);
        }
        cx.late(ready.late);
        let before = cx.common.unsaved.map(|unsaved| unsaved.generation);
        let next = cx.do_without(&self.carry, best, &ready);
        if cx.common.unsaved.map(|unsaved| unsaved.generation) != before {
            self.end_rest(cx);
        }
        let next = next?;
        self.note(cx, &ready);
        // What is in disorder is put in order when there is time.
        cx.common.untidy = Some(cx.now.mono);
        Some(next)
    }

    /// Looks at the directory again after a while, because something in it could not be read.
    fn reread(mut self, cx: &mut Cx<'_>, name: Name, fault: DiskFault) -> Renewal {
        self.rereads += 1;
        cx.report(Event::FileUnreadable { name, fault });
        self.pause(cx)
    }
}

/// Whether a look shows nothing that would be believed and may not be durable.
fn is_as_it_was(cx: &Cx<'_>, decision: &Decision) -> bool {
    let live = cx.common.live.identity().map(|identity| identity.name);
    match decision {
        Decision::Ready(ready) => ready.chosen.is_none_or(|chosen| Some(chosen.name) == live),
        Decision::Drop(_)
        | Decision::Sync
        | Decision::Quarantine { .. }
        | Decision::Blocked
        | Decision::Reread { .. }
        | Decision::Link { .. }
        | Decision::Copy(_) => false,
    }
}
