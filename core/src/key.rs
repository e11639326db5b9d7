//! The answers about a key.

use crate::id::{KeyDigest, KeyHandle, RequestDigest};

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
    /// The driver gave the answer of another kind of operation. Core says this; a driver never answers it.
    WrongKind,
}
