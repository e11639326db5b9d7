//! The bytes behind handles, as the certificate directory needs them.

use certrotate_core::disk::Content;
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_x509::{Bundle, PendingRequest};
use zeroize::Zeroizing;

/// The driver's store of key and certificate bytes, as `certrotate-store` sees it: [`Staging`](crate::Staging) is the real
/// one. The driver shares it with other code. A thread that runs a store holds no lock on the vault between two calls.
pub trait Vault {
    /// Returns the exact file bytes of `content`; `None` if a handle in it is unknown.
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>>;

    /// Keeps a bundle that a scan read, under handles never used before in this run.
    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle);

    /// Keeps the request of a pending file, under a handle never used before in this run.
    fn keep_pending(&self, request: PendingRequest) -> KeyHandle;
}
