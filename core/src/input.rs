//! What core is told and what it asks for.

use crate::api::{ApiFault, Call, Credential, CsrObject};
use crate::config::Config;
use crate::disk::{DiskCommand, DiskDone, DiskFault};
use crate::event::Event;
use crate::id::{CertHandle, Generation, KeyDigest, KeyHandle, OpId, RequestDigest};
use crate::time::Span;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Input {
    /// Time passed, or the clock was set. The first one starts the machine.
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
    /// A call of the certificates API ended.
    CallAnswered {
        /// Which.
        op: OpId,
        /// The object, or why there is none.
        result: Result<CsrObject, ApiFault>,
    },
    /// Somebody asks for a rotation now. Ends a wait after a denial; ignored while a request is outstanding.
    RotateNow,
    /// Go on with another configuration. The driver makes keys for its template from this step on. What is asked for
    /// with another template is dropped; what is served stays where its subject is still the one wanted.
    Reconfigure(Config),
    /// End cleanly: finish what is being written, start nothing.
    Shutdown,
}

/// A key that was made, and the request made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MadeKey {
    /// Both of them, in the driver's key store.
    pub key: KeyHandle,
    /// The key's public half.
    pub key_digest: KeyDigest,
    /// The request's name.
    pub request: RequestDigest,
}

/// Why no key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum KeyFault {
    /// The system's randomness or the signing failed.
    Failed,
}

/// One thing to do, in order. Effects carry an operation id and are answered by an input that names it;
/// the others are carried out at once, before the next step.
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
        /// The lifetime to ask for, in place of the template's.
        duration: Option<Span>,
    },
    /// Call the certificates API. Answered by [`Input::CallAnswered`].
    Call {
        /// Its id.
        op: OpId,
        /// What to call.
        call: Call,
        /// As whom.
        credential: Credential,
    },
    /// The answer to this operation is no longer wanted; end it if that saves anything.
    Cancel {
        /// Which.
        op: OpId,
    },
    /// Serve this identity from now on: it is durable under the live name.
    GoLive {
        /// Whose it is.
        generation: Generation,
        /// Its key.
        key: KeyHandle,
        /// Its chain.
        cert: CertHandle,
    },
    /// Serve no identity from now on.
    Withdraw {
        /// The one that is withdrawn.
        generation: Generation,
    },
    /// Tell the operator.
    Report(Event),
    /// Nothing is outstanding; end the process.
    Exit(ExitReason),
}

/// Why the machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ExitReason {
    /// [`Input::Shutdown`] was asked for and everything has ended.
    Shutdown,
    /// Another process holds the lock of the directory.
    Locked,
    /// The directory is unsafe: see [`DiskFault::Unsafe`].
    Unsafe,
    /// The directory is missing and cannot be made, or is no directory.
    NoDirectory,
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Disposition {
    /// It was taken.
    Applied,
    /// It changed nothing (but for what the time itself changes).
    Ignored(Why),
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Why {
    /// Nothing is due.
    NotDue,
    /// The operation is not outstanding: its answer is late, a duplicate, or for another run.
    NotOutstanding,
    /// The answer is of another kind than the operation.
    WrongKind,
    /// A request is outstanding already, or the last issuance was a moment ago.
    Busy,
    /// The machine has ended or is ending.
    Ended,
    /// The configuration is this one already.
    Unchanged,
    /// Whether a client CA is configured cannot change in a run: what was read before was not checked against it.
    NeedsRestart,
    /// The mono clock went back; the driver is at fault.
    ClockRegressed,
}
