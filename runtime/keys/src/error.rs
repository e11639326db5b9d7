//! The failures of the key store.

use std::fmt;

use certrotate_core::disk::DiskFault;
use certrotate_core::issuer::IssuerFault;
use certrotate_core::view::Handle;

use crate::MAX_HANDLES;

/// A key or chain is not in the store: it was erased, or its answer was not accepted.
///
/// The driver answers the operation that needed it with the fault `HandleGone`. Core then abandons the attempt and makes
/// another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandleGone(
    /// The handle.
    pub Handle,
);

impl fmt::Display for HandleGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Handle::Key(key) => write!(f, "key {} is not in memory", key.0)?,
            Handle::Cert(cert) => write!(f, "certificate {} is not in memory", cert.0)?,
        }
        f.write_str("; restart to read it from disk, and report it: the driver erased it too early")
    }
}

impl std::error::Error for HandleGone {}

impl From<HandleGone> for DiskFault {
    fn from(_: HandleGone) -> Self {
        Self::HandleGone
    }
}

impl From<HandleGone> for IssuerFault {
    fn from(_: HandleGone) -> Self {
        Self::HandleGone
    }
}

/// The store has [`MAX_HANDLES`] keys and chains, and erased the new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the key store already has {MAX_HANDLES} keys and certificates, and takes no more; report it: the driver does not erase those that Step::erase lists"
        )
    }
}

impl std::error::Error for Full {}
