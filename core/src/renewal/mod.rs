//! What is in flight: one phase at a time, each with only the fields that are valid in it.
//!
//! ```text
//!  New ──► Locking ──► Recovering ──► Resting ──► Keying ──► Saving ──► Asking ──► Installing
//!                        ▲  ▲  │         ▲ ▲         │         │          │  │          │
//!                        │  │  └─resume──┼─┼─────────┼─────────┼──────►───┘  │          │
//!                        │  │            │ └─failed──┘         │             │          │
//!                        │  │            └───────denied, failed, refused─────┘          │
//!                        │  └────────────────────disk failed──┘                         │
//!                        └───────────────────────disk failed, or done (then Resting) ◄──┘
//! ```
//!
//! At most one disk operation is outstanding, and never in `Asking`: what a server does and what a
//! disk does cannot meet.

mod asking;
mod decide;
mod installing;
mod locking;
mod reconfiguring;
mod recovering;
mod resting;
mod saving;
#[cfg(feature = "seeded")]
mod seeded;

use crate::api::{ApiFault, CsrObject};
use crate::common::{Common, Cx, Outstanding};
use crate::disk::{DiskDone, DiskFault, Name};
use crate::id::{CertHandle, FileNumber, Generation, KeyDigest, KeyHandle, OpId, RequestDigest};
use crate::input::{Disposition, ExitReason, KeyFault, MadeKey, Why};
use crate::live::Certificate;
use crate::time::{MonoTime, WallTime};
use crate::view::Phase;

pub(crate) use asking::Asking;
pub(crate) use decide::Ready;
pub(crate) use installing::Installing;
pub(crate) use locking::Locking;
pub(crate) use recovering::Recovering;
pub(crate) use resting::{Keying, Resting};
pub(crate) use saving::Saving;

/// The phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Renewal {
    /// Nothing has happened yet; the first tick locks the directory.
    New,
    /// Waiting for the lock.
    Locking(Locking),
    /// Finding out what is on disk and putting it in order.
    Recovering(Recovering),
    /// Nothing is in flight.
    Resting(Resting),
    /// Waiting for a key.
    Keying(Keying),
    /// Making the pending file durable.
    Saving(Saving),
    /// Asking the server.
    Asking(Asking),
    /// Making the bundle durable and switching to it.
    Installing(Installing),
    /// The end; the driver has been told why.
    Ended(ExitReason),
}

/// One generation's way from key to live or to refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) generation: Generation,
    pub(crate) key: KeyHandle,
    pub(crate) key_digest: KeyDigest,
    pub(crate) request: RequestDigest,
    /// When the key was made, by the local clock.
    pub(crate) made: WallTime,
    /// The latest time at which its certificate did not exist yet, by the local clock.
    pub(crate) issued_after: WallTime,
    /// The next file of this generation.
    pub(crate) file: FileNumber,
}

/// What is in memory only, while the disk is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Carry {
    /// Nothing: start-up.
    Nothing,
    /// Nothing but the wait that goes on when the leftovers are gone.
    Rest(Resting),
    /// The same, and the directory is looked at once before an attempt begins: somebody may have changed it.
    Look(Resting),
    /// The same, and what was dropped while it may still be written: the driver erases what nobody names.
    Dropped(Resting, KeyHandle, Option<CertHandle>),
    /// A key and its request, not known to be durable.
    Request(Attempt),
    /// A certificate that was judged, not known to be durable; its pending file is, unless it is gone already.
    Certificate(Attempt, Certificate),
}

/// What became of an input in a phase: the next phase, or why there is none.
pub(crate) type Outcome = Result<Renewal, Why>;

impl Attempt {
    fn temporary(&mut self) -> Name {
        Name::Temporary { generation: self.generation, file: self.take_file() }
    }

    fn take_file(&mut self) -> FileNumber {
        let file = self.file;
        self.file = file.next();
        file
    }
}

impl Renewal {
    /// Time passed.
    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
        #[cfg(feature = "seeded")]
        if crate::seeded::is_stuck(cx.common, &self) {
            return Err(Why::NotDue);
        }
        match self {
            Self::New => Ok(Self::Locking(Locking::begin(cx))),
            Self::Locking(phase) => phase.tick(cx),
            Self::Recovering(phase) => phase.tick(cx),
            Self::Resting(phase) => phase.tick(cx),
            Self::Keying(phase) => phase.tick(cx),
            Self::Saving(phase) => phase.tick(cx),
            Self::Asking(phase) => phase.tick(cx),
            Self::Installing(phase) => phase.tick(cx),
            Self::Ended(_) => Err(Why::Ended),
        }
    }

    /// A disk operation ended.
    pub(crate) fn disk_answered(
        self,
        cx: &mut Cx<'_>,
        op: OpId,
        result: Result<DiskDone, DiskFault>,
    ) -> Outcome {
        let waiting = match self {
            Self::Locking(phase) => phase.waiting(),
            Self::Recovering(phase) => phase.waiting(),
            Self::Saving(phase) => phase.waiting(),
            Self::Installing(phase) => phase.waiting(),
            Self::New | Self::Resting(_) | Self::Keying(_) | Self::Asking(_) | Self::Ended(_) => None,
        };
        #[cfg(feature = "seeded")]
        let op = seeded::mistaken(cx, waiting, op);
        if waiting.map(|waiting| waiting.op) != Some(op) {
            return Err(Why::NotOutstanding);
        }
        match self {
            Self::Locking(phase) => phase.answered(cx, result),
            Self::Recovering(phase) => phase.answered(cx, result),
            Self::Saving(phase) => phase.answered(cx, result),
            Self::Installing(phase) => phase.answered(cx, result),
            Self::New | Self::Resting(_) | Self::Keying(_) | Self::Asking(_) | Self::Ended(_) => {
                Err(Why::NotOutstanding)
            }
        }
    }

    /// A key was made, or not.
    pub(crate) fn key_made(self, cx: &mut Cx<'_>, op: OpId, result: Result<MadeKey, KeyFault>) -> Outcome {
        match self {
            Self::Keying(phase) if phase.waiting.op == op => Ok(phase.answered(cx, result)),
            Self::New
            | Self::Locking(_)
            | Self::Recovering(_)
            | Self::Resting(_)
            | Self::Keying(_)
            | Self::Saving(_)
            | Self::Asking(_)
            | Self::Installing(_)
            | Self::Ended(_) => Err(Why::NotOutstanding),
        }
    }

    /// A call ended.
    pub(crate) fn call_answered(
        self,
        cx: &mut Cx<'_>,
        op: OpId,
        result: Result<CsrObject, ApiFault>,
    ) -> Outcome {
        match self {
            Self::Asking(phase) => phase.answered(cx, op, result),
            Self::New
            | Self::Locking(_)
            | Self::Recovering(_)
            | Self::Resting(_)
            | Self::Keying(_)
            | Self::Saving(_)
            | Self::Installing(_)
            | Self::Ended(_) => Err(Why::NotOutstanding),
        }
    }

    /// Somebody wants a rotation now.
    pub(crate) fn rotate_now(self, cx: &mut Cx<'_>) -> Outcome {
        #[cfg(feature = "seeded")]
        if let Some(next) = seeded::rotated_badly(&self, cx) {
            return Ok(next);
        }
        match self {
            Self::Resting(phase) => phase.rotate_now(cx),
            Self::New
            | Self::Locking(_)
            | Self::Recovering(_)
            | Self::Keying(_)
            | Self::Saving(_)
            | Self::Asking(_)
            | Self::Installing(_) => Err(Why::Busy),
            Self::Ended(_) => Err(Why::Ended),
        }
    }

    /// A shutdown was asked for: what is being written is finished, anything else is dropped. A
    /// request that is open stays on the server and in its pending file.
    pub(crate) fn shutdown(self, cx: &mut Cx<'_>) -> Outcome {
        if cx.common.stopping || matches!(self, Self::Ended(_)) {
            return Err(Why::Ended);
        }
        cx.common.stopping = true;
        #[cfg(feature = "seeded")]
        if seeded::drops(&self, cx) {
            return Ok(cx.exit(ExitReason::Shutdown));
        }
        match self {
            Self::Locking(phase) if phase.waiting().is_none() => Ok(cx.exit(ExitReason::Shutdown)),
            Self::Recovering(phase) if phase.waiting().is_none() => Ok(cx.exit(ExitReason::Shutdown)),
            Self::Locking(_) | Self::Recovering(_) | Self::Saving(_) | Self::Installing(_) => Ok(self),
            Self::New | Self::Resting(_) | Self::Keying(_) | Self::Asking(_) | Self::Ended(_) => {
                Ok(cx.exit(ExitReason::Shutdown))
            }
        }
    }

    /// When the phase wants to be looked at by the mono clock; `None` where only the live identity's
    /// times, or nothing, matter.
    pub(crate) fn wake(&self, common: &Common) -> Option<MonoTime> {
        match self {
            Self::New => Some(common.mono),
            Self::Locking(phase) => Some(phase.wake()),
            Self::Recovering(phase) => Some(phase.wake(common)),
            Self::Resting(phase) => phase.wake(common),
            Self::Keying(phase) => Some(phase.waiting.due),
            Self::Saving(phase) => phase.waiting().map(|waiting| waiting.due),
            Self::Asking(phase) => Some(phase.wake()),
            Self::Installing(phase) => phase.waiting().map(|waiting| waiting.due),
            Self::Ended(_) => None,
        }
    }

    /// The key and the certificate that are still needed, beside the live identity's.
    pub(crate) fn handles(&self) -> (Option<KeyHandle>, Option<CertHandle>) {
        let carried = |carry: &Carry| match carry {
            Carry::Nothing | Carry::Rest(_) | Carry::Look(_) => (None, None),
            Carry::Dropped(_, key, cert) => (Some(*key), *cert),
            Carry::Request(attempt) => (Some(attempt.key), None),
            Carry::Certificate(attempt, certificate) => (Some(attempt.key), Some(certificate.cert)),
        };
        match self {
            Self::Recovering(phase) => {
                let (key, cert) = carried(&phase.carry);
                (key.or(phase.kept.map(|kept| kept.0)), cert.or(phase.kept.map(|kept| kept.1)))
            }
            Self::Saving(phase) => (Some(phase.attempt.key), None),
            Self::Asking(phase) => (Some(phase.attempt.key), None),
            Self::Installing(phase) => (Some(phase.attempt.key), Some(phase.certificate.cert)),
            Self::New | Self::Locking(_) | Self::Resting(_) | Self::Keying(_) | Self::Ended(_) => {
                (None, None)
            }
        }
    }

    /// The same, where it is known that something failed.
    fn after_failure(mut self) -> Self {
        if let Self::Recovering(phase) = &mut self {
            phase.failed = true;
        }
        self
    }

    /// The attempt that is under way, if any.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Recovering(phase) => match &phase.carry {
                Carry::Nothing | Carry::Rest(_) | Carry::Look(_) | Carry::Dropped(..) => None,
                Carry::Request(attempt) | Carry::Certificate(attempt, _) => Some(attempt),
            },
            Self::Saving(phase) => Some(&phase.attempt),
            Self::Asking(phase) => Some(&phase.attempt),
            Self::Installing(phase) => phase.attempt(),
            Self::New | Self::Locking(_) | Self::Resting(_) | Self::Keying(_) | Self::Ended(_) => None,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        match self {
            Self::New => Phase::New,
            Self::Locking(_) => Phase::Locking,
            Self::Recovering(_) => Phase::Recovering,
            Self::Resting(_) => Phase::Resting,
            Self::Keying(_) => Phase::Keying,
            Self::Saving(_) => Phase::Saving,
            Self::Asking(_) => Phase::Asking,
            Self::Installing(_) => Phase::Installing,
            Self::Ended(_) => Phase::Ended,
        }
    }
}

/// The disposition that tells of an outcome, and the phase that follows.
pub(crate) fn settle(before: Renewal, outcome: Outcome) -> (Renewal, Disposition) {
    match outcome {
        Ok(after) => (after, Disposition::Applied),
        Err(why) => (before, Disposition::Ignored(why)),
    }
}

/// Whether a deadline has passed; shared by the phases that wait for one operation.
fn overdue(waiting: Outstanding, cx: &Cx<'_>) -> Result<(), Why> {
    if waiting.is_overdue(cx.now) { Ok(()) } else { Err(Why::NotDue) }
}
