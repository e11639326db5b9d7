//! The bundle: durable first, then live.
//!
//! The order: create, write and **sync** a temporary name; rename it to the bundle's name; **sync the
//! directory**, without which a power cut after the switch could leave the current link dangling; make the link under a
//! temporary name; rename it onto the current link; remove the pending file; **sync the directory**; go live.
//! Two syncs stand between the answer and the switch, three between the answer and the live identity. The last one covers the
//! removal, too. The removal follows the switch: on ext4 it takes as long as a sync, and readers need not wait for it.
//!
//! A certificate that is not yet valid is **held**: it is made durable under its final name and waits there.

use crate::common::gates::NotYetValid;
use crate::common::{Cx, Outstanding};
use crate::disk::{Content, DiskCommand, DiskFault, Name, Place};
use crate::event::Event;
use crate::id::FileNumber;
use crate::input::ExitReason;
use crate::judge::{Refusal, judge_time};
use crate::renewal::decide::Copied;
use crate::renewal::{Attempt, Carry, Outcome, Recovering, Renewal, Resting, overdue};
use crate::serving::{Certificate, Identity, Live};
use crate::view::Stage;

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
    /// Whether the bundle is the copy of a found pair.
    copies: Option<Copies>,
}

/// The origin of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Copies {
    place: Place,
    /// The backoff that continues afterwards; at start there is none.
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
    /// The certificate is held: nothing links it.
    UnlinkHeld,
    SyncHeld,
    Symlink,
    Switch,
    UnlinkPending,
    SyncSwitch,
}

impl Installing {
    pub(crate) fn begin(cx: &mut Cx<'_>, mut attempt: Attempt, certificate: Certificate) -> Renewal {
        if cx.common.needs_cleanup() {
            // As in `Saving::begin`.
            return Recovering::begin(cx, Carry::Certificate(attempt, certificate), cx.now.mono);
        }
        let (file, link) = (attempt.take_file(), attempt.take_file());
        Self::create(cx, (attempt, certificate), (file, link), None)
    }

    /// Copies a found pair. Whatever the outcome, the directory is scanned afterwards.
    pub(crate) fn copy(cx: &mut Cx<'_>, copied: &Copied, after: Option<Resting>) -> Renewal {
        let Copied { mut attempt, certificate, place, .. } = *copied;
        cx.common.generations.record_used(attempt.generation);
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
        })
    }

    /// Returns the attempt, unless the bundle is a copy.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        if self.copies.is_some() { None } else { Some(&self.attempt) }
    }

    /// The part that is in memory only.
    fn carry(&self) -> Carry {
        match self.copies {
            None => Carry::Certificate(self.attempt, self.certificate),
            Some(Copies { after: None, .. }) => Carry::Nothing,
            Some(Copies { after: Some(resting), .. }) => Carry::Rest(resting),
        }
    }

    /// Returns the step in the terms of [`crate::view::View`].
    pub(crate) const fn stage(&self) -> Stage {
        match self.step {
            InstallStep::Create => Stage::CreatingFile,
            InstallStep::Write => Stage::WritingFile,
            InstallStep::SyncFile => Stage::SyncingFile,
            InstallStep::Rename => Stage::RenamingFile,
            InstallStep::SyncDir => Stage::SyncingDirectory,
            InstallStep::UnlinkHeld | InstallStep::UnlinkPending => Stage::RemovingPending,
            InstallStep::SyncHeld => Stage::SyncingHeld,
            InstallStep::Symlink => Stage::Linking,
            InstallStep::Switch => Stage::Switching,
            InstallStep::SyncSwitch => Stage::SyncingSwitch,
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
        // The operation may still write both, and a copy carries neither.
        let given_up = Some((self.attempt.key, self.certificate.cert));
        Ok(Recovering::after_timeout(cx, self.command(cx), self.carry(), given_up))
    }

    pub(crate) fn answered(mut self, cx: &mut Cx<'_>, result: Result<(), DiskFault>) -> Outcome {
        match result {
            Ok(()) => {
                self.step = match self.next(cx) {
                    Some(step) => step,
                    None => return Ok(self.installed(cx)),
                };
                self.waiting = cx.disk(self.command(cx));
                Ok(Renewal::Installing(self))
            }
            // A pair that is copied is read again by the scan.
            Err(DiskFault::HandleGone) if self.copies.is_none() => {
                let resting = Resting::after_lost_handle(cx, &self.attempt);
                Ok(Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono))
            }
            Err(fault) => {
                let command = self.command(cx);
                Ok(Recovering::after_fault(cx, command, fault, self.carry()))
            }
        }
    }

    /// Returns the step after this one, and forgets the name that this one removed.
    fn next(&self, cx: &mut Cx<'_>) -> Option<InstallStep> {
        match self.step {
            InstallStep::Create => Some(InstallStep::Write),
            InstallStep::Write => Some(InstallStep::SyncFile),
            InstallStep::SyncFile => Some(InstallStep::Rename),
            InstallStep::Rename => Some(InstallStep::SyncDir),
            // The link follows, unless the certificate is not yet valid.
            InstallStep::SyncDir if cx.now.wall >= self.certificate.not_before => Some(InstallStep::Symlink),
            InstallStep::SyncDir => self.supersedes_pending(cx).then_some(InstallStep::UnlinkHeld),
            InstallStep::UnlinkHeld => {
                cx.common.directory.pending = None;
                // A held certificate has no switch whose sync would cover the removal (S12).
                Some(InstallStep::SyncHeld)
            }
            InstallStep::SyncHeld => None,
            InstallStep::Symlink => Some(InstallStep::Switch),
            InstallStep::Switch if self.supersedes_pending(cx) => Some(InstallStep::UnlinkPending),
            InstallStep::Switch => Some(InstallStep::SyncSwitch),
            InstallStep::UnlinkPending => {
                cx.common.directory.pending = None;
                Some(InstallStep::SyncSwitch)
            }
            InstallStep::SyncSwitch => None,
        }
    }

    /// Whether the pending file is stale now. A copy of an older generation must not remove the file of a newer request.
    fn supersedes_pending(&self, cx: &Cx<'_>) -> bool {
        cx.common.directory.pending.is_some_and(|it| it.generation() <= Some(self.attempt.generation))
    }

    fn command(&self, cx: &Cx<'_>) -> DiskCommand {
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
            InstallStep::UnlinkHeld | InstallStep::UnlinkPending => match cx.common.directory.pending {
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

    /// Takes the bundle into use, or holds it: it is durable, and so is the switch if there was one.
    fn installed(self, cx: &mut Cx<'_>) -> Renewal {
        let Certificate { not_before, not_after, .. } = self.certificate;
        if matches!(cx.common.serving.durable, Live::Withdrawn(expired) if expired >= self.attempt.generation)
        {
            // It was live in memory and expired there; the clock went back since (S14).
            let (resting, _) = Resting::after_unusable_certificate(cx, self.attempt.generation);
            return Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono);
        }
        match judge_time(cx.now.wall, not_before, not_after) {
            Err(_) if self.copies.is_some() => return Recovering::rescan(cx, self.carry(), cx.now.mono),
            Err(Refusal::NotYetValid { .. }) if cx.common.can_hold(not_before, cx.now.wall) => {
                return self.finish_held(cx);
            }
            // It is live in memory, so it was accepted; a clock that went back since does not undo that.
            Err(Refusal::NotYetValid { .. }) if self.is_in_memory(cx) => {
                (cx.common.directory.failures, cx.common.issuer.call_failures) = (0, 0);
                return Recovering::rescan(cx, Carry::Rest(Resting::without_wait(cx)), cx.now.mono);
            }
            Err(refusal) => return self.reject_unusable(cx, refusal),
            // It became valid while its pending file was removed: the scan after this links it.
            Ok(()) if self.step != InstallStep::SyncSwitch => return self.finish_held(cx),
            Ok(()) => {}
        }
        let place = (self.bundle(), self.attempt.generation, self.attempt.key);
        let identity = Identity::new(cx.common.timing(), cx.now, place, &self.certificate);
        let same = cx.common.serving.uses(&identity.leaf);
        cx.go_live(identity);
        if let Some(Copies { place, .. }) = self.copies {
            cx.report(Event::Adopted { generation: self.attempt.generation, place });
            cx.common.directory.failures = 0;
            let carry = match self.carry() {
                // The backoff is from before this identity, and could outlast it.
                Carry::Rest(_) if !same => Carry::Rest(Resting::without_wait(cx)),
                other => other,
            };
            return Recovering::rescan(cx, carry, cx.now.mono);
        }
        let resting = Resting::after_rotation(cx);
        if cx.common.is_stopping {
            return cx.exit(ExitReason::Shutdown);
        }
        // It was judged by an old template. A scan judges its bundle by the current one.
        if self.certificate.old_template {
            Recovering::begin(cx, Carry::Rest(resting), cx.now.mono)
        } else {
            Renewal::Resting(resting)
        }
    }

    /// Whether it was live before it was durable.
    fn is_in_memory(&self, cx: &Cx<'_>) -> bool {
        cx.common.serving.in_memory_generation() == Some(self.attempt.generation)
    }

    /// Lets the bundle wait under its final name. The live identity stays. If the switch was made already, the clock went back
    /// in between, and the recovery repoints the current link to the live identity.
    fn finish_held(self, cx: &mut Cx<'_>) -> Renewal {
        let (generation, not_before) = (self.attempt.generation, self.certificate.not_before);
        let old_template = self.certificate.old_template;
        if !old_template {
            cx.report(Event::Held { generation, not_before });
        }
        (cx.common.directory.failures, cx.common.issuer.call_failures) = (0, 0);
        cx.hold(Some(NotYetValid { generation, not_before, old_template, first_not_before: not_before }));
        let resting = Resting::without_wait(cx);
        // It was judged by an old template. A scan judges its bundle by the current one.
        if self.step == InstallStep::SyncSwitch || old_template {
            return Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono);
        }
        // If it is given up, the next key takes its place.
        cx.common.directory.record_held(self.bundle(), cx.now.mono);
        if cx.common.is_stopping { cx.exit(ExitReason::Shutdown) } else { Renewal::Resting(resting) }
    }

    /// Rejects a certificate that expired, or that a clock which went far back made not yet valid, while it was made durable. The
    /// live identity stays, and the recovery repoints the current link to it.
    fn reject_unusable(self, cx: &mut Cx<'_>, refusal: Refusal) -> Renewal {
        let (resting, again_in) = Resting::after_unusable_certificate(cx, self.attempt.generation);
        let request = self.attempt.request;
        cx.report(Event::CertificateRefused { request, refusal, again_in });
        Recovering::rescan(cx, Carry::Rest(resting), cx.now.mono)
    }
}
