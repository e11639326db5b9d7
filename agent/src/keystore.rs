//! Keys, requests and certificate chains by handle: the bytes that core never sees.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certrotate_core::config::Template;
use certrotate_core::disk::{BundleHeader, Content};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::input::{KeyFault, MadeKey};
use certrotate_core::time::Span;
use certrotate_core::view::Handle;
use certrotate_store::Vault;
use certrotate_x509::{
    Bundle, CertChain, KeyType, PendingRequest, RequestError, SecretKey, bundle, pending, request_name,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::edges::{Randomness, SystemRandomness};
use crate::identity::Identity;

/// Makes keys: a port of the driver.
pub trait Keys {
    /// Makes a key and signs the request for the configured template with it, `duration` in place of the template's.
    ///
    /// # Errors
    ///
    /// The system's randomness or the signing failed.
    fn make(&self, duration: Option<Span>) -> (Result<MadeKey, KeyFault>, Staged);

    /// Returns [`Keys::make`] for a thread of its own where it would block the event loop: an RSA key takes seconds.
    fn slow_make(&self, duration: Option<Span>) -> Option<SlowMake> {
        let _ = duration;
        None
    }

    /// Makes requests for this template from now on.
    fn set_template(&self, template: &Template);

    /// Adds the keys and chains of an answer, in the step that hands the answer to core.
    fn accept(&self, staged: Staged);

    /// Erases all keys and chains except these.
    fn retain(&self, needed: &[Handle]);
}

/// A call of [`Keys::make`] that takes long.
pub type SlowMake = Box<dyn FnOnce() -> (Result<MadeKey, KeyFault>, Staged) + Send>;

/// A certificate signing request for a key, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// The object's name.
    pub name: String,
    /// The certificate request (PKCS#10) in PEM.
    pub csr_pem: String,
    /// The template: signer name, usages and lifetime of the request.
    pub template: Template,
}

/// The one place for key bytes in the process, apart from the live identity. Cheap to clone: a clone is the same store.
///
/// `Debug` shows the number of keys and chains and nothing of their content. Erased keys are overwritten.
#[derive(Clone)]
pub struct KeyStore {
    template: Arc<Mutex<Template>>,
    key_type: KeyType,
    randomness: Arc<dyn Randomness>,
    content: Arc<Mutex<Contents>>,
}

#[derive(Default)]
struct Contents {
    last: u64,
    keys: BTreeMap<KeyHandle, StoredKey>,
    certs: BTreeMap<CertHandle, (CertChain, CertFacts)>,
}

enum StoredKey {
    /// A key with the request that it signed.
    Pending(PendingRequest),
    /// A key from a bundle.
    Key(SecretKey),
}

impl StoredKey {
    fn key(&self) -> &SecretKey {
        match self {
            Self::Pending(request) => request.key(),
            Self::Key(key) => key,
        }
    }
}

impl KeyStore {
    /// An empty store that makes requests for this template, with P-256 keys.
    #[must_use]
    pub fn new(template: Template) -> Self {
        Self {
            template: Arc::new(Mutex::new(template)),
            key_type: KeyType::default(),
            randomness: Arc::new(SystemRandomness),
            content: Arc::default(),
        }
    }

    /// The same store, which makes keys of this type from now on. Keys of every type are kept and read.
    #[must_use]
    pub fn with_key_type(self, key_type: KeyType) -> Self {
        Self { key_type, ..self }
    }

    /// The same store, which takes its keys from this source.
    #[must_use]
    pub fn with_randomness(self, randomness: Arc<dyn Randomness>) -> Self {
        Self { randomness, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Each change is a single insertion or removal: a panic elsewhere leaves nothing half done.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn template(&self) -> MutexGuard<'_, Template> {
        // It is only ever replaced as a whole.
        self.template.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the request for this key; `None` if the handle is unknown or the key came from a bundle.
    #[must_use]
    pub fn signing_request(&self, key: KeyHandle) -> Option<SigningRequest> {
        match self.lock().keys.get(&key)? {
            StoredKey::Key(_) => None,
            StoredKey::Pending(request) => Some(SigningRequest {
                name: request_name(&request.request()),
                csr_pem: request.csr_pem().to_owned(),
                template: request.template().clone(),
            }),
        }
    }

    /// Gives an issued chain a handle never used before; it joins the store with the answer that it came with.
    pub(crate) fn stage_chain(&self, staged: &mut Staged, chain: CertChain, facts: CertFacts) -> CertHandle {
        let handle = CertHandle(self.lock().next());
        staged.certs.push((handle, chain, facts));
        handle
    }

    /// Returns an identity that is ready to be presented.
    ///
    /// # Errors
    ///
    /// A handle is unknown, or key and chain cannot be used together; either is a bug elsewhere.
    pub fn identity(
        &self,
        generation: Generation,
        key: KeyHandle,
        cert: CertHandle,
    ) -> Result<Identity, IdentityError> {
        let content = self.lock();
        let (Some(kept), Some((chain, facts))) = (content.keys.get(&key), content.certs.get(&cert)) else {
            return Err(IdentityError::Unknown);
        };
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(kept.key().pkcs8_der()));
        let signer = crate::tls::signer(&der, chain.ders().to_vec()).map_err(|_| IdentityError::NotAPair)?;
        Ok(Identity::new(generation, chain.leaf_summary().clone(), facts, signer))
    }
}

impl Contents {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// Why an identity cannot be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// A handle names nothing.
    Unknown,
    /// rustls takes key and chain for no pair.
    NotAPair,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "its key or certificate is not in memory; restart to read it from disk",
            Self::NotAPair => {
                "its key and certificate cannot be used together; restart to judge the files again"
            }
        })
    }
}

impl std::error::Error for IdentityError {}

impl Keys for KeyStore {
    fn make(&self, duration: Option<Span>) -> (Result<MadeKey, KeyFault>, Staged) {
        let template = Template { duration, ..self.template().clone() };
        let mut staged = Staged::default();
        let key = self.randomness.key(self.key_type).map_err(RequestError::from);
        let request = match key.and_then(|key| PendingRequest::with_key(key, &template)) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!("cannot make a key: {error}");
                return (Err(KeyFault::Failed), staged);
            }
        };
        let (key_digest, digest) = (request.key_digest(), request.request());
        let key = KeyHandle(self.lock().next());
        staged.keys.push((key, StoredKey::Pending(request)));
        (Ok(MadeKey { key, key_digest, request: digest }), staged)
    }

    fn slow_make(&self, duration: Option<Span>) -> Option<SlowMake> {
        if matches!(self.key_type, KeyType::P256 | KeyType::P384 | KeyType::Ed25519) {
            return None;
        }
        let store = self.clone();
        Some(Box::new(move || store.make(duration)))
    }

    fn set_template(&self, template: &Template) {
        self.template().clone_from(template);
    }

    fn accept(&self, staged: Staged) {
        let mut content = self.lock();
        content.keys.extend(staged.keys);
        content.certs.extend(staged.certs.into_iter().map(|(handle, chain, facts)| (handle, (chain, facts))));
    }

    fn retain(&self, needed: &[Handle]) {
        let mut content = self.lock();
        content.keys.retain(|handle, _| needed.contains(&Handle::Key(*handle)));
        content.certs.retain(|handle, _| needed.contains(&Handle::Cert(*handle)));
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = self.lock();
        f.debug_struct("KeyStore")
            .field("keys", &content.keys.len())
            .field("chains", &content.certs.len())
            .finish_non_exhaustive()
    }
}

/// The disk thread's view of a [`KeyStore`]. Cheap to clone: a clone stages into the same place.
///
/// Keys and chains of a scan are staged here. They join the store only in the step that hands the scan to core: core
/// names no handle before that step, and the store erases every handle that core does not name.
#[derive(Clone, Debug)]
pub struct Staging {
    store: KeyStore,
    staged: Arc<Mutex<Staged>>,
}

/// Keys and chains on their way to the store. Dropping them erases them.
#[derive(Default)]
pub struct Staged {
    keys: Vec<(KeyHandle, StoredKey)>,
    certs: Vec<(CertHandle, CertChain, CertFacts)>,
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Staging {
    pub(crate) fn new(store: KeyStore) -> Self {
        Self { store, staged: Arc::default() }
    }

    fn staged(&self) -> MutexGuard<'_, Staged> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the keys and chains that were staged since the last call.
    pub(crate) fn take(&self) -> Staged {
        std::mem::take(&mut *self.staged())
    }
}

impl Vault for Staging {
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
        let store = self.store.lock();
        match *content {
            Content::Pending { generation, key, made } => match store.keys.get(&key)? {
                StoredKey::Pending(request) => Some(pending::encode(request, generation, made)),
                StoredKey::Key(_) => None,
            },
            Content::Bundle { generation, key, cert, issued } => {
                let (chain, _) = store.certs.get(&cert)?;
                let key = store.keys.get(&key)?.key();
                Some(bundle::encode(chain, key, BundleHeader { generation, issued }))
            }
        }
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let (key, cert) = {
            let mut content = self.store.lock();
            (KeyHandle(content.next()), CertHandle(content.next()))
        };
        let mut staged = self.staged();
        staged.keys.push((key, StoredKey::Key(bundle.key)));
        staged.certs.push((cert, bundle.chain, bundle.facts));
        (key, cert)
    }

    fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
        let key = KeyHandle(self.store.lock().next());
        self.staged().keys.push((key, StoredKey::Pending(request)));
        key
    }
}

impl KeyStore {
    /// The handles of everything that is kept.
    #[must_use]
    pub fn handles(&self) -> BTreeSet<Handle> {
        let content = self.lock();
        let keys = content.keys.keys().copied().map(Handle::Key);
        keys.chain(content.certs.keys().copied().map(Handle::Cert)).collect()
    }
}
