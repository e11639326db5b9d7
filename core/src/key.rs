//! The answers about a key.

use core::fmt;

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
#[non_exhaustive]
pub enum KeyFault {
    /// The system's randomness or the signing failed.
    Failed,
    /// The driver gave the answer of another kind of operation. Core says this; a driver never answers it.
    WrongKind,
}

impl core::error::Error for KeyFault {}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the system's randomness or the signing failed",
            Self::WrongKind => "an answer of another kind was given, which is a bug",
        })
    }
}
