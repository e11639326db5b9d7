//! The key store as the certificate directory sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certrotate_core::disk::Content;
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_x509::{Bundle, PendingRequest};
use zeroize::Zeroizing;

use crate::key_store::KeyStore;
use crate::staged::{Staged, StoredKey};
use crate::vault::Vault;

/// The disk thread's view of a [`KeyStore`]: a [`Vault`]. Cheap to clone: a clone stages into the same place.
///
/// Keys and chains of a scan are staged here. [`Staging::take`] gives them to the answer of the scan.
#[derive(Clone, Debug)]
pub struct Staging {
    store: KeyStore,
    staged: Arc<Mutex<Staged>>,
}

impl Staging {
    /// Returns a vault whose files have the bytes of this store.
    #[must_use]
    pub fn new(store: KeyStore) -> Self {
        Self { store, staged: Arc::default() }
    }

    fn staged(&self) -> MutexGuard<'_, Staged> {
        // Each change is a single addition: a panic elsewhere leaves nothing half done.
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the keys and chains that were staged since the last call. Call it after each disk command, and send them with
    /// its answer.
    pub fn take(&self) -> Staged {
        std::mem::take(&mut *self.staged())
    }
}

impl Vault for Staging {
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
        self.store.content(content).ok()
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let (key, cert) = (KeyHandle(self.store.next()), CertHandle(self.store.next()));
        let mut staged = self.staged();
        staged.add_key(key, StoredKey::Key(bundle.key));
        staged.add_chain(cert, bundle.chain, bundle.facts);
        (key, cert)
    }

    fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
        let key = KeyHandle(self.store.next());
        self.staged().add_key(key, StoredKey::Pending(Box::new(request)));
        key
    }
}
