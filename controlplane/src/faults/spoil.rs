//! Defects that a fault gives to issued certificates.

use std::time::Duration;

/// How an issued certificate is spoiled. Several may be set at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Spoil {
    /// For a key that is not the request's.
    WrongKey,
    /// Subject `O=system:nodes, CN=system:node:somebody-else`.
    WrongSubject,
    /// Usages server auth and key encipherment, whatever the request.
    WrongUsage,
    /// Basic constraints say CA:TRUE.
    CaTrue,
    /// Ended this long ago.
    Expired(Duration),
    /// Starts this long from now.
    NotYetValid(Duration),
    /// Expires this long from now, whatever the requested lifetime.
    ShortLived(Duration),
    /// Signed by another authority of the same name.
    ForeignCa,
}
