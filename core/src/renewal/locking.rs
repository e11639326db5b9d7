//! The lock on the directory, before anything else.

use crate::common::{Cx, Outstanding};
use crate::disk::{DiskCommand, DiskFault};
use crate::event::Event;
use crate::input::{ExitReason, Why};
use crate::renewal::{Carry, Outcome, Recovering, Renewal, overdue};
use crate::time::MonoTime;
use crate::view::Stage;

/// Waiting for the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Locking {
    /// The lock, or the time of the next try.
    state: Result<Outstanding, MonoTime>,
}

impl Locking {
    pub(crate) fn begin(cx: &mut Cx<'_>) -> Self {
        Self { state: Ok(cx.disk(DiskCommand::Lock)) }
    }

    pub(crate) fn waiting(self) -> Option<Outstanding> {
        self.state.ok()
    }

    /// Returns the step in the terms of [`crate::view::View`].
    pub(crate) const fn stage(&self) -> Stage {
        match self.state {
            Ok(_) => Stage::TakingLock,
            Err(_) => Stage::WaitingToLock,
        }
    }

    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        match self.state {
            Ok(waiting) => {
                overdue(waiting, cx)?;
                cx.report(Event::DiskTimedOut { command: DiskCommand::Lock });
                if cx.common.is_stopping {
                    return Ok(cx.exit(ExitReason::Shutdown));
                }
                Ok(Renewal::Locking(Self::begin(cx)))
            }
            Err(again) if cx.now.mono >= again => Ok(Renewal::Locking(Self::begin(cx))),
            Err(_) => Err(Why::NotDue),
        }
    }

    pub(crate) fn wake(self) -> MonoTime {
        self.state.map_or_else(|again| again, |waiting| waiting.due)
    }

    pub(crate) fn answered(self, cx: &mut Cx<'_>, result: Result<(), DiskFault>) -> Outcome {
        if cx.common.is_stopping {
            return Ok(cx.exit(ExitReason::Shutdown));
        }
        match result {
            Ok(()) => Ok(Recovering::begin(cx, Carry::Nothing, cx.now.mono)),
            Err(DiskFault::Locked) => Ok(cx.exit(ExitReason::Locked)),
            Err(DiskFault::Unsafe) => Ok(cx.exit(ExitReason::Unsafe)),
            Err(DiskFault::NoDirectory) => Ok(cx.exit(ExitReason::NoDirectory)),
            Err(
                fault @ (DiskFault::NoSpace
                | DiskFault::ReadOnly
                | DiskFault::Denied
                | DiskFault::Exists
                | DiskFault::NotFound
                | DiskFault::HandleGone
                | DiskFault::WrongKind
                | DiskFault::NoEffect
                | DiskFault::Io),
            ) => {
                let again_in = cx.disk_backoff();
                cx.report(Event::DiskFailed { command: DiskCommand::Lock, fault, again_in });
                Ok(Renewal::Locking(Self { state: Err(cx.after(again_in)) }))
            }
        }
    }
}
