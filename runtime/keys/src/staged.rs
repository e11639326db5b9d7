//! Keys and chains between their operation and the step that gives core its answer.

use std::fmt;

use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_x509::{CertChain, PendingRequest, SecretKey};

use crate::MAX_HANDLES;

pub(crate) enum StoredKey {
    /// A key with the request that it signed.
    Pending(Box<PendingRequest>),
    /// A key from a bundle.
    Key(SecretKey),
}

impl StoredKey {
    pub(crate) fn key(&self) -> &SecretKey {
        match self {
            Self::Pending(request) => request.key(),
            Self::Key(key) => key,
        }
    }
}

/// The keys and chains of one answer on its way to core. Dropping them erases them.
///
/// A driver sends them together with the [`Input`](certrotate_core::input::Input) that names them.
/// `Debug` shows counts only.
#[derive(Default)]
#[must_use = "dropping it erases the keys of the answer"]
pub struct Staged {
    pub(crate) keys: Vec<(KeyHandle, StoredKey)>,
    pub(crate) certs: Vec<(CertHandle, CertChain, CertFacts)>,
}

impl Staged {
    /// Adds a key. Above the limit it is erased at once: the driver does not take what a scan stages.
    pub(crate) fn add_key(&mut self, handle: KeyHandle, key: StoredKey) {
        if self.keys.len() < MAX_HANDLES {
            self.keys.push((handle, key));
        }
    }

    /// Adds a chain; as [`Staged::add_key`].
    pub(crate) fn add_chain(&mut self, handle: CertHandle, chain: CertChain, facts: CertFacts) {
        if self.certs.len() < MAX_HANDLES {
            self.certs.push((handle, chain, facts));
        }
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("keys", &self.keys.len())
            .field("chains", &self.certs.len())
            .finish_non_exhaustive()
    }
}
