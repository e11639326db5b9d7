//! Start-up, and the way back after a disk failure: the same procedure.

use crate::common::{Common, Cx, Outstanding};
use crate::disk::{DiskCommand, DiskDone, DiskFault, Name};
use crate::event::Event;
use crate::id::{CertHandle, KeyHandle};
use crate::input::{ExitReason, Why};
use crate::renewal::decide::Names;
use crate::renewal::{Carry, Outcome, Renewal, overdue};
use crate::time::MonoTime;

mod finish;
mod scanned;
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
    /// Whether it was at the last change of this run that the directory was synced; true for the first scan of a look only.
    assumed: bool,
    /// Whether leftovers are removed; not after that has failed.
    tidy: bool,
    /// Whether the removal of a temporary name failed last: then the directory is synced with it in there.
    stuck: bool,
    /// How often it was looked again at what could not be read.
    rereads: u8,
    /// What may still be written by an operation that was given up: the driver erases what nobody names.
    pub(crate) kept: Option<(KeyHandle, CertHandle)>,
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
            assumed: matches!(carry, Carry::Look(_)) && cx.common.disk_failures == 0,
            tidy: true,
            stuck: false,
            rereads: 0,
            kept: None,
            failed: false,
            again,
            stage,
        })
    }

    /// An operation of another phase failed: nothing more is changed before a scan has shown what is there.
    pub(crate) fn failed(cx: &mut Cx<'_>, command: DiskCommand, fault: DiskFault, carry: Carry) -> Renewal {
        let again = cx.disk_again();
        cx.report(Event::DiskFailed { command, fault, again_in: again.since(cx.now.mono) });
        Self::back(cx, carry, again).after_failure()
    }

    /// An operation of another phase was not answered. The scan is carried out after it, so it sees how it ended.
    pub(crate) fn timed_out(cx: &mut Cx<'_>, command: DiskCommand, carry: Carry) -> Renewal {
        let again = cx.disk_again();
        cx.report(Event::DiskTimedOut { command });
        Self::back(cx, carry, again).after_failure()
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
            assumed: false,
            tidy: true,
            failed: false,
            rereads,
            kept: None,
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
                cx.report(Event::DiskTimedOut { command: self.command() });
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
        self.again = cx.disk_again();
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
            cx.report(Event::DiskFailed { command, fault, again_in: phase.again.since(cx.now.mono) });
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
            Stage::Switching { temporary, .. } => DiskCommand::Rename { from: temporary, to: Name::Current },
        }
    }

    /// The operation that was outstanding is done: go on to the next, ask for it, and wait.
    fn done(mut self, cx: &mut Cx<'_>) -> Renewal {
        match self.stage {
            Stage::Unlinking { rest, leftovers, .. } => self.unlink(cx, rest, leftovers),
            Stage::Linking { temporary, .. } => {
                // The disk takes names again: the ordinary way is tried before what is on disk is served without it.
                self.failed &= matches!(self.carry, Carry::Certificate(..));
                let waiting = cx.disk(DiskCommand::Rename { from: temporary, to: Name::Current });
                self.stage = Stage::Switching { waiting, temporary };
                Renewal::Recovering(self)
            }
            Stage::Quarantining { from, to, .. } => {
                cx.report(Event::Quarantined { from, to });
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
}
