//! Start-up and the recovery from a disk failure: the same procedure.

use crate::common::{Common, Cx, Outstanding};
use crate::disk::{Content, DiskCommand, DiskDone, DiskFault, Name};
use crate::event::Event;
use crate::id::{CertHandle, KeyHandle};
use crate::input::{ExitReason, Why};
use crate::renewal::decide::Names;
use crate::renewal::{Carry, Outcome, Renewal, Resting, overdue};
use crate::time::MonoTime;
use crate::view;
use change::Change;

mod change;
mod finish;
mod not_yet_valid;
mod scanned;

/// How often an unreadable file is scanned again before the decision does without it.
const REREADS: u8 = 3;

/// With fewer names than this in the directory, the node renews beside stale files whose removal has no effect. A scan lists 64, and
/// the newest must be among them.
const MOST_NAMES: usize = 48;

/// Scanning the directory and putting it in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Recovering {
    /// A request or certificate in memory only, resumed at the end.
    pub(crate) carry: Carry,
    /// Whether the directory was synced since the last change that this run knows of. Nothing that a scan shows is trusted
    /// before: a rename that is not durable is visible all the same.
    is_synced: bool,
    /// Whether the first scan may assume so: in a rescan before an attempt, this run has changed nothing since its last sync.
    assumes_synced: bool,
    /// Whether stale files are removed. Cleared when a removal failed: they must not keep the node from renewing.
    can_clean: bool,
    /// Whether the removal of a temporary name failed last. Then the directory is synced with the name in it.
    is_stuck: bool,
    /// How often an unreadable file was scanned again.
    rereads: u8,
    /// The first change since the last scan that was answered as done. The next scan must show it.
    changed: Option<Change>,
    /// Whether a removal was answered as done last, and a scan did not show it.
    is_without_effect: bool,
    /// Whether a disk operation failed, so that the last resorts of [`crate::in_memory`] are allowed. Set by a failure or a
    /// time-out, cleared when the disk takes changes again.
    pub(crate) has_failed: bool,
    /// The end of the backoff: nothing is created before.
    again: MonoTime,
    stage: Stage,
}

/// The key and the certificate of an operation that was given up and may still write them. The driver must not erase them before
/// a scan is answered, which is carried out after it.
pub(crate) type GivenUp = Option<(KeyHandle, CertHandle)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Waiting for a scan.
    Scanning { waiting: Outstanding, given_up: GivenUp },
    /// Removing names; the first one is in flight.
    Unlinking { waiting: Outstanding, names: Names },
    /// Moving a corrupt file aside.
    Quarantining { waiting: Outstanding, from: Name, to: Name },
    /// Making the link under a temporary name.
    Linking { waiting: Outstanding, temporary: Name, target: Name },
    /// Renaming it onto the current link.
    Switching { waiting: Outstanding, temporary: Name, target: Name },
    /// Syncing the directory.
    Syncing(Outstanding),
    /// Waiting for the operation that was in flight when the configuration changed. The scan that follows shows its outcome.
    Ending { waiting: Outstanding, command: DiskCommand },
    /// Waiting until `again`, then scanning.
    Pausing { given_up: GivenUp },
}

impl Recovering {
    /// Scans the directory; creates nothing before `again`.
    pub(crate) fn begin(cx: &mut Cx<'_>, carry: Carry, again: MonoTime) -> Renewal {
        let stage = Stage::Scanning { waiting: cx.disk(DiskCommand::Scan), given_up: None };
        let assumes_synced = matches!(carry, Carry::Rescan(_)) && cx.common.directory.failures == 0;
        Renewal::Recovering(Self { assumes_synced, ..Self::new(carry, again, stage) })
    }

    const fn new(carry: Carry, again: MonoTime, stage: Stage) -> Self {
        Self {
            carry,
            is_synced: false,
            assumes_synced: false,
            can_clean: true,
            is_stuck: false,
            is_without_effect: false,
            rereads: 0,
            changed: None,
            has_failed: false,
            again,
            stage,
        }
    }

    /// How many stale files may stay. One that cannot be removed does no harm; with more of them the disk would fill up (S12). Where
    /// removals have no effect, nothing can be done about them: the node renews beside them.
    const fn most_stale(&self) -> usize {
        match (self.is_without_effect, self.can_clean) {
            (true, _) => usize::MAX,
            (false, true) => 0,
            (false, false) => 1,
        }
    }

    /// Recovers from a failed operation of another phase: nothing more is changed before a scan has shown the directory.
    pub(crate) fn after_fault(
        cx: &mut Cx<'_>,
        command: DiskCommand,
        fault: DiskFault,
        carry: Carry,
    ) -> Renewal {
        let again = cx.next_disk_try();
        cx.report(Event::DiskFailed { command, fault, again_in: again.since(cx.now.mono) });
        Self::rescan(cx, carry, again).after_failure(None)
    }

    /// Recovers from an unanswered operation of another phase. The driver carries out the scan after it, so the scan shows its
    /// outcome.
    pub(crate) fn after_timeout(
        cx: &mut Cx<'_>,
        command: DiskCommand,
        carry: Carry,
        given_up: GivenUp,
    ) -> Renewal {
        let again = cx.next_disk_try();
        cx.report(Event::DiskTimedOut { command });
        Self::rescan(cx, carry, again).after_failure(given_up)
    }

    /// Scans the directory, unless a shutdown was requested.
    pub(crate) fn rescan(cx: &mut Cx<'_>, carry: Carry, again: MonoTime) -> Renewal {
        if cx.common.is_stopping { cx.exit(ExitReason::Shutdown) } else { Self::begin(cx, carry, again) }
    }

    /// Marks a recovery that begins after a failure.
    pub(crate) const fn with_failure(mut self, given_up: GivenUp) -> Self {
        self.has_failed = true;
        if let Stage::Scanning { waiting, .. } = self.stage {
            self.stage = Stage::Scanning { waiting, given_up };
        }
        self
    }

    /// Scans the directory after the operation that an abandoned phase has in flight.
    pub(crate) fn after_operation(
        in_flight: (Outstanding, DiskCommand),
        carry: Carry,
        again: MonoTime,
    ) -> Renewal {
        let (waiting, command) = in_flight;
        Renewal::Recovering(Self::new(carry, again, Stage::Ending { waiting, command }))
    }

    /// The key and the certificate that an operation which was given up may still write.
    pub(crate) const fn given_up(&self) -> GivenUp {
        match self.stage {
            Stage::Scanning { given_up, .. } | Stage::Pausing { given_up } => given_up,
            Stage::Unlinking { .. }
            | Stage::Quarantining { .. }
            | Stage::Linking { .. }
            | Stage::Switching { .. }
            | Stage::Syncing(_)
            | Stage::Ending { .. } => None,
        }
    }

    /// Abandons the last decision, because the configuration changed. A scan in flight is as good as a fresh one.
    pub(crate) fn interrupted(mut self) -> Renewal {
        match (self.stage, self.waiting()) {
            (Stage::Scanning { .. } | Stage::Pausing { .. }, _) | (_, None) => {}
            // The next scan decides anew on the names that were still to be removed.
            (_, Some(waiting)) => {
                (self.stage, self.can_clean) = (Stage::Ending { waiting, command: self.command() }, true)
            }
        }
        Renewal::Recovering(self)
    }

    /// Returns the step in the terms of [`crate::view::View`].
    pub(crate) const fn stage(&self) -> view::Stage {
        match self.stage {
            Stage::Scanning { .. } => view::Stage::Scanning,
            Stage::Unlinking { .. } => view::Stage::RemovingFiles,
            Stage::Quarantining { .. } => view::Stage::Quarantining,
            Stage::Linking { .. } => view::Stage::Linking,
            Stage::Switching { .. } => view::Stage::Switching,
            Stage::Syncing { .. } => view::Stage::SyncingDirectory,
            Stage::Ending { .. } => view::Stage::DrainingOperation,
            Stage::Pausing { .. } => view::Stage::Pausing,
        }
    }

    pub(crate) fn waiting(self) -> Option<Outstanding> {
        match self.stage {
            Stage::Scanning { waiting, .. }
            | Stage::Syncing(waiting)
            | Stage::Unlinking { waiting, .. }
            | Stage::Quarantining { waiting, .. }
            | Stage::Linking { waiting, .. }
            | Stage::Switching { waiting, .. }
            | Stage::Ending { waiting, .. } => Some(waiting),
            Stage::Pausing { .. } => None,
        }
    }

    pub(crate) fn wake(self, common: &Common) -> MonoTime {
        let implausible = common.gates.is_clock_invalid.then(|| common.opens_at());
        self.waiting().map_or(implausible.unwrap_or_default().max(self.again), |waiting| waiting.due)
    }

    pub(crate) fn tick(mut self, cx: &mut Cx<'_>) -> Outcome {
        match self.waiting() {
            Some(waiting) => {
                overdue(waiting, cx)?;
                cx.report(Event::DiskTimedOut { command: self.command() });
                self.has_failed |= self.is_set_back();
                Ok(self.pause(cx))
            }
            None if cx.common.gates.is_clock_invalid => Err(Why::NotDue),
            None if cx.now.mono >= self.again => {
                self.is_synced = false;
                Ok(self.scan(cx))
            }
            None => Err(Why::NotDue),
        }
    }

    pub(crate) fn answered(self, cx: &mut Cx<'_>, result: Result<DiskDone, DiskFault>) -> Outcome {
        let scanning = matches!(self.stage, Stage::Scanning { .. });
        let result = match result {
            Ok(DiskDone::Done) if scanning => Err(DiskFault::WrongKind),
            Ok(DiskDone::Scanned(_)) if !scanning => Err(DiskFault::WrongKind),
            other => other,
        };
        if cx.common.is_stopping {
            return Ok(cx.exit(ExitReason::Shutdown));
        }
        match result {
            Ok(DiskDone::Scanned(_)) if cx.common.gates.is_clock_invalid => {
                // A clock that shows less than when this was built judges nothing, and nothing is changed by it.
                Ok(Renewal::Recovering(self.paused()))
            }
            Ok(DiskDone::Scanned(inventory)) => Ok(self.scanned(cx, &inventory)),
            Ok(DiskDone::Done) => Ok(self.done(cx)),
            Err(fault) => Ok(self.without_lost_attempt(cx, fault).retry_after_fault(cx, fault)),
        }
    }

    /// Retires the carried attempt if the operation failed because the driver lost the attempt's key or certificate.
    fn without_lost_attempt(mut self, cx: &mut Cx<'_>, fault: DiskFault) -> Self {
        let DiskCommand::Write {
            content: Content::Pending { key, .. } | Content::Bundle { key, .. }, ..
        } = self.command()
        else {
            return self;
        };
        let lost = match (fault, self.carry) {
            (DiskFault::HandleGone, Carry::Request(attempt) | Carry::Certificate(attempt, _)) => {
                Some(attempt).filter(|attempt| attempt.key == key)
            }
            _ => None,
        };
        if let Some(attempt) = lost {
            self.carry = Carry::Rest(Resting::after_lost_handle(cx, &attempt));
        }
        self
    }

    fn scan(mut self, cx: &mut Cx<'_>) -> Renewal {
        let given_up = self.given_up();
        self.stage = Stage::Scanning { waiting: cx.disk(DiskCommand::Scan), given_up };
        Renewal::Recovering(self)
    }

    /// Backs off, then scans.
    fn pause(mut self, cx: &mut Cx<'_>) -> Renewal {
        if cx.common.is_stopping {
            return cx.exit(ExitReason::Shutdown);
        }
        self.again = cx.next_disk_try();
        // A sequence that was cut short is tried again as a whole.
        self.changed = None;
        Renewal::Recovering(self.paused())
    }

    /// Waits until the backoff is over, then scans.
    const fn paused(mut self) -> Self {
        self.stage = Stage::Pausing { given_up: self.given_up() };
        self
    }

    fn retry_after_fault(mut self, cx: &mut Cx<'_>, fault: DiskFault) -> Renewal {
        // When a scan succeeds, the disk that refused it is another's: the ordinary way is tried first.
        self.has_failed |= self.is_set_back();
        let command = self.command();
        self.retry_after(cx, command, fault)
    }

    /// Backs off after this command failed.
    fn retry_after(mut self, cx: &mut Cx<'_>, command: DiskCommand, fault: DiskFault) -> Renewal {
        // A stale file must not keep the node from renewing.
        self.is_stuck = matches!(command, DiskCommand::Unlink { name: Name::Temporary { .. } });
        let is_removal = matches!(command, DiskCommand::Unlink { .. });
        self.is_without_effect = fault == DiskFault::NoEffect && is_removal;
        self.can_clean &= !self.is_without_effect && (self.is_stuck || !is_removal);
        let paused = self.pause(cx);
        if let Renewal::Recovering(phase) = &paused {
            cx.report(Event::DiskFailed { command, fault, again_in: phase.again.since(cx.now.mono) });
        }
        paused
    }

    /// Whether a failure now tells of more than a scan that has to be repeated.
    fn is_set_back(&self) -> bool {
        !matches!(self.stage, Stage::Scanning { .. }) || matches!(self.carry, Carry::Certificate(..))
    }

    /// The operation that is outstanding.
    fn command(&self) -> DiskCommand {
        match self.stage {
            Stage::Scanning { .. } | Stage::Pausing { .. } => DiskCommand::Scan,
            Stage::Ending { command, .. } => command,
            Stage::Syncing(_) => DiskCommand::SyncDir,
            Stage::Unlinking { names, .. } => {
                names.first().map_or(DiskCommand::SyncDir, |name| DiskCommand::Unlink { name })
            }
            Stage::Quarantining { from, to, .. } => DiskCommand::Rename { from, to },
            Stage::Linking { temporary, target, .. } => DiskCommand::Symlink { name: temporary, target },
            Stage::Switching { temporary, .. } => DiskCommand::Rename { from: temporary, to: Name::Current },
        }
    }

    /// The operation that was outstanding is done: go on to the next, request it, and wait.
    fn done(mut self, cx: &mut Cx<'_>) -> Renewal {
        self.record_change();
        match self.stage {
            Stage::Unlinking { names, .. } => self.unlink(cx, names.rest()),
            Stage::Linking { temporary, target, .. } => {
                // The disk takes changes again: the ordinary way is tried before an identity goes live in memory.
                self.has_failed &= matches!(self.carry, Carry::Certificate(..));
                let waiting = cx.disk(DiskCommand::Rename { from: temporary, to: Name::Current });
                self.stage = Stage::Switching { waiting, temporary, target };
                Renewal::Recovering(self)
            }
            Stage::Quarantining { from, to, .. } => {
                cx.report(Event::Quarantined { from, to });
                self.sync(cx)
            }
            Stage::Switching { .. } => self.sync(cx),
            Stage::Syncing(_) => {
                self.is_synced = true;
                self.scan(cx)
            }
            Stage::Scanning { .. } | Stage::Pausing { .. } | Stage::Ending { .. } => self.scan(cx),
        }
    }

    /// Remembers the change that was answered as done. One is enough: each pass shows one that had
    /// no effect.
    fn record_change(&mut self) {
        let change = match self.stage {
            Stage::Unlinking { names, .. } => names.first().map(Change::Removed),
            Stage::Quarantining { from, to, .. } => Some(Change::quarantined(from, to)),
            Stage::Switching { temporary, target, .. } => Some(Change::linked(target, temporary)),
            Stage::Scanning { .. }
            | Stage::Pausing { .. }
            | Stage::Ending { .. }
            | Stage::Linking { .. }
            | Stage::Syncing(_) => None,
        };
        self.changed = self.changed.or(change);
    }

    fn unlink(mut self, cx: &mut Cx<'_>, names: Names) -> Renewal {
        match names.first() {
            None => self.sync(cx),
            Some(name) => {
                self.is_synced = false;
                let waiting = cx.disk(DiskCommand::Unlink { name });
                self.stage = Stage::Unlinking { waiting, names };
                Renewal::Recovering(self)
            }
        }
    }

    fn sync(mut self, cx: &mut Cx<'_>) -> Renewal {
        self.is_synced = false;
        self.stage = Stage::Syncing(cx.disk(DiskCommand::SyncDir));
        Renewal::Recovering(self)
    }
}
