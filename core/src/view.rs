//! What can be read off the machine without changing it.

use core::fmt;

use crate::id::{Generation, RequestDigest};
pub use crate::serving::Identity;
use crate::time::{MonoTime, Span, WallTime};

pub use crate::id::Handle;

pub use crate::serving::LiveState;

/// The operation in flight. `core/src/renewal/mod.rs` draws the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase {
    /// Nothing has happened yet.
    New,
    /// Waiting for the lock of the directory.
    Locking,
    /// Scanning the directory and putting it in order.
    Recovering,
    /// Nothing is in flight.
    Resting,
    /// Waiting for a key.
    Keying,
    /// Making the pending file durable.
    Saving,
    /// Creating, polling and watching the request on the server.
    Asking,
    /// Making the bundle durable and repointing the current link.
    Installing,
    /// The run ended.
    Ended,
}

/// The step within a [`Phase`]: the operation whose answer is awaited, or the wait.
///
/// Phases share a stage where they do the same with different files. The pair of phase and stage is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Stage {
    /// New: the first tick has not come.
    NotStarted,
    /// Locking: the lock of the directory is being taken.
    TakingLock,
    /// Locking: the lock failed and is tried again at the wake time.
    WaitingToLock,
    /// Recovering: the directory is being scanned.
    Scanning,
    /// Recovering: stale or superseded files are being removed.
    RemovingFiles,
    /// Recovering: a corrupt file is being moved to a quarantine name.
    Quarantining,
    /// Recovering: a disk operation that a new configuration abandoned is still outstanding.
    DrainingOperation,
    /// Recovering: the next scan waits for the disk backoff or for a valid clock.
    Pausing,
    /// Saving and installing: the temporary file is being created.
    CreatingFile,
    /// Saving and installing: the temporary file is being written.
    WritingFile,
    /// Saving and installing: the temporary file is being synced.
    SyncingFile,
    /// Saving and installing: the temporary file is being renamed to its final name.
    RenamingFile,
    /// Recovering, saving and installing: the directory is being synced after a change.
    SyncingDirectory,
    /// Saving: the superseded bundle is being removed.
    RemovingPrevious,
    /// Saving: the pending file of a retired key is being removed.
    RemovingRetired,
    /// Saving: the directory is being synced after the removal of a retired pending file.
    SyncingRetired,
    /// Installing: the pending file is being removed.
    RemovingPending,
    /// Installing: the directory is being synced for a bundle that is not linked yet.
    SyncingHeld,
    /// Recovering and installing: the symbolic link is being made under a temporary name.
    Linking,
    /// Recovering and installing: the symbolic link is being renamed to the current link.
    Switching,
    /// Installing: the directory is being synced after the switch of the current link.
    SyncingSwitch,
    /// Resting: nothing is outstanding.
    Idle,
    /// Keying: a key is being made, for a request that is saved before it is sent.
    MakingKey,
    /// Keying: a key is being made, for a request that stays in memory.
    MakingKeyInMemory,
    /// Asking: the next call creates the request and waits for its time.
    WaitingToCreate,
    /// Asking: a create call is outstanding.
    Creating,
    /// Asking: the next call reads the request and waits for its time; no watch is open.
    WaitingToGet,
    /// Asking: the next call reads the request and waits for its time; a watch is open.
    Watching,
    /// Asking: a get call is outstanding; no watch is open.
    Getting,
    /// Asking: a get call is outstanding and a watch is open.
    GettingAndWatching,
    /// Ended: the exit was reported.
    Exited,
}

/// When the machine wants its next tick at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Wake {
    /// When the wall clock shows this.
    pub wall: Option<WallTime>,
    /// When the mono clock shows this.
    pub mono: Option<MonoTime>,
    /// The reason.
    pub reason: WakeReason,
}

/// The reason for the next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum WakeReason {
    /// Only the times of the live identity.
    Nothing,
    /// The renewal of the live identity.
    Renewal,
    /// A deadline or the end of a wait in this phase.
    Phase(Phase),
}

/// The state as far as a driver and an operator need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct View {
    /// The operation in flight.
    pub phase: Phase,
    /// The step within the phase.
    pub stage: Stage,
    /// Which identity is live, and why none is served where none is.
    pub live: LiveState,
    /// Whether TLS presents the identity.
    pub serving: bool,
    /// The identity in use: presented, or not yet valid because the clock went back.
    pub identity: Option<Identity>,
    /// The generation of the current attempt.
    pub attempt: Option<Generation>,
    /// The request of the current attempt.
    pub request: Option<RequestDigest>,
    /// The failures that set the backoffs.
    pub failures: Failures,
    /// The lifetime of the last accepted certificate, which scales the timing parameters.
    pub lifetime: Span,
    /// Whether the identity is in memory only, because the disk refuses writes.
    pub in_memory: bool,
    /// The notBefore of a newer certificate that is durable and held.
    pub held: Option<WallTime>,
    /// Whether the wall clock is before the build time of this program.
    pub clock_invalid: bool,
    /// Why no attempt begins, and until when: the gate that opens last. `None` where every gate is open, and in a phase other
    /// than [`Phase::Resting`].
    pub gate: Option<ClosedGate>,
}

/// The failures that set the backoffs. They are no totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Failures {
    /// Recent failed calls: one more with each failure, one fewer with each success.
    pub calls: u32,
    /// Keys in a row that could not be made.
    pub keys: u32,
    /// Failed disk operations in a row.
    pub disk: u32,
}

/// A gate and the time at which it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ClosedGate {
    /// The reason.
    pub gate: Gate,
    /// When it opens, by the monotonic clock.
    pub until: MonoTime,
}

/// A reason why no attempt begins by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Gate {
    /// The wait after a retired key (denied, failed, foreign, stuck, refused), a certificate that became unusable, a rejected
    /// lifetime, or a key that could not be made. Failed calls and disk operations wait within their phase.
    Backoff,
    /// The last issuance was a moment ago ([`crate::timing::Timing::issuance_interval`]).
    IssuanceInterval,
    /// The template changed a moment after it had changed before.
    TemplateChange,
    /// A newer bundle is durable and not yet valid.
    Hold,
    /// At a start without a usable identity, the newest bundle that is not yet valid starts more than the hold cap ahead.
    ClockSuspect,
    /// The wall clock is before the build time of this program.
    ClockInvalid,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Locking => "locking",
            Self::Recovering => "recovering",
            Self::Resting => "resting",
            Self::Keying => "keying",
            Self::Saving => "saving",
            Self::Asking => "asking",
            Self::Installing => "installing",
            Self::Ended => "ended",
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "not started",
            Self::TakingLock => "taking the lock",
            Self::WaitingToLock => "waiting to lock",
            Self::Scanning => "scanning",
            Self::RemovingFiles => "removing files",
            Self::Quarantining => "quarantining",
            Self::DrainingOperation => "draining an abandoned operation",
            Self::Pausing => "pausing",
            Self::CreatingFile => "creating the file",
            Self::WritingFile => "writing the file",
            Self::SyncingFile => "syncing the file",
            Self::RenamingFile => "renaming the file",
            Self::SyncingDirectory => "syncing the directory",
            Self::RemovingPrevious => "removing the previous bundle",
            Self::RemovingRetired => "removing a retired pending file",
            Self::SyncingRetired => "syncing that removal",
            Self::RemovingPending => "removing the pending file",
            Self::SyncingHeld => "syncing a held bundle",
            Self::Linking => "making the link",
            Self::Switching => "switching the current link",
            Self::SyncingSwitch => "syncing the switch",
            Self::Idle => "idle",
            Self::MakingKey => "making a key",
            Self::MakingKeyInMemory => "making a key for an in-memory request",
            Self::WaitingToCreate => "waiting to create",
            Self::Creating => "creating the request",
            Self::WaitingToGet => "waiting to get",
            Self::Watching => "watching",
            Self::Getting => "getting the request",
            Self::GettingAndWatching => "getting the request and watching",
            Self::Exited => "exited",
        })
    }
}

impl fmt::Display for WakeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing but the validity of the live identity"),
            Self::Renewal => f.write_str("the renewal of the live identity"),
            Self::Phase(phase) => write!(f, "{phase}"),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backoff => "backoff",
            Self::IssuanceInterval => "issuance interval",
            Self::TemplateChange => "template-change interval",
            Self::Hold => "hold",
            Self::ClockSuspect => "clock suspect",
            Self::ClockInvalid => "clock invalid",
        })
    }
}
