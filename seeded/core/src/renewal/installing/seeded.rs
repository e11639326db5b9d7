//! Bugs of [`Installing`].

use super::{InstallStep, Installing};
use crate::common::{Cx, Outstanding};
use crate::disk::{Content, DiskCommand, DiskFault, Name};
use crate::event::Event;
use crate::id::{CertHandle, FileNumber, OpId};
use crate::input::{ExitReason, Why};
use crate::renewal::{Attempt, Carry, Outcome, Recovering, Renewal, Resting};
use crate::seeded::{Bug, FIXED};
use crate::serving::Certificate;
use crate::time::Span;

impl Installing {
    /// Whether the step that is under way is a directory sync.
    pub(crate) const fn syncs_directory(&self) -> bool {
        matches!(self.step, InstallStep::SyncDir | InstallStep::SyncSwitch)
    }

    /// Begins with another command than it should, or another chain.
    pub(super) fn begun_badly(
        cx: &mut Cx<'_>,
        attempt: Attempt,
        certificate: Certificate,
        (file, link): (FileNumber, FileNumber),
    ) -> Option<Renewal> {
        let half = cx.bug(Bug::B31) && cx.common.serving.durable.identity().is_some();
        let waiting = Outstanding::new(OpId { run: cx.common.run, seq: 0 }, cx.now.mono);
        let mut phase =
            Self { attempt, certificate, file, link, step: InstallStep::Create, waiting, copies: None, half };
        if !half {
            phase.command_badly(cx)?;
        }
        phase.waiting = cx.disk(phase.command(cx));
        Some(Renewal::Installing(phase))
    }

    /// Never times out, or begins the next attempt.
    pub(super) fn ticked_badly(&self, cx: &mut Cx<'_>) -> Option<Outcome> {
        let due = cx.common.serving.durable.identity().is_none_or(|identity| identity.is_due(cx.now));
        match cx.seeded()? {
            Bug::B47 => Some(Err(Why::NotDue)),
            Bug::B19 if self.syncs_directory() && due => {
                Resting { not_before: cx.now.mono }.rotate_now(cx).ok().map(Ok)
            }
            _ => None,
        }
    }

    pub(super) fn command_badly(&self, cx: &Cx<'_>) -> Option<DiskCommand> {
        let (bug, step) = (cx.seeded()?, self.step);
        let name = match bug {
            Bug::B36 => FIXED,
            Bug::B58 | Bug::B59 => self.bundle(),
            _ => Name::Temporary { generation: self.attempt.generation, file: self.file },
        };
        let in_place = name == self.bundle();
        match (bug, step) {
            (Bug::B30, InstallStep::Symlink) => Some(DiskCommand::Unlink { name: Name::Current }),
            (Bug::B30, InstallStep::Switch) => {
                Some(DiskCommand::Symlink { name: Name::Current, target: self.bundle() })
            }
            (Bug::B32, InstallStep::Switch) if self.half => {
                cx.common.directory.linked().map(|name| DiskCommand::Unlink { name })
            }
            (Bug::F50, InstallStep::SyncFile) => Some(DiskCommand::SyncDir),
            (Bug::B31, InstallStep::Write) if self.half => {
                let cert = cx.common.serving.durable.identity()?.cert;
                Some(DiskCommand::Write { name, content: self.content(cert) })
            }
            (Bug::B36 | Bug::B58 | Bug::B59, InstallStep::Create) => Some(DiskCommand::Create { name }),
            (Bug::B36 | Bug::B58 | Bug::B59, InstallStep::Write) => {
                Some(DiskCommand::Write { name, content: self.content(self.certificate.cert) })
            }
            (Bug::B36 | Bug::B58 | Bug::B59, InstallStep::SyncFile) => Some(DiskCommand::SyncFile { name }),
            (Bug::B58 | Bug::B59, InstallStep::Rename) if in_place => Some(DiskCommand::SyncDir),
            (Bug::B36, InstallStep::Rename) => Some(DiskCommand::Rename { from: name, to: self.bundle() }),
            _ => None,
        }
    }

    fn content(&self, cert: CertHandle) -> Content {
        let (generation, key) = (self.attempt.generation, self.attempt.key);
        Content::Bundle { generation, key, cert, issued: self.certificate.issued }
    }

    pub(super) fn answered_badly(self, cx: &mut Cx<'_>, result: &Result<(), DiskFault>) -> Option<Renewal> {
        match result {
            Ok(()) => self.done_badly(cx),
            Err(fault) => self.failed_badly(cx, *fault),
        }
    }

    fn done_badly(self, cx: &mut Cx<'_>) -> Option<Renewal> {
        let live = cx.common.serving.durable.generation();
        match (cx.seeded()?, self.step) {
            (Bug::B29, InstallStep::Switch) => Some(self.switched().installed(cx)),
            (Bug::B31, InstallStep::SyncSwitch) if self.half => {
                let mut attempt = self.attempt;
                let (file, link) = (attempt.take_file(), attempt.take_file());
                let mut whole = Self { attempt, file, link, step: InstallStep::Create, half: false, ..self };
                whole.waiting = cx.disk(whole.command(cx));
                Some(Renewal::Installing(whole))
            }
            (Bug::B32, InstallStep::Switch) if !self.half && cx.common.directory.linked().is_some() => {
                let mut removing = Self { half: true, ..self };
                removing.waiting = cx.disk(removing.command(cx));
                Some(Renewal::Installing(removing))
            }
            (Bug::B35, InstallStep::Switch) if !cx.common.is_stopping => {
                let _ = self.switched().installed(cx);
                None
            }
            (Bug::B35, InstallStep::SyncSwitch) if live >= self.attempt.generation => {
                let resting = Resting::after_rotation(cx);
                Some(if cx.common.is_stopping {
                    cx.exit(ExitReason::Shutdown)
                } else {
                    Renewal::Resting(resting)
                })
            }
            (Bug::F50, InstallStep::Switch) => {
                cx.disk(DiskCommand::SyncFile { name: self.bundle() });
                None
            }
            (Bug::B46, InstallStep::SyncSwitch) => match self.installed(cx) {
                Renewal::Resting(resting) => Some(Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono)),
                other => Some(other),
            },
            _ => None,
        }
    }

    /// As if the switch were durable.
    fn switched(self) -> Self {
        Self { step: InstallStep::SyncSwitch, ..self }
    }

    fn failed_badly(mut self, cx: &mut Cx<'_>, fault: DiskFault) -> Option<Renewal> {
        let command = self.command(cx);
        match (cx.seeded()?, self.step) {
            (Bug::B33, InstallStep::Write | InstallStep::SyncFile) => {
                cx.report(Event::DiskFailed { command, fault, again_in: Span::ZERO });
            }
            (Bug::B34, InstallStep::SyncFile) if cx.common.directory.failures == 0 => {
                let _ = cx.disk_backoff();
                cx.report(Event::DiskFailed { command, fault, again_in: Span::ZERO });
                self.waiting = cx.disk(command);
                return Some(Renewal::Installing(self));
            }
            (Bug::B36, InstallStep::Create) if fault == DiskFault::Exists => {}
            (Bug::F56, _) if !cx.common.is_stopping => {
                let again_in = cx.disk_backoff();
                cx.report(Event::DiskFailed { command, fault, again_in });
                let resting = Resting { not_before: cx.after(again_in) };
                return Some(Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono));
            }
            _ => return None,
        }
        self.step = self.next(cx)?;
        self.waiting = cx.disk(self.command(cx));
        Some(Renewal::Installing(self))
    }
}
