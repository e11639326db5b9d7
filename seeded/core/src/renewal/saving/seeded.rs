//! Bugs of [`Saving`].

use super::{SaveStep, Saving};
use crate::common::Cx;
use crate::disk::{DiskCommand, DiskFault, Name};
use crate::event::Event;
use crate::renewal::{Attempt, Renewal};
use crate::seeded::{Bug, FIXED};
use crate::time::Span;

impl Saving {
    /// Whether the step that is under way is a directory sync.
    pub(crate) const fn syncs_directory(&self) -> bool {
        matches!(self.step, SaveStep::SyncDir | SaveStep::SyncRetired)
    }

    /// The name to write under first.
    pub(super) fn first_name(cx: &Cx<'_>, attempt: &Attempt, temporary: Name) -> Name {
        match (cx.seeded(), temporary.file()) {
            (Some(Bug::B36), _) => FIXED,
            (Some(Bug::B58 | Bug::B59), Some(file)) => Name::Pending { generation: attempt.generation, file },
            _ => temporary,
        }
    }

    pub(super) fn command_badly(&self) -> Option<DiskCommand> {
        let named = self.step == SaveStep::Rename && self.temporary == self.final_name();
        named.then_some(DiskCommand::SyncDir)
    }

    pub(super) fn answered_badly(
        mut self,
        cx: &mut Cx<'_>,
        result: &Result<(), DiskFault>,
    ) -> Option<Renewal> {
        let fault = *result.as_ref().err()?;
        let command = self.command(cx);
        match (cx.seeded()?, self.step) {
            (Bug::B33, SaveStep::Write | SaveStep::SyncFile) => {
                cx.report(Event::DiskFailed { command, fault, again_in: Span::ZERO });
            }
            (Bug::B34, SaveStep::SyncFile) if cx.common.directory.failures == 0 => {
                let _ = cx.disk_backoff();
                cx.report(Event::DiskFailed { command, fault, again_in: Span::ZERO });
                self.waiting = cx.disk(command);
                return Some(Renewal::Saving(self));
            }
            (Bug::B36, SaveStep::Create) if fault == DiskFault::Exists => {}
            _ => return None,
        }
        self.step = self.next(cx)?;
        self.waiting = cx.disk(self.command(cx));
        Some(Renewal::Saving(self))
    }
}
