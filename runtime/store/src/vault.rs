//! The bytes behind handles.

use certrotate_core::disk::Content;
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_x509::{Bundle, PendingRequest};
use zeroize::Zeroizing;

/// Where the driver keeps the bytes of keys and certificates. Shared with whatever else uses them; a thread that
/// runs a [`Store`](crate::store::Store) holds no lock of it between two calls.
pub trait Vault {
    /// The bytes of `content`, just as they are to be in the file; `None` if a handle in it is unknown.
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>>;

    /// Keeps what was read from a bundle, under handles never used before in this run.
    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle);

    /// Keeps what was read from a pending file, under a handle never used before in this run.
    fn keep_pending(&self, request: PendingRequest) -> KeyHandle;
}
