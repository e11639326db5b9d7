//! The pending file, durable before anything is asked.
//!
//! The order: create, write and **sync** a temporary name; rename it to the pending name; remove the
//! generation before the live one; **sync the directory**, which also shows that the store is writable before a
//! certificate is asked for. Where a retired key's pending file is in the way, remove it and sync the directory once
//! more: attempt after attempt would leave one more in a crash image otherwise (S12).

use crate::common::{Cx, Outstanding};
use crate::disk::{Content, DiskCommand, DiskDone, DiskFault, Name};
use crate::input::{ExitReason, Why};
use crate::renewal::{Asking, Attempt, Carry, Outcome, Recovering, Renewal, overdue};

#[cfg(feature = "seeded")]
mod seeded;

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
        if cx.common.is_untidy() {
            // What a request in memory left in disorder is put in order before anything is created (S12).
            return Recovering::begin(cx, Carry::Request(attempt), cx.now.mono);
        }
        let temporary = attempt.temporary();
        #[cfg(feature = "seeded")]
        let temporary = Self::first_name(cx, &attempt, temporary);
        let waiting = cx.disk(DiskCommand::Create { name: temporary });
        Renewal::Saving(Self { attempt, temporary, step: SaveStep::Create, waiting })
    }

    pub(crate) const fn waiting(self) -> Option<Outstanding> {
        Some(self.waiting)
    }

    /// The operation that is outstanding.
    pub(crate) fn under_way(&self, cx: &Cx<'_>) -> (Outstanding, DiskCommand) {
        (self.waiting, self.command(cx))
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        overdue(self.waiting, cx)?;
        Ok(Recovering::timed_out(cx, self.command(cx), Carry::Request(self.attempt)))
    }

    pub(crate) fn answered(mut self, cx: &mut Cx<'_>, result: Result<DiskDone, DiskFault>) -> Outcome {
        #[cfg(feature = "seeded")]
        if let Some(next) = self.answered_badly(cx, &result) {
            return Ok(next);
        }
        match result {
            Ok(DiskDone::Scanned(_)) => Err(Why::WrongKind),
            Ok(DiskDone::Done) => {
                self.step = match self.next(cx) {
                    Some(step) => step,
                    None => return Ok(self.saved(cx)),
                };
                self.waiting = cx.disk(self.command(cx));
                Ok(Renewal::Saving(self))
            }
            // A failed directory sync leaves the entries pending: it is repeated, and nothing after it is done.
            // Everything else starts over from what is seen on disk.
            Err(fault) => Ok(Recovering::failed(cx, self.command(cx), fault, Carry::Request(self.attempt))),
        }
    }

    /// The step after this one; as a side effect forgets what the step that ended has removed.
    fn next(&self, cx: &mut Cx<'_>) -> Option<SaveStep> {
        match self.step {
            SaveStep::Create => Some(SaveStep::Write),
            SaveStep::Write => Some(SaveStep::SyncFile),
            SaveStep::SyncFile => Some(SaveStep::Rename),
            SaveStep::Rename if cx.common.previous.is_some_and(|name| !cx.common.is_live(name)) => {
                Some(SaveStep::UnlinkPrevious)
            }
            SaveStep::Rename => Some(SaveStep::SyncDir),
            SaveStep::UnlinkPrevious => {
                cx.common.previous = None;
                Some(SaveStep::SyncDir)
            }
            SaveStep::SyncDir if cx.common.pending.is_some() => Some(SaveStep::UnlinkRetired),
            SaveStep::SyncDir => None,
            SaveStep::UnlinkRetired => {
                cx.common.pending = None;
                Some(SaveStep::SyncRetired)
            }
            SaveStep::SyncRetired => None,
        }
    }

    fn command(&self, cx: &Cx<'_>) -> DiskCommand {
        #[cfg(feature = "seeded")]
        if let Some(command) = self.command_badly() {
            return command;
        }
        let Attempt { generation, key, made, .. } = self.attempt;
        let name = self.temporary;
        match self.step {
            SaveStep::Create => DiskCommand::Create { name },
            SaveStep::Write => {
                DiskCommand::Write { name, content: Content::Pending { generation, key, made } }
            }
            SaveStep::SyncFile => DiskCommand::SyncFile { name },
            SaveStep::Rename => DiskCommand::Rename { from: name, to: self.final_name() },
            SaveStep::UnlinkPrevious => unlink_or_sync(cx.common.previous),
            SaveStep::SyncDir | SaveStep::SyncRetired => DiskCommand::SyncDir,
            SaveStep::UnlinkRetired => unlink_or_sync(cx.common.pending),
        }
    }

    /// The final name has the temporary one's number, which no other file of the generation has.
    fn final_name(&self) -> Name {
        let file = self.temporary.file().unwrap_or_default();
        Name::Pending { generation: self.attempt.generation, file }
    }

    fn saved(self, cx: &mut Cx<'_>) -> Renewal {
        cx.common.disk_failures = 0;
        cx.common.pending = Some(self.final_name());
        if cx.common.stopping {
            return cx.exit(ExitReason::Shutdown);
        }
        Asking::begin(cx, self.attempt)
    }
}

/// Removing nothing is no system call; a directory sync harms nobody.
fn unlink_or_sync(name: Option<Name>) -> DiskCommand {
    name.map_or(DiskCommand::SyncDir, |name| DiskCommand::Unlink { name })
}
