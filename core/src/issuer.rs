//! The issuer as core sees it: three calls, and the facts of a request or a fault.
//!
//! An issuer is the server that turns a request into a certificate: the certificates API of a cluster, a PKI service, an
//! ACME or EST server. The driver has the adapter for its protocol.

use alloc::string::String;

use crate::facts::{CertFacts, Usages};
use crate::id::{CertHandle, Generation, KeyDigest, KeyHandle, RequestDigest};
use crate::time::Span;

mod text;

/// The credential of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Credential {
    /// The bootstrap credential; the driver reads it anew for each call.
    Bootstrap,
    /// The live identity.
    Live(Generation),
}

/// A call of the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Call {
    /// Send the request kept with this key, under its name.
    Create {
        /// Key and request.
        key: KeyHandle,
    },
    /// Read the state of the request of this name.
    Get {
        /// The name.
        request: RequestDigest,
    },
    /// Wait until the request of this name is denied, failed, deleted, or has a certificate. An issuer that cannot be waited for
    /// answers [`IssuerFault::WatchEnded`] at once, and is polled.
    Watch {
        /// The name.
        request: RequestDigest,
    },
}

/// A request as the issuer shows it.
///
/// An issuer that does not show key, signer or usages of a request has an adapter that remembers them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestRecord {
    /// Its public key; `None` if that cannot be read.
    pub key: Option<KeyDigest>,
    /// The name of the signer that it is for.
    pub signer: String,
    /// The requested usages.
    pub usages: Usages,
    /// The user who made it, as the issuer authenticated it; empty if the issuer does not say. For a live identity that is its
    /// common name.
    pub requester: String,
    /// Its state.
    pub state: RequestState,
}

/// The state of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RequestState {
    /// Nothing is decided.
    Pending,
    /// It was approved, and is not signed yet.
    Approved,
    /// It was denied, and will never be signed.
    Denied,
    /// It was approved, and the signer cannot sign it.
    Failed,
    /// It has a certificate.
    Issued {
        /// The very bytes that were read.
        cert: CertHandle,
        /// What they say.
        facts: CertFacts,
    },
    /// It has a certificate that cannot be read: not PEM, too large, too many certificates, trailing bytes, another block beside
    /// them.
    IssuedUnreadable,
}

/// Why a call failed. Each protocol has its own codes; the driver's adapter translates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum IssuerFault {
    /// The credential could not be read or used here: no file, malformed, not a pair.
    NoCredential,
    /// No connection, TLS failure, time-out on the wire, or a connection cut.
    Unreachable,
    /// The issuer does not accept the credential.
    NotAuthenticated,
    /// The issuer accepts the credential, and does not permit it this call.
    NotPermitted,
    /// The issuer does not have the request, or the request was deleted while it was watched.
    NotFound,
    /// The issuer has a request of this name already. Only a create gets this.
    AlreadyExists,
    /// The issuer limits the rate of calls.
    Throttled {
        /// The shortest wait before the next call that the issuer names, if any.
        retry_after: Option<Span>,
    },
    /// The issuer rejects the request itself.
    Invalid,
    /// The issuer failed, or cannot answer now.
    Unavailable {
        /// The shortest wait before the next call that the issuer names, if any.
        retry_after: Option<Span>,
    },
    /// The watch ended without news, or its events could not be read.
    WatchEnded,
    /// The key of this handle is gone from the driver's key store, so its request cannot be sent. Core abandons the attempt, and
    /// makes another key. A live identity that is gone is [`Self::NoCredential`].
    HandleGone,
    /// The driver gave the answer of another kind of operation. Core says this; a driver never answers it.
    WrongKind,
    /// Any other answer, or one that the protocol does not allow.
    Unexpected,
}
