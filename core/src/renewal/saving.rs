//! The pending file: durable before the request is sent.
//!
//! The order: create, write and **sync** a temporary name; rename it to the pending name; remove the
//! generation before the live one; **sync the directory**, which also shows that the store is writable before a
//! certificate is requested. Where a retired key's pending file is in the way, remove it and sync the directory once
//! more: attempt after attempt would leave one more in a crash image otherwise (S12).

use crate::common::{Cx, Outstanding};
use crate::disk::{Content, DiskCommand, DiskFault, Name};
use crate::input::ExitReason;
use crate::renewal::{Asking, Attempt, Carry, Outcome, Recovering, Renewal, Resting, overdue};
use crate::view::Stage;

/// Making the pending file durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Saving {
    pub(crate) attempt: Attempt,
    temporary: Name,
    step: SaveStep,
    waiting: Outstanding,
}

/// The step whose answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum SaveStep {
    Create,
    Write,
    SyncFile,
    Rename,
    UnlinkPrevious,
    SyncDir,
    UnlinkRetired,
    SyncRetired,
}

impl Saving {
    pub(crate) fn begin(cx: &mut Cx<'_>, mut attempt: Attempt) -> Renewal {
        if cx.common.needs_cleanup() {
            // A request in memory left stale files. They are removed before another file is created (S12).
            return Recovering::begin(cx, Carry::Request(attempt), cx.now.mono);
        }
        let temporary = attempt.temporary();
        let waiting = cx.disk(DiskCommand::Create { name: temporary });
        Renewal::Saving(Self { attempt, temporary, step: SaveStep::Create, waiting })
    }

    /// Returns the step in the terms of [`crate::view::View`].
    pub(crate) const fn stage(&self) -> Stage {
        match self.step {
            SaveStep::Create => Stage::CreatingFile,
            SaveStep::Write => Stage::WritingFile,
            SaveStep::SyncFile => Stage::SyncingFile,
            SaveStep::Rename => Stage::RenamingFile,
            SaveStep::UnlinkPrevious => Stage::RemovingPrevious,
            SaveStep::SyncDir => Stage::SyncingDirectory,
            SaveStep::UnlinkRetired => Stage::RemovingRetired,
            SaveStep::SyncRetired => Stage::SyncingRetired,
        }
    }

    pub(crate) const fn waiting(self) -> Option<Outstanding> {
        Some(self.waiting)
    }

    /// Returns the operation in flight.
    pub(crate) fn in_flight(&self, cx: &Cx<'_>) -> (Outstanding, DiskCommand) {
        (self.waiting, self.command(cx))
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        overdue(self.waiting, cx)?;
        Ok(Recovering::after_timeout(cx, self.command(cx), Carry::Request(self.attempt), None))
    }

    pub(crate) fn answered(mut self, cx: &mut Cx<'_>, result: Result<(), DiskFault>) -> Outcome {
        match result {
            Ok(()) => {
                self.step = match self.next(cx) {
                    Some(step) => step,
                    None => return Ok(self.saved(cx)),
                };
                self.waiting = cx.disk(self.command(cx));
                Ok(Renewal::Saving(self))
            }
            Err(DiskFault::HandleGone) => {
                let resting = Resting::after_lost_handle(cx, &self.attempt);
                Ok(Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono))
            }
            // After a failed directory sync it is unknown which entries are durable. Nothing after it is done before a scan and a
            // sync that succeeds.
            Err(fault) => {
                Ok(Recovering::after_fault(cx, self.command(cx), fault, Carry::Request(self.attempt)))
            }
        }
    }

    /// Returns the step after this one, and forgets the name that this one removed.
    fn next(&self, cx: &mut Cx<'_>) -> Option<SaveStep> {
        match self.step {
            SaveStep::Create => Some(SaveStep::Write),
            SaveStep::Write => Some(SaveStep::SyncFile),
            SaveStep::SyncFile => Some(SaveStep::Rename),
            SaveStep::Rename
                if cx.common.directory.previous().is_some_and(|name| !cx.common.is_live_bundle(name)) =>
            {
                Some(SaveStep::UnlinkPrevious)
            }
            SaveStep::Rename => Some(SaveStep::SyncDir),
            SaveStep::UnlinkPrevious => {
                cx.common.directory.forget_previous();
                Some(SaveStep::SyncDir)
            }
            SaveStep::SyncDir if cx.common.directory.pending.is_some() => Some(SaveStep::UnlinkRetired),
            SaveStep::SyncDir => None,
            SaveStep::UnlinkRetired => {
                cx.common.directory.pending = None;
                Some(SaveStep::SyncRetired)
            }
            SaveStep::SyncRetired => None,
        }
    }

    fn command(&self, cx: &Cx<'_>) -> DiskCommand {
        let Attempt { generation, key, made, .. } = self.attempt;
        let name = self.temporary;
        match self.step {
            SaveStep::Create => DiskCommand::Create { name },
            SaveStep::Write => {
                DiskCommand::Write { name, content: Content::Pending { generation, key, made } }
            }
            SaveStep::SyncFile => DiskCommand::SyncFile { name },
            SaveStep::Rename => DiskCommand::Rename { from: name, to: self.final_name() },
            SaveStep::UnlinkPrevious => unlink_or_sync(cx.common.directory.previous()),
            SaveStep::SyncDir | SaveStep::SyncRetired => DiskCommand::SyncDir,
            SaveStep::UnlinkRetired => unlink_or_sync(cx.common.directory.pending),
        }
    }

    /// The final name has the temporary one's number, which no other file of the generation has.
    fn final_name(&self) -> Name {
        let file = self.temporary.file().unwrap_or_default();
        Name::Pending { generation: self.attempt.generation, file }
    }

    fn saved(self, cx: &mut Cx<'_>) -> Renewal {
        cx.common.directory.failures = 0;
        cx.common.directory.pending = Some(self.final_name());
        if cx.common.is_stopping {
            return cx.exit(ExitReason::Shutdown);
        }
        Asking::begin(cx, self.attempt)
    }
}

/// The command to remove a name. Without a name: a directory sync, which changes nothing.
fn unlink_or_sync(name: Option<Name>) -> DiskCommand {
    name.map_or(DiskCommand::SyncDir, |name| DiskCommand::Unlink { name })
}
