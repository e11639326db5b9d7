//! What can be read off the machine without changing it.

use core::fmt;

use crate::id::{CertHandle, Generation, KeyHandle, RequestDigest};
pub use crate::live::Identity;
use crate::time::{MonoTime, Span, WallTime};

/// What is in flight; see [`crate::rotator::Rotator`] for the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Phase {
    /// Nothing has happened yet.
    New,
    /// Waiting for the lock of the directory.
    Locking,
    /// Finding out what is on disk and putting it in order.
    Recovering,
    /// Nothing is in flight.
    Resting,
    /// Waiting for a key.
    Keying,
    /// Making the pending file durable.
    Saving,
    /// Asking the server.
    Asking,
    /// Making the bundle durable and switching to it.
    Installing,
    /// The end.
    Ended,
}

/// When the machine wants its next tick at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Wake {
    /// When the wall clock shows this.
    pub wall: Option<WallTime>,
    /// When the mono clock shows this.
    pub mono: Option<MonoTime>,
    /// What for.
    pub reason: WakeReason,
}

/// What a tick is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum WakeReason {
    /// Nothing but the live identity's own times.
    Nothing,
    /// The renewal of the live identity.
    Renewal,
    /// A deadline or the end of a wait in this phase.
    Phase(Phase),
}

/// A key or a certificate in the driver's keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Handle {
    /// A key.
    Key(KeyHandle),
    /// A certificate chain.
    Cert(CertHandle),
}

/// What there is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// What is in flight.
    pub phase: Phase,
    /// Whether the identity is served.
    pub serving: bool,
    /// The live identity, or the one that is held back until the clock reaches its start.
    pub identity: Option<Identity>,
    /// The generation of the attempt that is under way.
    pub attempt: Option<Generation>,
    /// The request of the attempt that is under way.
    pub request: Option<RequestDigest>,
    /// Failed calls lately: one more with each, half as many with each that succeeds.
    pub call_failures: u32,
    /// Failed disk operations in a row.
    pub disk_failures: u32,
    /// The lifetime of the last accepted certificate, which scales the timing parameters.
    pub lifetime: Span,
    /// Whether the identity is served from memory, because the disk refuses it.
    pub unsaved: bool,
    /// The start of a newer certificate that is on disk and waited for.
    pub held: Option<WallTime>,
    /// Whether the wall clock shows less than when this program was built.
    pub clock_invalid: bool,
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
