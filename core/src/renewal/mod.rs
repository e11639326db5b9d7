//! The phases: one at a time, each with only the fields that are valid in it.
//!
//! This is the one diagram of the phases:
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
//! An attempt begins with a rescan: `Resting` goes through `Recovering` once before `Keying`.
//!
//! At most one disk operation is in flight, and none in `Asking`: an answer of the server and one of the disk never
//! interleave.

mod asking;
mod decide;
mod installing;
mod locking;
mod reconfiguring;
mod recovering;
mod resting;
mod saving;

use crate::common::{Common, Cx, Outstanding};
use crate::disk::{DiskDone, DiskFault, Name};
use crate::id::{CertHandle, FileNumber, Generation, KeyDigest, KeyHandle, OpId, RequestDigest, RunId};
use crate::input::{Action, Disposition, ExitReason, Input, KeyFault, MadeKey, Why};
use crate::issuer::{IssuerFault, RequestRecord};
use crate::serving::Certificate;
use crate::time::{MonoTime, WallTime};
use crate::view::{ClosedGate, Phase, Stage};

pub(crate) use asking::Asking;
pub(crate) use decide::Ready;
pub(crate) use installing::Installing;
pub(crate) use locking::Locking;
pub(crate) use recovering::{GivenUp, Recovering};
pub(crate) use resting::{Keying, Resting};
pub(crate) use saving::Saving;

/// The phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Renewal {
    /// Nothing has happened yet; the first tick locks the directory.
    New,
    /// Waiting for the lock.
    Locking(Locking),
    /// Scanning the directory and putting it in order.
    Recovering(Recovering),
    /// Nothing is in flight.
    Resting(Resting),
    /// Waiting for a key.
    Keying(Keying),
    /// Making the pending file durable.
    Saving(Saving),
    /// Creating, polling and watching the request on the server.
    Asking(Asking),
    /// Making the bundle durable and repointing the current link.
    Installing(Installing),
    /// The run ended; the driver has the reason.
    Ended(ExitReason),
}

/// One generation on its way from key to live identity or refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempt {
    pub(crate) generation: Generation,
    pub(crate) key: KeyHandle,
    pub(crate) key_digest: KeyDigest,
    pub(crate) request: RequestDigest,
    /// When the key was made, by the local clock, and not before the last expiry of an identity.
    pub(crate) made: WallTime,
    /// The latest time at which its certificate did not exist yet, by the local clock.
    pub(crate) issued_after: WallTime,
    /// The next file of this generation.
    pub(crate) file: FileNumber,
}

/// The part of the state that is in memory only while the directory is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Carry {
    /// Nothing: start-up.
    Nothing,
    /// The backoff, which continues after the recovery.
    Rest(Resting),
    /// The same, and an attempt begins after the scan: another program may have changed the directory.
    Rescan(Resting),
    /// The same, and an abandoned key and certificate that an operation in flight may still write: the driver must not erase them
    /// before that operation ends.
    Dropped(Resting, KeyHandle, Option<CertHandle>),
    /// A key and its request, not known to be durable.
    Request(Attempt),
    /// An accepted certificate, not known to be durable. Its pending file is, unless it was removed already.
    Certificate(Attempt, Certificate),
}

/// The kind of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Disk,
    Key,
    Call,
}

/// The result of an input: the next phase, or why it was ignored.
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
    /// Applies a tick.
    pub(crate) fn tick(self, cx: &mut Cx<'_>) -> Outcome {
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

    /// The disk operation in flight.
    fn disk_operation(&self, run: RunId) -> Option<OpId> {
        let waiting = match self {
            Self::Locking(phase) => phase.waiting(),
            Self::Recovering(phase) => phase.waiting(),
            Self::Saving(phase) => phase.waiting(),
            Self::Installing(phase) => phase.waiting(),
            Self::New | Self::Resting(_) | Self::Keying(_) | Self::Asking(_) | Self::Ended(_) => None,
        };
        waiting.map(|waiting| waiting.op(run))
    }

    /// The kind of an operation in flight.
    fn kind(&self, run: RunId, op: OpId) -> Option<Kind> {
        match self {
            Self::Keying(phase) if phase.waiting.op(run) == op => Some(Kind::Key),
            Self::Asking(phase) if phase.awaits(op) => Some(Kind::Call),
            other => other.disk_operation(run).filter(|disk| *disk == op).map(|_| Kind::Disk),
        }
    }

    /// Returns the input as it is applied: the answer of another kind of operation is a failure of the operation in flight. To
    /// ignore it would let the operation time out, and no event would tell why.
    pub(crate) fn checked(&self, run: RunId, input: Input) -> Input {
        let (op, given) = match &input {
            Input::DiskAnswered { op, .. } => (*op, Kind::Disk),
            Input::KeyMade { op, .. } => (*op, Kind::Key),
            Input::CallAnswered { op, .. } => (*op, Kind::Call),
            Input::Tick | Input::RotateNow | Input::Reconfigure(_) | Input::Shutdown => return input,
        };
        match self.kind(run, op).filter(|kind| *kind != given) {
            None => input,
            Some(Kind::Disk) => Input::DiskAnswered { op, result: Err(DiskFault::WrongKind) },
            Some(Kind::Key) => Input::KeyMade { op, result: Err(KeyFault::WrongKind) },
            Some(Kind::Call) => Input::CallAnswered { op, result: Err(IssuerFault::WrongKind) },
        }
    }

    /// Applies the answer of a disk operation.
    pub(crate) fn disk_answered(
        self,
        cx: &mut Cx<'_>,
        op: OpId,
        result: Result<DiskDone, DiskFault>,
    ) -> Outcome {
        if self.disk_operation(cx.common.run) != Some(op) {
            return Err(Why::NotOutstanding);
        }
        let done = |result| match result {
            Ok(DiskDone::Done) => Ok(()),
            Ok(DiskDone::Scanned(_)) => Err(DiskFault::WrongKind),
            Err(fault) => Err(fault),
        };
        match self {
            Self::Locking(phase) => phase.answered(cx, done(result)),
            Self::Recovering(phase) => phase.answered(cx, result),
            Self::Saving(phase) => phase.answered(cx, done(result)),
            Self::Installing(phase) => phase.answered(cx, done(result)),
            Self::New | Self::Resting(_) | Self::Keying(_) | Self::Asking(_) | Self::Ended(_) => {
                Err(Why::NotOutstanding)
            }
        }
    }

    /// Applies the answer of a key operation.
    pub(crate) fn key_made(self, cx: &mut Cx<'_>, op: OpId, result: Result<MadeKey, KeyFault>) -> Outcome {
        match self {
            Self::Keying(phase) if phase.waiting.op(cx.common.run) == op => Ok(phase.answered(cx, result)),
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

    /// Applies the answer of a call.
    pub(crate) fn call_answered(
        self,
        cx: &mut Cx<'_>,
        op: OpId,
        result: Result<RequestRecord, IssuerFault>,
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

    /// Applies an operator's request for a rotation.
    pub(crate) fn rotate_now(self, cx: &mut Cx<'_>) -> Outcome {
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

    /// Applies a shutdown: the disk operation in flight is finished, anything else is dropped. An open request stays on the
    /// server and in its pending file.
    pub(crate) fn shutdown(self, cx: &mut Cx<'_>) -> Outcome {
        if cx.common.is_stopping || matches!(self, Self::Ended(_)) {
            return Err(Why::Ended);
        }
        cx.common.is_stopping = true;
        match self {
            Self::Locking(phase) if phase.waiting().is_none() => Ok(cx.exit(ExitReason::Shutdown)),
            Self::Recovering(phase) if phase.waiting().is_none() => Ok(cx.exit(ExitReason::Shutdown)),
            Self::Locking(_) | Self::Recovering(_) | Self::Saving(_) | Self::Installing(_) => Ok(self),
            Self::New | Self::Resting(_) | Self::Keying(_) | Self::Asking(_) | Self::Ended(_) => {
                Ok(cx.exit(ExitReason::Shutdown))
            }
        }
    }

    /// Returns the next deadline of the phase on the monotonic clock; `None` where only the live identity's times matter.
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
            Carry::Nothing | Carry::Rest(_) | Carry::Rescan(_) => (None, None),
            Carry::Dropped(_, key, cert) => (Some(*key), *cert),
            Carry::Request(attempt) => (Some(attempt.key), None),
            Carry::Certificate(attempt, certificate) => (Some(attempt.key), Some(certificate.cert)),
        };
        match self {
            Self::Recovering(phase) => {
                let (key, cert) = carried(&phase.carry);
                let given_up = phase.given_up();
                (key.or(given_up.map(|(key, _)| key)), cert.or(given_up.map(|(_, cert)| cert)))
            }
            Self::Saving(phase) => (Some(phase.attempt.key), None),
            Self::Asking(phase) => (Some(phase.attempt.key), None),
            Self::Installing(phase) => (Some(phase.attempt.key), Some(phase.certificate.cert)),
            Self::New | Self::Locking(_) | Self::Resting(_) | Self::Keying(_) | Self::Ended(_) => {
                (None, None)
            }
        }
    }

    /// Marks a recovery that begins after a failure; a run that ends has nothing to recover.
    fn after_failure(self, given_up: GivenUp) -> Self {
        match self {
            Self::Recovering(phase) => Self::Recovering(phase.with_failure(given_up)),
            other => other,
        }
    }

    /// Returns the gate that keeps an attempt from beginning, if one is closed.
    pub(crate) fn gate(&self, common: &Common) -> Option<ClosedGate> {
        match self {
            Self::Resting(phase) => {
                Some(common.last_gate(Some(phase.not_before))).filter(|gate| gate.until > common.mono)
            }
            Self::New
            | Self::Locking(_)
            | Self::Recovering(_)
            | Self::Keying(_)
            | Self::Saving(_)
            | Self::Asking(_)
            | Self::Installing(_)
            | Self::Ended(_) => None,
        }
    }

    /// Returns the current attempt.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Recovering(phase) => match &phase.carry {
                Carry::Nothing | Carry::Rest(_) | Carry::Rescan(_) | Carry::Dropped(..) => None,
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

    /// Returns the step within the phase.
    pub(crate) const fn stage(&self) -> Stage {
        match self {
            Self::New => Stage::NotStarted,
            Self::Locking(phase) => phase.stage(),
            Self::Recovering(phase) => phase.stage(),
            Self::Resting(_) => Stage::Idle,
            Self::Keying(phase) => phase.stage(),
            Self::Saving(phase) => phase.stage(),
            Self::Asking(phase) => phase.stage(),
            Self::Installing(phase) => phase.stage(),
            Self::Ended(_) => Stage::Exited,
        }
    }
}

/// Returns the disposition of an outcome, and the phase that follows.
pub(crate) fn disposition(before: Renewal, outcome: Outcome) -> (Renewal, Disposition) {
    match outcome {
        Ok(after) => (after, Disposition::Applied),
        Err(why) => (before, Disposition::Ignored(why)),
    }
}

impl Cx<'_> {
    /// Ends the rotation: tells the driver why, and returns the last phase.
    pub(crate) fn exit(&mut self, reason: ExitReason) -> Renewal {
        self.actions.push(Action::Exit(reason));
        Renewal::Ended(reason)
    }
}

/// Whether a deadline has passed; shared by the phases that wait for one operation.
fn overdue(waiting: Outstanding, cx: &Cx<'_>) -> Result<(), Why> {
    if waiting.is_overdue(cx.now) { Ok(()) } else { Err(Why::NotDue) }
}
