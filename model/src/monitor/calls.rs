//! The calls in flight, as the monitor remembers them.

use certrotate_core::id::{OpId, RequestDigest, RunId};
use certrotate_core::issuer::Credential;

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Live,
    Bootstrap,
}

impl From<Credential> for Kind {
    fn from(credential: Credential) -> Self {
        match credential {
            Credential::Live(_) => Self::Live,
            Credential::Bootstrap => Self::Bootstrap,
        }
    }
}

/// A request, by a part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RequestTag(u64);

impl From<RequestDigest> for RequestTag {
    fn from(RequestDigest(digest): RequestDigest) -> Self {
        Self(digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

/// A call in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallInFlight {
    pub(super) op: OpId,
    pub(super) what: Verb,
    pub(super) tag: RequestTag,
    pub(super) credential: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    Create,
    Get,
    Watch,
}

impl Default for CallInFlight {
    fn default() -> Self {
        let op = OpId { run: RunId(0), seq: 0 };
        Self { op, what: Verb::Get, tag: RequestTag(0), credential: Kind::Live }
    }
}
