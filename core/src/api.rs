//! The certificates API as core sees it: three calls, and the facts of an object or an error.

use alloc::string::String;

use crate::facts::{CertFacts, Usages};
use crate::id::{CertHandle, Generation, KeyDigest, KeyHandle, RequestDigest};
use crate::time::Span;

/// The credential of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Credential {
    /// The bootstrap kubeconfig's; the driver reads its file anew for each call.
    Bootstrap,
    /// The live identity.
    Live(Generation),
}

/// A call of the certificates API (`certificates.k8s.io/v1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Call {
    /// Create the CertificateSigningRequest kept with this key, under its name.
    Create {
        /// Key and request.
        key: KeyHandle,
    },
    /// Read the object of this name.
    Get {
        /// The name.
        request: RequestDigest,
    },
    /// List and watch the object of this name until it is denied, failed, deleted, or has a certificate. The server ends a watch after some minutes.
    Watch {
        /// The name.
        request: RequestDigest,
    },
}

/// A CertificateSigningRequest as the server showed it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CsrObject {
    /// The public key of `spec.request`; `None` if that cannot be read.
    pub key: Option<KeyDigest>,
    /// `spec.signerName`.
    pub signer: String,
    /// `spec.usages`.
    pub usages: Usages,
    /// `spec.username`: the user who created the object, as the server authenticated it. For a live identity that is its common
    /// name.
    #[cfg_attr(feature = "serde", serde(default))]
    pub username: String,
    /// Whether it has the condition Approved.
    pub approved: bool,
    /// Whether it has the condition Denied.
    pub denied: bool,
    /// Whether it has the condition Failed.
    pub failed: bool,
    /// `status.certificate`, if not empty.
    pub certificate: Option<Issued>,
}

/// The certificate in an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Issued {
    /// It could be read.
    Readable {
        /// The very bytes that were read.
        cert: CertHandle,
        /// What they say.
        facts: CertFacts,
    },
    /// It could not: not PEM, too large, too many certificates, trailing bytes, another block beside them.
    Unreadable,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ApiFault {
    /// The credential could not be read or used here: no file, malformed, not a pair.
    NoCredential,
    /// No connection, TLS failure, time-out on the wire, or a connection cut.
    Unreachable,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404, or the object was deleted while it was watched.
    NotFound,
    /// 409 on create: the name exists.
    AlreadyExists,
    /// 429.
    TooManyRequests {
        /// Retry-After, if any.
        retry_after: Option<Span>,
    },
    /// 400, 413 or 422: the request itself is not acceptable.
    Invalid,
    /// 5xx.
    ServerError {
        /// Retry-After, if any.
        retry_after: Option<Span>,
    },
    /// The watch ended without news, or its events could not be read.
    WatchEnded,
    /// The key of this handle is gone from the driver's key store, so its request cannot be sent. Core abandons the attempt, and
    /// makes another key. A live identity that is gone is [`Self::NoCredential`].
    HandleGone,
    /// The driver gave the answer of another kind of operation. Core says this; a driver never answers it.
    WrongKind,
    /// Any other answer, or one that is not what Kubernetes sends.
    Unexpected,
}
