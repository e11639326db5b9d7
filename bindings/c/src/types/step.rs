//! What the library returns: the result of a step, and the state that a driver needs.

use super::{Digest, Name, Op, Text};

/// The result of a step in numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// `sizeof(CertrotateSummary)`.
    pub size: usize,
    /// How many actions to carry out, in order.
    pub actions: usize,
    /// How many keys and chains to erase.
    pub erase: usize,
    /// An `Ignored`: zero if the input was applied.
    pub ignored: u32,
}

/// An action. `kind` says which fields it uses; the others are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// `sizeof(CertrotateAction)`.
    pub size: usize,
    /// An `ActionKind`.
    pub kind: u32,
    /// A `DiskCommand`.
    pub command: u32,
    /// The id that the answer names.
    pub op: Op,
    /// The name that a disk command acts on.
    pub name: Name,
    /// The new name of a rename, or the target of a link.
    pub target: Name,
    /// A `Content`.
    pub content: u32,
    /// The generation of a content, a credential or an identity.
    pub generation: u32,
    /// A time for the header of a file, milliseconds since 1970.
    pub time: i64,
    /// A key.
    pub key: u64,
    /// A chain.
    pub cert: u64,
    /// The lifetime to request in place of the template's, in milliseconds.
    pub duration: u64,
    /// Whether there is such a lifetime: zero or one.
    pub has_duration: u8,
    /// A `Call`.
    pub call: u32,
    /// A `Credential`.
    pub credential: u32,
    /// The name of a request.
    pub request: Digest,
    /// An `ExitReason`.
    pub reason: u32,
    /// An `EventCode`.
    pub event: u32,
    /// A `Severity`.
    pub severity: u32,
    /// The event for an operator. It ends with NUL, and belongs to the step.
    pub text: Text,
    /// The event as JSON, with all details. It ends with NUL, and belongs to the step.
    pub json: Text,
}

/// The identity to present now.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// `sizeof(CertrotateLive)`.
    pub size: usize,
    /// Its key.
    pub key: u64,
    /// Its chain.
    pub cert: u64,
    /// Whether there is one: zero or one. If zero, present nothing.
    pub is_live: u8,
}
