//! Keys and chains by handle, shared by the store and the node.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use certrotate_core::config::Template;
use certrotate_core::disk::{BundleHeader, Content};
use certrotate_core::id::{CertHandle, KeyHandle, LeafDigest, RequestDigest};
use certrotate_core::input::MadeKey;
use certrotate_core::view::Handle;
use certrotate_store::Vault;
use certrotate_x509::{Bundle, CertChain, PendingRequest, SecretKey, bundle, pending};
use zeroize::Zeroizing;

/// The keys and chains. A clone shares them. `Debug` shows no key.
#[derive(Clone, Default)]
pub struct Ring(Rc<RefCell<Things>>);

#[derive(Default)]
struct Things {
    last: u64,
    keys: BTreeMap<KeyHandle, Key>,
    chains: BTreeMap<CertHandle, (CertChain, LeafDigest)>,
}

enum Key {
    Pending(PendingRequest),
    Alone(SecretKey),
}

impl Things {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Ring {
    /// Makes a key with its request.
    ///
    /// # Panics
    ///
    /// The system has no randomness.
    #[must_use]
    pub fn make(&self, template: &Template) -> MadeKey {
        let request = PendingRequest::make(template).expect("the system has randomness");
        let (key_digest, digest) = (request.key_digest(), request.request());
        MadeKey { key: self.keep_pending(request), key_digest, request: digest }
    }

    /// Returns what core's request for a key carries: the name and the PEM.
    #[must_use]
    pub fn request(&self, key: KeyHandle) -> Option<(RequestDigest, String)> {
        match self.0.borrow().keys.get(&key)? {
            Key::Pending(request) => Some((request.request(), request.csr_pem().to_owned())),
            Key::Alone(_) => None,
        }
    }

    /// Keeps an issued chain.
    #[must_use]
    pub fn keep_chain(&self, chain: CertChain, leaf: LeafDigest) -> CertHandle {
        let mut things = self.0.borrow_mut();
        let handle = CertHandle(things.next());
        things.chains.insert(handle, (chain, leaf));
        handle
    }

    /// Returns the leaf digest of a kept chain.
    #[must_use]
    pub fn leaf(&self, cert: CertHandle) -> Option<LeafDigest> {
        self.0.borrow().chains.get(&cert).map(|(_, leaf)| *leaf)
    }

    /// Erases every handle except these.
    pub fn retain(&self, needed: &[Handle]) {
        let mut things = self.0.borrow_mut();
        things.keys.retain(|handle, _| needed.contains(&Handle::Key(*handle)));
        things.chains.retain(|handle, _| needed.contains(&Handle::Cert(*handle)));
    }
}

impl Vault for Ring {
    fn content(&self, content: &Content) -> Option<Zeroizing<Vec<u8>>> {
        let things = self.0.borrow();
        match *content {
            Content::Pending { generation, key, made } => match things.keys.get(&key)? {
                Key::Pending(request) => Some(pending::encode(request, generation, made)),
                Key::Alone(_) => None,
            },
            Content::Bundle { generation, key, cert, issued } => {
                let key = match things.keys.get(&key)? {
                    Key::Pending(request) => request.key(),
                    Key::Alone(key) => key,
                };
                let (chain, _) = things.chains.get(&cert)?;
                Some(bundle::encode(chain, key, BundleHeader { generation, issued }))
            }
        }
    }

    fn keep_bundle(&self, bundle: Bundle) -> (KeyHandle, CertHandle) {
        let mut things = self.0.borrow_mut();
        let (key, cert) = (KeyHandle(things.next()), CertHandle(things.next()));
        things.keys.insert(key, Key::Alone(bundle.key));
        things.chains.insert(cert, (bundle.chain, bundle.facts.leaf));
        (key, cert)
    }

    fn keep_pending(&self, request: PendingRequest) -> KeyHandle {
        let mut things = self.0.borrow_mut();
        let key = KeyHandle(things.next());
        things.keys.insert(key, Key::Pending(request));
        key
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let things = self.0.borrow();
        f.debug_struct("Ring").field("keys", &things.keys.len()).finish_non_exhaustive()
    }
}
