//! Who sends a request.

use certrotate_core::id::LeafDigest;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A bootstrapper: the valid token.
    Bootstrap,
    /// A token that is not valid.
    BadToken,
    /// A client certificate.
    Certificate(LeafDigest),
    /// An anonymous client.
    Anonymous,
}

impl Caller {
    /// In words, for the trace.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Bootstrap => "the bootstrap token",
            Self::BadToken => "an invalid token",
            Self::Certificate(_) => "its certificate",
            Self::Anonymous => "nobody",
        }
    }
}
