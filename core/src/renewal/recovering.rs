//! Start-up, and the way back after a disk failure: the same procedure.

use crate::common::{Common, Cx, Outstanding};
use crate::config::ConfigSpec;
use crate::disk::{DiskCommand, DiskDone, DiskFault, Inventory, LiveName, Name};
use crate::id::Generation;
use crate::input::{ExitReason, Why};

use crate::live::Live;
use crate::notice::Notice;
use crate::renewal::decide::{Decision, Known, Names, decide, glance, notices};
use crate::renewal::{Carry, Outcome, Renewal, overdue};
use crate::time::MonoTime;

mod finish;
#[cfg(feature = "seeded")]
mod seeded;
mod waits;

/// How often what cannot be read is looked at again before it is gone without.
const REREADS: u8 = 3;

/// Finding out what is on disk and putting it in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Recovering {
    /// What is in memory only.
    pub(crate) carry: Carry,
    /// Whether the directory was synced since the last change that is known of.
    synced: bool,
    /// Whether leftovers are removed; not after that has failed.
    tidy: bool,
    /// Whether the removal of a temporary name failed last: then the directory is synced with it in there.
    stuck: bool,
    /// How often it was looked again at what could not be read.
    rereads: u8,
    /// Whether something has failed since it began.
    pub(crate) failed: bool,
    /// Nothing is created before this.
    again: MonoTime,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Waiting for a scan.
    Scanning(Outstanding),
    /// Removing names, this one first.
    Unlinking { waiting: Outstanding, name: Name, rest: Names, leftovers: bool },
    /// Moving something aside.
    Quarantining { waiting: Outstanding, from: Name, to: Name },
    /// Making the link under a temporary name.
    Linking { waiting: Outstanding, temporary: Name, target: Name },
    /// Giving the link the live name.
    Switching { waiting: Outstanding, temporary: Name },
    /// Syncing the directory.
    Syncing(Outstanding),
    /// Waiting for the end of what was under way when the configuration changed; what came of it a scan will show.
    Ending { waiting: Outstanding, command: DiskCommand },
    /// Waiting until `again`, then scanning.
    Pausing,
}

impl Recovering {
    /// Looks at the disk; creates nothing before `again`.
    pub(crate) fn begin(cx: &mut Cx<'_>, carry: Carry, again: MonoTime) -> Renewal {
        let stage = Stage::Scanning(cx.disk(DiskCommand::Scan));
        Renewal::Recovering(Self {
            carry,
            synced: false,
            tidy: true,
            stuck: false,
            rereads: 0,
            failed: false,
            again,
            stage,
        })
    }

    /// An operation of another phase failed: nothing more is changed before a scan has shown what is there.
    pub(crate) fn failed(cx: &mut Cx<'_>, command: DiskCommand, fault: DiskFault, carry: Carry) -> Renewal {
        let again_in = cx.disk_backoff();
        cx.report(Notice::DiskFailed { command, fault, again_in });
        Self::back(cx, carry, cx.after(again_in)).after_failure()
    }

    /// An operation of another phase was not answered. The scan is carried out after it, so it sees how it ended.
    pub(crate) fn timed_out(cx: &mut Cx<'_>, command: DiskCommand, carry: Carry) -> Renewal {
        let again_in = cx.disk_backoff();
        cx.report(Notice::DiskTimedOut { command });
        Self::back(cx, carry, cx.after(again_in)).after_failure()
    }

    /// Looks at the disk, unless the run is to end.
    pub(crate) fn back(cx: &mut Cx<'_>, carry: Carry, again: MonoTime) -> Renewal {
        if cx.common.stopping { cx.exit(ExitReason::Shutdown) } else { Self::begin(cx, carry, again) }
    }

    /// Looks at the disk when an operation of another phase, which is over, has ended.
    pub(crate) fn after(under_way: (Outstanding, DiskCommand), carry: Carry, again: MonoTime) -> Renewal {
        let (waiting, command) = under_way;
        let stage = Stage::Ending { waiting, command };
        let (rereads, stuck) = (0, false);
        Renewal::Recovering(Self {
            carry,
            synced: false,
            tidy: true,
            failed: false,
            rereads,
            stuck,
            again,
            stage,
        })
    }

    /// What was decided on is not to be gone on with; a scan that is under way is as good as a fresh one.
    pub(crate) fn interrupted(mut self) -> Renewal {
        match (self.stage, self.waiting()) {
            (Stage::Scanning(_) | Stage::Pausing, _) | (_, None) => {}
            // What else was to be removed is removed after the next scan.
            (_, Some(waiting)) => {
                (self.stage, self.tidy) = (Stage::Ending { waiting, command: self.command() }, true)
            }
        }
        Renewal::Recovering(self)
    }

    pub(crate) fn waiting(self) -> Option<Outstanding> {
        match self.stage {
            Stage::Scanning(waiting)
            | Stage::Syncing(waiting)
            | Stage::Unlinking { waiting, .. }
            | Stage::Quarantining { waiting, .. }
            | Stage::Linking { waiting, .. }
            | Stage::Switching { waiting, .. }
            | Stage::Ending { waiting, .. } => Some(waiting),
            Stage::Pausing => None,
        }
    }

    pub(crate) fn wake(self, common: &Common) -> MonoTime {
        let implausible = common.implausible.then(|| common.closed_until());
        self.waiting().map_or(implausible.unwrap_or_default().max(self.again), |waiting| waiting.due)
    }

    pub(crate) fn tick(mut self, cx: &mut Cx<'_>) -> Outcome {
        match self.waiting() {
            Some(waiting) => {
                overdue(waiting, cx)?;
                cx.report(Notice::DiskTimedOut { command: self.command() });
                self.failed |= self.is_set_back();
                Ok(self.pause(cx))
            }
            None if cx.common.implausible => Err(Why::NotDue),
            None if cx.now.mono >= self.again => {
                self.synced = false;
                Ok(self.scan(cx))
            }
            None => Err(Why::NotDue),
        }
    }

    pub(crate) fn answered(self, cx: &mut Cx<'_>, result: Result<DiskDone, DiskFault>) -> Outcome {
        let scanning = matches!(self.stage, Stage::Scanning(_));
        let result = match result {
            Ok(DiskDone::Done) if scanning => return Err(Why::WrongKind),
            Ok(DiskDone::Scanned(_)) if !scanning => return Err(Why::WrongKind),
            other => other,
        };
        if cx.common.stopping {
            return Ok(cx.exit(ExitReason::Shutdown));
        }
        match result {
            Ok(DiskDone::Scanned(_)) if cx.common.implausible => {
                // A clock that shows less than when this was built judges nothing, and nothing is changed by it.
                Ok(Renewal::Recovering(Self { stage: Stage::Pausing, ..self }))
            }
            Ok(DiskDone::Scanned(inventory)) => Ok(self.scanned(cx, &inventory)),
            Ok(DiskDone::Done) => Ok(self.done(cx)),
            Err(fault) => Ok(self.refused(cx, fault)),
        }
    }

    fn scan(mut self, cx: &mut Cx<'_>) -> Renewal {
        self.stage = Stage::Scanning(cx.disk(DiskCommand::Scan));
        Renewal::Recovering(self)
    }

    /// Waits and looks again.
    fn pause(mut self, cx: &mut Cx<'_>) -> Renewal {
        if cx.common.stopping {
            return cx.exit(ExitReason::Shutdown);
        }
        let again_in = cx.disk_backoff();
        self.again = cx.after(again_in);
        self.stage = Stage::Pausing;
        Renewal::Recovering(self)
    }

    fn refused(mut self, cx: &mut Cx<'_>, fault: DiskFault) -> Renewal {
        if matches!(self.stage, Stage::Unlinking { leftovers: true, .. }) {
            // Leftovers in the way of nothing must not keep the node from renewing.
            self.tidy = false;
        }
        self.stuck = matches!(self.stage, Stage::Unlinking { leftovers: false, .. });
        // When a scan succeeds, the disk that refused it is another's: the ordinary way is tried first.
        self.failed |= self.is_set_back();
        let command = self.command();
        let paused = self.pause(cx);
        if let Renewal::Recovering(phase) = &paused {
            cx.report(Notice::DiskFailed { command, fault, again_in: phase.again.since(cx.now.mono) });
        }
        paused
    }

    /// Whether a failure now tells of more than a scan that has to be repeated.
    fn is_set_back(&self) -> bool {
        !matches!(self.stage, Stage::Scanning(_)) || matches!(self.carry, Carry::Certificate(..))
    }

    /// The operation that is outstanding.
    fn command(&self) -> DiskCommand {
        match self.stage {
            Stage::Scanning(_) | Stage::Pausing => DiskCommand::Scan,
            Stage::Ending { command, .. } => command,
            Stage::Syncing(_) => DiskCommand::SyncDir,
            Stage::Unlinking { name, .. } => DiskCommand::Unlink { name },
            Stage::Quarantining { from, to, .. } => DiskCommand::Rename { from, to },
            Stage::Linking { temporary, target, .. } => DiskCommand::Symlink { name: temporary, target },
            Stage::Switching { temporary, .. } => DiskCommand::Rename { from: temporary, to: Name::Live },
        }
    }

    /// The operation that was outstanding is done: go on to the next, ask for it, and wait.
    fn done(mut self, cx: &mut Cx<'_>) -> Renewal {
        match self.stage {
            Stage::Unlinking { rest, leftovers, .. } => self.unlink(cx, rest, leftovers),
            Stage::Linking { temporary, .. } => {
                // The disk takes names again: the ordinary way is tried before what is on disk is served without it.
                self.failed &= matches!(self.carry, Carry::Certificate(..));
                let waiting = cx.disk(DiskCommand::Rename { from: temporary, to: Name::Live });
                self.stage = Stage::Switching { waiting, temporary };
                Renewal::Recovering(self)
            }
            Stage::Quarantining { from, to, .. } => {
                cx.report(Notice::Quarantined { from, to });
                self.sync(cx)
            }
            #[cfg(feature = "seeded")]
            Stage::Switching { .. } if cx.bug(crate::seeded::Bug::B29) => {
                self.synced = true;
                self.scan(cx)
            }
            Stage::Switching { .. } => self.sync(cx),
            Stage::Syncing(_) => {
                self.synced = true;
                self.scan(cx)
            }
            Stage::Scanning(_) | Stage::Pausing | Stage::Ending { .. } => self.scan(cx),
        }
    }

    fn unlink(mut self, cx: &mut Cx<'_>, mut names: Names, leftovers: bool) -> Renewal {
        #[cfg(feature = "seeded")]
        names.turn(crate::seeded::turn(cx));
        match names.pop() {
            None => self.sync(cx),
            Some(name) => {
                self.synced = false;
                let waiting = cx.disk(DiskCommand::Unlink { name });
                self.stage = Stage::Unlinking { waiting, name, rest: names, leftovers };
                Renewal::Recovering(self)
            }
        }
    }

    fn sync(mut self, cx: &mut Cx<'_>) -> Renewal {
        self.synced = false;
        self.stage = Stage::Syncing(cx.disk(DiskCommand::SyncDir));
        Renewal::Recovering(self)
    }

    /// What is known beside the scan.
    fn known<'a>(&self, cx: &Cx<'_>, config: &'a ConfigSpec) -> Known<'a> {
        let outdated = cx.common.live.identity().is_some_and(|identity| identity.outdated);
        Known {
            config,
            // Whether what is outdated fits again, only its bundle can tell.
            judged: if outdated { Generation(0) } else { cx.common.live.generation() },
            now: cx.now,
            withdrawn: match cx.common.live {
                Live::Withdrawn(generation) => generation,
                Live::Unwanted(_) => cx.common.ended,
                Live::None | Live::Serving(_) | Live::Held(_) => Generation(0),
            },
            live: match cx.common.live {
                // What is for the subject that is wanted by now may well be older.
                Live::Unwanted(_) => Generation(0),
                Live::None | Live::Serving(_) | Live::Held(_) | Live::Withdrawn(_) => {
                    cx.common.live.generation()
                }
            },
            top: cx.common.top,
            synced: self.synced,
            patient: self.rereads < REREADS,
        }
    }

    fn scanned(mut self, cx: &mut Cx<'_>, inventory: &Inventory) -> Renewal {
        let config = cx.common.config.clone();
        let known = self.known(cx, config.spec());
        #[cfg(feature = "seeded")]
        let known = Self::overrated(cx, known, inventory);
        if self.failed
            && let Some(next) = self.goes_without(cx, &known, inventory)
        {
            return next;
        }
        match decide(&known, inventory) {
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
                    cx.report(Notice::LiveNameForeign { again_in: phase.again.since(cx.now.mono) });
                }
                paused
            }
            Decision::Reread { name, fault } => self.reread(cx, name, fault),
            Decision::Link { identity, temporary } => {
                self.synced = false;
                let target = identity.name;
                let waiting = cx.disk(DiskCommand::Symlink { name: temporary, target });
                self.stage = Stage::Linking { waiting, temporary, target };
                Renewal::Recovering(self)
            }
            Decision::Ready(ready) => {
                self.serve(cx, &ready);
                if let Some((name, fault)) = ready.unread {
                    return self.reread(cx, name, fault);
                }
                // One that cannot be removed is in the way of nothing; with more the disk would fill up (S12).
                if ready.leftovers.len() > usize::from(!self.tidy) {
                    return self.unlink(cx, ready.leftovers, true);
                }
                let chosen = ready.chosen.map(|best| best.generation);
                let first = matches!(self.carry, Carry::Nothing);
                if let Some(notice) = notices(&known, inventory, chosen).filter(|_| first) {
                    cx.report(notice);
                }
                self.finish(cx, &ready)
            }
        }
    }

    /// What can be done on a disk that refuses; `None` is to try it in order once more.
    fn goes_without(&mut self, cx: &mut Cx<'_>, known: &Known<'_>, inventory: &Inventory) -> Option<Renewal> {
        // Where the live name is not ours to change, it is not the disk that refuses.
        if !matches!(inventory.live, LiveName::Absent | LiveName::Link(_) | LiveName::File) {
            return None;
        }
        if self.stuck && !self.synced {
            // What stands beside it may be durable all the same.
            return Some(self.sync(cx));
        }
        let (best, ready) = glance(known, inventory);
        if self.synced && best.is_some_and(|best| inventory.live == LiveName::Link(best.name)) {
            self.serve(cx, &ready);
        }
        cx.late(ready.late);
        let next = cx.do_without(&self.carry, best, &ready)?;
        self.note(cx, &ready);
        // What is in disorder is put in order when there is time.
        cx.common.untidy = Some(cx.now.mono);
        Some(next)
    }

    /// Looks at the directory again after a while, because something in it could not be read.
    fn reread(mut self, cx: &mut Cx<'_>, name: Name, fault: DiskFault) -> Renewal {
        self.rereads += 1;
        cx.report(Notice::FileUnreadable { name, fault });
        self.pause(cx)
    }
}
