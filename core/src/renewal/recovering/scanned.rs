//! The decision after a scan: the one thing to do next, or the end of the recovery.

use super::{MOST_NAMES, REREADS, Recovering, Stage};
use crate::common::Cx;
use crate::config::ConfigSpec;
use crate::disk::{CurrentLink, DiskCommand, DiskFault, Inventory, Name};
use crate::event::Event;
use crate::id::Generation;
use crate::renewal::decide::{
    Context, Copied, Decision, Options, Ready, best_effort, decide, events, is_blocked, unusable_link,
};
use crate::renewal::{Carry, Installing, Renewal};
use crate::serving::Live;

impl Recovering {
    /// Returns the context of the scan.
    fn context<'a>(&self, cx: &Cx<'_>, config: &'a ConfigSpec, assumed: bool) -> Context<'a> {
        let old_template = cx.common.serving.durable.identity().is_some_and(|identity| identity.old_template);
        let looks = matches!(self.carry, Carry::Rescan(_));
        let live = match cx.common.serving.durable {
            // A bundle for the template's subject may well be older.
            Live::OtherSubject(_) => Generation(0),
            Live::None | Live::Identity(_) | Live::Withdrawn(_) => cx.common.serving.durable.generation(),
        };
        Context {
            config,
            // An identity for an old template may fit the current one again. Only its bundle shows that.
            judged: if old_template { Generation(0) } else { live },
            now: cx.now,
            withdrawn: match cx.common.serving.durable {
                Live::Withdrawn(generation) => generation,
                Live::OtherSubject(_) => cx.common.serving.expired_generation(),
                Live::None | Live::Identity(_) => Generation(0),
            },
            live,
            leaf: cx.common.serving.durable.identity().map(|identity| identity.leaf),
            used: cx.common.generations.used(),
            // This run changed nothing since the last sync. External changes are detected below.
            is_synced: self.is_synced || assumed,
            in_use: cx.common.serving.in_use().map(|judged| judged.identity),
            expired_until: cx.common.serving.expired.map(|expired| expired.not_after),
            options: Options {
                can_copy: !matches!(self.carry, Carry::Request(_) | Carry::Certificate(..)),
                can_resume: matches!(self.carry, Carry::Nothing),
                can_ignore_link: looks && cx.common.serving.in_use().is_some(),
                can_reread: self.rereads < REREADS,
                can_drop: !self.is_without_effect,
            },
        }
    }

    pub(super) fn scanned(mut self, cx: &mut Cx<'_>, inventory: &Inventory) -> Renewal {
        let config = cx.common.config.clone();
        let assumed = core::mem::take(&mut self.assumes_synced);
        if let Stage::Scanning { given_up, .. } = &mut self.stage {
            // The disk carried out the scan after the abandoned operation: nothing can write these
            // files now.
            *given_up = None;
        }
        self.is_without_effect &= inventory.entries.len() < MOST_NAMES;
        if let Some(change) = self.changed.take().filter(|change| !change.is_shown_by(inventory)) {
            self.has_failed = true;
            return self.retry_after(cx, change.command(), DiskFault::NoEffect);
        }
        let context = self.context(cx, config.spec(), assumed);
        // An external link is not a failing disk: an operator has to act.
        let may_proceed = self.has_failed && !is_blocked(&context, inventory);
        if let Some(next) = may_proceed.then(|| self.proceed_without_disk(cx, &context, inventory)).flatten()
        {
            return next;
        }
        let decision = decide(&context, inventory);
        if assumed && !is_unchanged(cx, &decision) {
            return self.sync(cx);
        }
        let unusable = unusable_link(&context, inventory).filter(|_| matches!(self.carry, Carry::Nothing));
        match decision {
            Decision::Drop(names) => self.unlink(cx, names),
            Decision::Sync => self.sync(cx),
            Decision::Quarantine { from, to } => {
                self.is_synced = false;
                let waiting = cx.disk(DiskCommand::Rename { from, to });
                self.stage = Stage::Quarantining { waiting, from, to };
                Renewal::Recovering(self)
            }
            Decision::Blocked => {
                // It is not the disk that fails. After the operator's change the ordinary way is tried first.
                self.has_failed &= matches!(self.carry, Carry::Certificate(..));
                let paused = self.pause(cx);
                if let Renewal::Recovering(phase) = &paused {
                    cx.report(Event::CurrentLinkForeign { again_in: phase.again.since(cx.now.mono) });
                }
                paused
            }
            Decision::Copy(copied) => self.copy(cx, &copied, unusable),
            Decision::Reread { name, fault } => self.reread(cx, name, fault),
            Decision::Link { identity, temporary } => {
                unusable.into_iter().for_each(|event| cx.report(event));
                self.is_synced = false;
                let target = identity.name;
                let waiting = cx.disk(DiskCommand::Symlink { name: temporary, target });
                self.stage = Stage::Linking { waiting, temporary, target };
                Renewal::Recovering(self)
            }
            Decision::Ready(ready) => {
                let chosen = ready.chosen.map(|best| best.generation);
                let event = events(&context, inventory, chosen);
                self.ready(cx, &ready, unusable.into_iter().chain(event))
            }
        }
    }

    /// Copies a better pair, when there is room and the backoff is over.
    fn copy(self, cx: &mut Cx<'_>, copied: &Copied, event: Option<Event>) -> Renewal {
        if copied.leftovers.len() > self.most_stale() {
            return self.unlink(cx, copied.leftovers);
        }
        if cx.now.mono < self.again {
            return Renewal::Recovering(self.paused());
        }
        let after = match self.carry {
            Carry::Rest(resting) | Carry::Rescan(resting) | Carry::Dropped(resting, ..) => Some(resting),
            Carry::Nothing | Carry::Request(_) | Carry::Certificate(..) => None,
        };
        event.into_iter().for_each(|event| cx.report(event));
        Installing::copy(cx, copied, after)
    }

    /// Goes on with a directory in order: stale files are removed first.
    fn ready(mut self, cx: &mut Cx<'_>, ready: &Ready, events: impl Iterator<Item = Event>) -> Renewal {
        self.adopt_chosen(cx, ready);
        if let Some((name, fault)) = ready.unread {
            return self.reread(cx, name, fault);
        }
        if ready.leftovers.len() > self.most_stale() {
            return self.unlink(cx, ready.leftovers);
        }
        for event in events.filter(|_| matches!(self.carry, Carry::Nothing)) {
            cx.report(event);
        }
        self.finish(cx, ready)
    }

    /// Does what can be done on a failing disk; `None` means: try once more in order.
    fn proceed_without_disk(
        &mut self,
        cx: &mut Cx<'_>,
        context: &Context<'_>,
        inventory: &Inventory,
    ) -> Option<Renewal> {
        if self.is_stuck && !self.is_synced {
            // The other entries may be durable all the same.
            return Some(self.sync(cx));
        }
        let (best, ready) = best_effort(context, inventory);
        if self.is_synced && best.is_some_and(|best| inventory.current == CurrentLink::Link(best.name)) {
            self.adopt_chosen(cx, &ready);
        }
        cx.record_expired(ready.expired);
        let before = cx.common.serving.in_memory_generation();
        let next = cx.act_without_disk(&self.carry, best, &ready);
        if cx.common.serving.in_memory_generation() != before {
            self.end_rest(cx);
        }
        let next = next?;
        self.record(cx, &ready);
        // The disorder is cleaned up later.
        cx.common.directory.cleanup_at = Some(cx.now.mono);
        Some(next)
    }

    /// Looks at the directory again after a while, because something in it could not be read.
    fn reread(mut self, cx: &mut Cx<'_>, name: Name, fault: DiskFault) -> Renewal {
        self.rereads += 1;
        cx.report(Event::FileUnreadable { name, fault });
        self.pause(cx)
    }
}

/// Whether a rescan without a sync shows only names that this run made durable itself.
fn is_unchanged(cx: &Cx<'_>, decision: &Decision) -> bool {
    let live = cx.common.serving.durable.identity().map(|identity| identity.name);
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

#[cfg(test)]
mod tests;
