//! Operations in flight, and their answers in a few bytes.

use certrotate_core::disk::{DiskCommand, DiskFault};
use certrotate_core::id::{OpId, RunId};
use certrotate_core::input::Action;
use certrotate_core::issuer::{Call, Credential, IssuerFault};
use certrotate_core::time::Span;

use crate::server::Object;

/// A requested operation without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InFlight {
    /// The id of the operation.
    pub op: OpId,
    /// The effect to carry out.
    pub effect: Effect,
    /// Whether the node cancelled the operation and ignores its answer.
    pub given_up: bool,
}

/// The effect of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A disk command.
    Disk(DiskCommand),
    /// A key, with this lifetime in its request.
    Key(Option<Span>),
    /// A call.
    Call(Call, Credential),
}

impl InFlight {
    /// Returns the action that requested the operation.
    #[must_use]
    pub fn action(&self) -> Action {
        let op = self.op;
        match self.effect {
            Effect::Disk(command) => Action::Disk { op, command },
            Effect::Key(duration) => Action::MakeKey { op, duration },
            Effect::Call(call, credential) => Action::Call { op, call, credential },
        }
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self { op: OpId { run: RunId(0), seq: 0 }, effect: Effect::Key(None), given_up: false }
    }
}

/// Returns the operation that an action requests.
#[must_use]
pub fn operation(action: &Action) -> Option<OpId> {
    match action {
        Action::Disk { op, .. } | Action::MakeKey { op, .. } | Action::Call { op, .. } => Some(*op),
        Action::Cancel { .. }
        | Action::GoLive { .. }
        | Action::Withdraw { .. }
        | Action::Report(_)
        | Action::Exit(_) => None,
    }
}

/// An answer to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The operation.
    pub op: OpId,
    /// The result of the operation.
    pub outcome: Outcome,
}

/// The result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A disk operation except a scan.
    Disk(Result<(), DiskFault>),
    /// A scan. Its inventory is made when the answer is delivered.
    Scan(Result<(), DiskFault>),
    /// The number of the made key; `None` for a failure.
    Key(Option<u32>),
    /// A call.
    Call(Result<Object, IssuerFault>),
}

impl Default for Answer {
    fn default() -> Self {
        let op = OpId { run: RunId(0), seq: 0 };
        Self { op, outcome: Outcome::Disk(Ok(())) }
    }
}
