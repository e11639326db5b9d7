//! The bundle, durable and then live.
//!
//! The order: create, write and **sync** a temporary name; rename it to the bundle's name; **sync the
//! directory**, without which the switch could leave the live name dangling; remove the pending file;
//! make the link under a temporary name; rename it onto the live name; **sync the directory**; go live.
//! Three syncs between certificate in hand and served; the removal rides on the last.
//!
//! A certificate that starts in the future is **held**: it is made durable under its final name, and there it waits.

use crate::common::{Cx, Outstanding};
use crate::disk::{Content, DiskCommand, DiskDone, DiskFault, Name, Place};
use crate::event::Event;
use crate::id::FileNumber;
use crate::input::{ExitReason, Why};
use crate::judge::{Refusal, judge_time};
use crate::live::{Certificate, Identity, Live};
use crate::renewal::decide::Copied;
use crate::renewal::{Attempt, Carry, Outcome, Recovering, Renewal, Resting, overdue};
use crate::waits::Early;

#[cfg(feature = "seeded")]
mod seeded;

/// Making the bundle durable and switching to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Installing {
    pub(crate) attempt: Attempt,
    pub(crate) certificate: Certificate,
    /// The bundle's file number; its temporary name has the same.
    file: FileNumber,
    /// The link's temporary file number.
    link: FileNumber,
    step: InstallStep,
    waiting: Outstanding,
    /// Whether it is the copy of a pair that was found.
    copies: Option<Copies>,
    /// Whether only half of what a bug does is done.
    #[cfg(feature = "seeded")]
    half: bool,
}

/// What is to be known of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Copies {
    place: Place,
    /// The rest that is gone on with; at start there is none.
    after: Option<Resting>,
}

/// The step whose answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum InstallStep {
    Create,
    Write,
    SyncFile,
    Rename,
    SyncDir,
    UnlinkPending,
    SyncHeld,
    Symlink,
    Switch,
    SyncSwitch,
}

impl Installing {
    pub(crate) fn begin(cx: &mut Cx<'_>, mut attempt: Attempt, certificate: Certificate) -> Renewal {
        if cx.common.is_untidy() {
            // As in `Saving::begin`.
            return Recovering::begin(cx, Carry::Certificate(attempt, certificate), cx.now.mono);
        }
        let (file, link) = (attempt.take_file(), attempt.take_file());
        #[cfg(feature = "seeded")]
        if let Some(next) = Self::begun_badly(cx, attempt, certificate, (file, link)) {
            return next;
        }
        Self::create(cx, (attempt, certificate), (file, link), None)
    }

    /// Copies a pair that was found. Whatever becomes of it, the directory is looked at afterwards.
    pub(crate) fn copy(cx: &mut Cx<'_>, copied: &Copied, after: Option<Resting>) -> Renewal {
        let Copied { mut attempt, certificate, place, .. } = *copied;
        cx.common.top = cx.common.top.max(attempt.generation);
        let (file, link) = (attempt.take_file(), attempt.take_file());
        Self::create(cx, (attempt, certificate), (file, link), Some(Copies { place, after }))
    }

    fn create(
        cx: &mut Cx<'_>,
        (attempt, certificate): (Attempt, Certificate),
        (file, link): (FileNumber, FileNumber),
        copies: Option<Copies>,
    ) -> Renewal {
        let name = Name::Temporary { generation: attempt.generation, file };
        let waiting = cx.disk(DiskCommand::Create { name });
        Renewal::Installing(Self {
            attempt,
            certificate,
            file,
            link,
            step: InstallStep::Create,
            waiting,
            copies,
            #[cfg(feature = "seeded")]
            half: false,
        })
    }

    /// The attempt, unless it is a copy that is made.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        if self.copies.is_some() { None } else { Some(&self.attempt) }
    }

    /// What is in memory only.
    fn carry(&self) -> Carry {
        match self.copies {
            None => Carry::Certificate(self.attempt, self.certificate),
            Some(Copies { after: None, .. }) => Carry::Nothing,
            Some(Copies { after: Some(resting), .. }) => Carry::Rest(resting),
        }
    }

    pub(crate) const fn waiting(self) -> Option<Outstanding> {
        Some(self.waiting)
    }

    /// The operation that is outstanding.
    pub(crate) fn under_way(&self, cx: &Cx<'_>) -> (Outstanding, DiskCommand) {
        (self.waiting, self.command(cx))
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        #[cfg(feature = "seeded")]
        if let Some(outcome) = self.ticked_badly(cx) {
            return outcome;
        }
        overdue(self.waiting, cx)?;
        let mut next = Recovering::timed_out(cx, self.command(cx), self.carry());
        if let Renewal::Recovering(phase) = &mut next {
            phase.kept = Some((self.attempt.key, self.certificate.cert));
        }
        Ok(next)
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
                    None => return Ok(self.installed(cx)),
                };
                self.waiting = cx.disk(self.command(cx));
                Ok(Renewal::Installing(self))
            }
            Err(fault) => {
                let command = self.command(cx);
                Ok(Recovering::failed(cx, command, fault, self.carry()))
            }
        }
    }

    /// The step after this one; as a side effect forgets what the step that ended has removed.
    fn next(&self, cx: &mut Cx<'_>) -> Option<InstallStep> {
        match self.step {
            InstallStep::Create => Some(InstallStep::Write),
            InstallStep::Write => Some(InstallStep::SyncFile),
            InstallStep::SyncFile => Some(InstallStep::Rename),
            InstallStep::Rename => Some(InstallStep::SyncDir),
            // A copy of what is live does not take the place of what was asked for since.
            InstallStep::SyncDir
                if cx.common.pending.is_some_and(|it| it.generation() <= Some(self.attempt.generation)) =>
            {
                Some(InstallStep::UnlinkPending)
            }
            InstallStep::SyncDir => self.linking(cx),
            InstallStep::UnlinkPending => {
                cx.common.pending = None;
                // Nothing follows soon that this removal could ride on (S12).
                self.linking(cx).or(Some(InstallStep::SyncHeld))
            }
            InstallStep::SyncHeld => None,
            InstallStep::Symlink => Some(InstallStep::Switch),
            InstallStep::Switch => Some(InstallStep::SyncSwitch),
            InstallStep::SyncSwitch => None,
        }
    }

    /// The link follows, unless the certificate has to wait for its start.
    fn linking(&self, cx: &Cx<'_>) -> Option<InstallStep> {
        (cx.now.wall >= self.certificate.not_before).then_some(InstallStep::Symlink)
    }

    fn command(&self, cx: &Cx<'_>) -> DiskCommand {
        #[cfg(feature = "seeded")]
        if let Some(command) = self.command_badly(cx) {
            return command;
        }
        let Attempt { generation, key, .. } = self.attempt;
        let Certificate { cert, issued, .. } = self.certificate;
        let name = Name::Temporary { generation, file: self.file };
        let link = Name::Temporary { generation, file: self.link };
        match self.step {
            InstallStep::Create => DiskCommand::Create { name },
            InstallStep::Write => {
                DiskCommand::Write { name, content: Content::Bundle { generation, key, cert, issued } }
            }
            InstallStep::SyncFile => DiskCommand::SyncFile { name },
            InstallStep::Rename => DiskCommand::Rename { from: name, to: self.bundle() },
            InstallStep::SyncDir | InstallStep::SyncHeld | InstallStep::SyncSwitch => DiskCommand::SyncDir,
            InstallStep::UnlinkPending => match cx.common.pending {
                Some(name) => DiskCommand::Unlink { name },
                None => DiskCommand::SyncDir,
            },
            InstallStep::Symlink => DiskCommand::Symlink { name: link, target: self.bundle() },
            InstallStep::Switch => DiskCommand::Rename { from: link, to: Name::Current },
        }
    }

    fn bundle(&self) -> Name {
        let issued = self.certificate.issued.whole_second();
        Name::Bundle { issued, generation: self.attempt.generation, file: self.file }
    }

    /// The bundle is durable, and so is the switch if there was one: serve it, or hold it.
    fn installed(self, cx: &mut Cx<'_>) -> Renewal {
        let Certificate { not_before, not_after, .. } = self.certificate;
        if matches!(cx.common.live, Live::Withdrawn(over) if over >= self.attempt.generation) {
            // It was served from memory, and ended so; the clock went back since (S14).
            let (resting, _) = Resting::late(cx, self.attempt.generation);
            return Recovering::back(cx, Carry::Rest(resting), cx.now.mono);
        }
        match judge_time(cx.now.wall, not_before, not_after) {
            Err(_) if self.copies.is_some() => return Recovering::back(cx, self.carry(), cx.now.mono),
            Err(Refusal::NotYetValid { .. }) if cx.common.is_held(not_before, cx.now.wall) => {
                return self.held(cx);
            }
            // It is served from memory, so it was accepted; a clock that went back since does not undo that.
            Err(Refusal::NotYetValid { .. }) if self.is_served(cx) => {
                (cx.common.disk_failures, cx.common.call_failures) = (0, 0);
                return Recovering::back(cx, Carry::Rest(Resting::without_wait(cx)), cx.now.mono);
            }
            Err(refusal) => return self.too_late(cx, refusal),
            // It started while its pending file was removed.
            Ok(()) if self.step != InstallStep::SyncSwitch => return self.held(cx),
            Ok(()) => {}
        }
        let place = (self.bundle(), self.attempt.generation, self.attempt.key);
        let identity = Identity::new(cx.common.timing(), cx.now, place, &self.certificate);
        let same = cx.common.uses(&identity.leaf);
        cx.go_live(identity);
        if let Some(Copies { place, .. }) = self.copies {
            cx.report(Event::Adopted { generation: self.attempt.generation, place });
            cx.common.disk_failures = 0;
            let carry = match self.carry() {
                // A wait from before may outlast what was not served before.
                Carry::Rest(_) if !same => Carry::Rest(Resting::without_wait(cx)),
                other => other,
            };
            return Recovering::back(cx, carry, cx.now.mono);
        }
        let resting = Resting::installed(cx);
        if cx.common.stopping {
            return cx.exit(ExitReason::Shutdown);
        }
        // It was judged by another template; its bundle shows whether it fits the one of now.
        if self.certificate.old_template {
            Recovering::begin(cx, Carry::Rest(resting), cx.now.mono)
        } else {
            Renewal::Resting(resting)
        }
    }

    /// Whether it was served before it was durable.
    fn is_served(&self, cx: &Cx<'_>) -> bool {
        cx.common.unsaved.is_some_and(|unsaved| unsaved.generation == self.attempt.generation)
    }

    /// It waits under its final name. What is live stays so; where the switch was made already, the clock went back in the
    /// middle, and the live name is pointed back to it.
    fn held(self, cx: &mut Cx<'_>) -> Renewal {
        let (generation, not_before) = (self.attempt.generation, self.certificate.not_before);
        let old_template = self.certificate.old_template;
        if !old_template {
            cx.report(Event::Held { generation, not_before });
        }
        (cx.common.disk_failures, cx.common.call_failures) = (0, 0);
        cx.hold(Some(Early { generation, start: not_before, old_template, other: None }));
        let resting = Resting::without_wait(cx);
        // What was judged by another template may fit the one of now, which its bundle shows.
        if self.step == InstallStep::SyncSwitch || old_template {
            return Recovering::back(cx, Carry::Rest(resting), cx.now.mono);
        }
        // If it is given up, the next key takes its place.
        if cx.common.previous.replace(self.bundle()).is_some() {
            cx.common.untidy = Some(cx.now.mono);
        }
        if cx.common.stopping { cx.exit(ExitReason::Shutdown) } else { Renewal::Resting(resting) }
    }

    /// It ended, or the clock went back far behind its start, while it was made durable. What is live stays
    /// so, and the live name is pointed back to it.
    fn too_late(self, cx: &mut Cx<'_>, refusal: Refusal) -> Renewal {
        let (resting, again_in) = Resting::late(cx, self.attempt.generation);
        let request = self.attempt.request;
        cx.report(Event::CertificateRefused { request, refusal, again_in });
        Recovering::back(cx, Carry::Rest(resting), cx.now.mono)
    }
}
