//! Keys, requests and chains by handle.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use certrotate_core::config::Template;
use certrotate_core::disk::{BundleHeader, Content};
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, KeyHandle};
use certrotate_core::input::{Input, MadeKey};
use certrotate_core::time::Span;
use certrotate_core::view::Handle;
use certrotate_x509::{
    CertChain, KeyError, KeyType, PendingRequest, RequestError, SecretKey, bundle, pending, request_name,
};
use zeroize::Zeroizing;

use crate::MAX_HANDLES;
use crate::error::{Full, HandleGone};
use crate::staged::{Staged, StoredKey};

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

/// Makes keys of a type.
type KeySource = Arc<dyn Fn(KeyType) -> Result<SecretKey, KeyError> + Send + Sync>;

/// The one place for key bytes in the process, apart from TLS. Cheap to clone: a clone is the same store, for any thread.
///
/// `Debug` shows the number of keys and chains and nothing of their content. Erased keys are overwritten.
#[derive(Clone)]
pub struct KeyStore {
    template: Arc<Mutex<Template>>,
    key_type: KeyType,
    source: KeySource,
    content: Arc<Mutex<Contents>>,
}

#[derive(Default)]
struct Contents {
    last: u64,
    keys: BTreeMap<KeyHandle, StoredKey>,
    certs: BTreeMap<CertHandle, (CertChain, CertFacts)>,
}

impl Contents {
    fn key(&self, key: KeyHandle) -> Result<&StoredKey, HandleGone> {
        self.keys.get(&key).ok_or(HandleGone(Handle::Key(key)))
    }

    fn chain(&self, cert: CertHandle) -> Result<&(CertChain, CertFacts), HandleGone> {
        self.certs.get(&cert).ok_or(HandleGone(Handle::Cert(cert)))
    }
}

impl KeyStore {
    /// An empty store that makes requests for this template, with P-256 keys.
    #[must_use]
    pub fn new(template: Template) -> Self {
        Self {
            template: Arc::new(Mutex::new(template)),
            key_type: KeyType::default(),
            source: Arc::new(SecretKey::generate_as),
            content: Arc::default(),
        }
    }

    /// The same store, which makes keys of this type from now on. Keys of every type are kept and read.
    #[must_use]
    pub fn with_key_type(self, key_type: KeyType) -> Self {
        Self { key_type, ..self }
    }

    /// The same store, which takes its keys from this source. A source that returns a key twice breaks S10.
    #[must_use]
    pub fn with_source(
        self,
        source: impl Fn(KeyType) -> Result<SecretKey, KeyError> + Send + Sync + 'static,
    ) -> Self {
        Self { source: Arc::new(source), ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Each change is a single insertion or removal: a panic elsewhere leaves nothing half done.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn template(&self) -> MutexGuard<'_, Template> {
        // It is only ever replaced as a whole.
        self.template.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a number that no handle of this store has.
    pub(crate) fn next(&self) -> u64 {
        let mut content = self.lock();
        content.last += 1;
        content.last
    }

    /// Makes requests for this template from now on: call it when core applied
    /// [`Input::Reconfigure`], before the actions of that step.
    pub fn set_template(&self, template: &Template) {
        self.template().clone_from(template);
    }

    /// Whether [`KeyStore::make`] takes seconds, as RSA does: then it belongs on a thread of its own.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        !matches!(self.key_type, KeyType::P256 | KeyType::P384 | KeyType::Ed25519)
    }

    /// Carries out `MakeKey`: makes a key and signs the request for the template with it, `duration` in place of the
    /// template's. The key belongs to the answer until [`KeyStore::accept`].
    ///
    /// # Errors
    ///
    /// The system has no randomness, or the template cannot be requested: answer `KeyFault::Failed`.
    pub fn make(&self, duration: Option<Span>) -> Result<(MadeKey, Staged), RequestError> {
        let template = Template { duration, ..self.template().clone() };
        let request = PendingRequest::with_key((self.source)(self.key_type)?, &template)?;
        let key = KeyHandle(self.next());
        let made = MadeKey { key, key_digest: request.key_digest(), request: request.request() };
        let mut staged = Staged::default();
        staged.add_key(key, StoredKey::Pending(Box::new(request)));
        Ok((made, staged))
    }

    /// Gives an issued chain a handle never used before. The chain belongs to the answer until [`KeyStore::accept`].
    pub fn stage_chain(&self, staged: &mut Staged, chain: CertChain, facts: CertFacts) -> CertHandle {
        let handle = CertHandle(self.next());
        staged.add_chain(handle, chain, facts);
        handle
    }

    /// Adds the keys and chains of an answer. Call it right before the step that gives `input` to core.
    ///
    /// The store erases the staged keys and chains that the input does not name, those of a failed scan for example: core
    /// never learns of them, so no step lists them for erasure.
    ///
    /// # Errors
    ///
    /// The store is full, and erased the new keys and chains. Step the input all the same: core answers `HandleGone` by
    /// making another key.
    pub fn accept(&self, staged: Staged, input: &Input) -> Result<(), Full> {
        if staged.keys.is_empty() && staged.certs.is_empty() {
            return Ok(());
        }
        let named = input.handles();
        let Staged { mut keys, mut certs } = staged;
        keys.retain(|(handle, _)| named.contains(&Handle::Key(*handle)));
        certs.retain(|(handle, ..)| named.contains(&Handle::Cert(*handle)));
        let mut content = self.lock();
        if content.keys.len() + content.certs.len() + keys.len() + certs.len() > MAX_HANDLES {
            return Err(Full);
        }
        content.keys.extend(keys);
        content.certs.extend(certs.into_iter().map(|(handle, chain, facts)| (handle, (chain, facts))));
        Ok(())
    }

    /// Erases the keys and chains that [`Step::erase`](certrotate_core::rotator::Step::erase) lists. Call it after the
    /// actions of the step.
    pub fn erase(&self, erase: &[Handle]) {
        let mut content = self.lock();
        for handle in erase {
            match handle {
                Handle::Key(key) => drop(content.keys.remove(key)),
                Handle::Cert(cert) => drop(content.certs.remove(cert)),
            }
        }
    }

    /// Returns the request for a key.
    ///
    /// # Errors
    ///
    /// The key is not in the store, or it came from a bundle and has no request.
    pub fn signing_request(&self, key: KeyHandle) -> Result<SigningRequest, HandleGone> {
        match self.lock().key(key)? {
            StoredKey::Key(_) => Err(HandleGone(Handle::Key(key))),
            StoredKey::Pending(request) => Ok(SigningRequest {
                name: request_name(&request.request()),
                csr_pem: request.csr_pem().to_owned(),
                template: request.template().clone(),
            }),
        }
    }

    /// Returns the exact file bytes of `content`, with the key in PKCS#8; erased when dropped.
    ///
    /// # Errors
    ///
    /// A key or chain of it is not in the store.
    pub fn content(&self, content: &Content) -> Result<Zeroizing<Vec<u8>>, HandleGone> {
        let store = self.lock();
        match *content {
            Content::Pending { generation, key, made } => match store.key(key)? {
                StoredKey::Pending(request) => Ok(pending::encode(request, generation, made)),
                StoredKey::Key(_) => Err(HandleGone(Handle::Key(key))),
            },
            Content::Bundle { generation, key, cert, issued } => {
                let (chain, _) = store.chain(cert)?;
                let key = store.key(key)?.key();
                Ok(bundle::encode(chain, key, BundleHeader { generation, issued }))
            }
        }
    }

    /// Lends a key and a chain to `read`, which makes a TLS configuration of them: carries out `GoLive`.
    ///
    /// The store is locked meanwhile, so `read` must not call it.
    ///
    /// # Errors
    ///
    /// The key or the chain is not in the store.
    pub fn lend<T>(
        &self,
        key: KeyHandle,
        cert: CertHandle,
        read: impl FnOnce(&SecretKey, &CertChain, &CertFacts) -> T,
    ) -> Result<T, HandleGone> {
        let content = self.lock();
        let ((chain, facts), key) = (content.chain(cert)?, content.key(key)?.key());
        Ok(read(key, chain, facts))
    }

    /// Returns the handles of everything that is kept, without the staged keys and chains.
    #[must_use]
    pub fn handles(&self) -> BTreeSet<Handle> {
        let content = self.lock();
        let keys = content.keys.keys().copied().map(Handle::Key);
        keys.chain(content.certs.keys().copied().map(Handle::Cert)).collect()
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
