//! Credentials and faults of calls in words.

use core::fmt;

use super::{Credential, IssuerFault};
use crate::time::Span;

impl core::error::Error for IssuerFault {}

impl fmt::Display for IssuerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoCredential => f.write_str("the credential cannot be used; check its file"),
            Self::Unreachable => f.write_str("the issuer cannot be reached; check its address"),
            Self::NotAuthenticated => f.write_str(
                "the issuer does not accept the credential; if it is expired or for another issuer, replace it",
            ),
            Self::NotPermitted => {
                f.write_str("the issuer forbids it to this credential; check its permissions")
            }
            Self::NotFound => f.write_str("the issuer does not have the request; it is made again"),
            Self::AlreadyExists => f.write_str("the issuer has the request already"),
            Self::Throttled { retry_after } => waiting(f, "the issuer limits requests", retry_after),
            Self::Invalid => {
                f.write_str("the issuer rejects the request as invalid; check its version and its rules")
            }
            Self::Unavailable { retry_after } => waiting(f, "the issuer failed; see its log", retry_after),
            Self::WatchEnded => f.write_str("the watch ended without news"),
            Self::HandleGone => {
                f.write_str("the request's key is not in memory; this is a bug of the driver: report it")
            }
            Self::WrongKind => {
                f.write_str("a call got an answer of another kind; this is a bug of the driver: report it")
            }
            Self::Unexpected => {
                f.write_str("the answer of the issuer was not understood; check its address")
            }
        }
    }
}

fn waiting(f: &mut fmt::Formatter<'_>, text: &str, retry_after: Option<Span>) -> fmt::Result {
    f.write_str(text)?;
    match retry_after {
        Some(wait) => write!(f, "; it names a wait of {wait}"),
        None => Ok(()),
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap => f.write_str("the bootstrap credential"),
            Self::Live(generation) => write!(f, "the live certificate {generation}"),
        }
    }
}
