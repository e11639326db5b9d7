//! Inputs and actions.

use alloc::vec;
use alloc::vec::Vec;

use crate::config::Config;
use crate::disk::{DiskCommand, DiskDone, DiskFault};
use crate::event::Event;
use crate::id::{CertHandle, Generation, Handle, KeyHandle, OpId};
use crate::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use crate::time::Span;

pub use crate::key::{KeyFault, MadeKey};

mod text;

/// An event that the driver passes to the machine.
///
/// Exhaustive on purpose: a driver that makes inputs needs none of this, and a tool that reads them, such as a recorder, must
/// learn of a new one from the compiler. A new input is a new minor version before 1.0, and a new major version after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Input {
    /// Time passed, or the wall clock was set. The first tick starts the machine.
    Tick,
    /// A disk operation ended.
    DiskAnswered {
        /// Which.
        op: OpId,
        /// How.
        result: Result<DiskDone, DiskFault>,
    },
    /// A key and its request were made.
    KeyMade {
        /// Which operation.
        op: OpId,
        /// What was made.
        result: Result<MadeKey, KeyFault>,
    },
    /// A call of the issuer ended.
    CallAnswered {
        /// Which.
        op: OpId,
        /// The request as the issuer shows it, or why the call failed.
        result: Result<RequestRecord, IssuerFault>,
    },
    /// The operator requests a rotation now. It ends the backoff after a denial, and is ignored while a request is open.
    RotateNow,
    /// Another configuration. The driver makes keys for its template from this step on. A request for another template is
    /// abandoned. The live identity stays in use if it is for the same subject.
    Reconfigure(Config),
    /// End cleanly: finish the disk operation in flight, start nothing.
    Shutdown,
}

impl Input {
    /// Returns every key and certificate that the driver holds for this input.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        match self {
            Self::KeyMade { result: Ok(made), .. } => vec![Handle::Key(made.key)],
            Self::CallAnswered { result: Ok(record), .. } => match record.state {
                RequestState::Issued { cert, .. } => vec![Handle::Cert(cert)],
                RequestState::Pending
                | RequestState::Approved
                | RequestState::Denied
                | RequestState::Failed
                | RequestState::IssuedUnreadable => Vec::new(),
            },
            Self::DiskAnswered { result: Ok(DiskDone::Scanned(inventory)), .. } => inventory.handles(),
            Self::Tick
            | Self::DiskAnswered { .. }
            | Self::KeyMade { .. }
            | Self::CallAnswered { .. }
            | Self::RotateNow
            | Self::Reconfigure(_)
            | Self::Shutdown => Vec::new(),
        }
    }
}

/// An action. Effects carry an operation id, and an input that names it answers them. The driver carries out the others at
/// once, before the next step.
///
/// Exhaustive on purpose: an action that a driver drops is a bug that no one sees, such as an expired certificate that is not
/// withdrawn. A driver matches every variant, and the compiler names a new one. The same holds for [`DiskCommand`] and [`Call`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Action {
    /// Carry out a disk operation. Answered by [`Input::DiskAnswered`].
    Disk {
        /// Its id.
        op: OpId,
        /// What to do.
        command: DiskCommand,
    },
    /// Make a fresh key and sign the request for the configured template with it. Answered by [`Input::KeyMade`].
    MakeKey {
        /// Its id.
        op: OpId,
        /// The lifetime to request, in place of the template's.
        duration: Option<Span>,
    },
    /// Call the issuer. Answered by [`Input::CallAnswered`].
    Call {
        /// Its id.
        op: OpId,
        /// What to call.
        call: Call,
        /// As whom.
        credential: Credential,
    },
    /// The answer to this operation is no longer needed. End it if that saves anything.
    Cancel {
        /// Which.
        op: OpId,
    },
    /// Present this identity from now on. It is durable under the current link, unless `Event::IdentityInMemory` precedes.
    GoLive {
        /// Whose it is.
        generation: Generation,
        /// Its key.
        key: KeyHandle,
        /// Its chain.
        cert: CertHandle,
    },
    /// Present no identity from now on.
    Withdraw {
        /// The one that is withdrawn.
        generation: Generation,
    },
    /// Report an event to the operator.
    Report(Event),
    /// Nothing is outstanding; end the process.
    Exit(ExitReason),
}

/// Why the machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ExitReason {
    /// After [`Input::Shutdown`]: no operation is in flight.
    Shutdown,
    /// Another process holds the lock of the directory.
    Locked,
    /// The directory is unsafe: see [`DiskFault::Unsafe`].
    Unsafe,
    /// The directory is missing and cannot be made, or is no directory.
    NoDirectory,
}

/// Whether an input was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Disposition {
    /// It was applied.
    Applied,
    /// It changed nothing, except what the time itself changes.
    Ignored(Why),
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Why {
    /// Nothing is due.
    NotDue,
    /// The operation is not in flight: its answer is late, a duplicate, or for another run.
    NotOutstanding,
    /// A request is open already, or a gate is closed: see [`crate::view::Gate`].
    Busy,
    /// The run ended or is ending.
    Ended,
    /// The configuration is equal to the current one.
    Unchanged,
    /// A client CA cannot be added or removed in a run: certificates that were read before were not checked against it.
    NeedsRestart,
}
