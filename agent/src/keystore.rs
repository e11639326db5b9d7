//! The key store as a port of the driver, and identities for TLS made from it.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use certrotate_core::config::Template;
use certrotate_core::facts::CertFacts;
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::input::{Input, KeyFault, MadeKey};
use certrotate_core::time::Span;
use certrotate_core::view::Handle;
use certrotate_keys::HandleGone;
use certrotate_x509::{CertChain, SecretKey};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::identity::Identity;

pub use certrotate_keys::{KeyStore, SigningRequest, Staged, Staging};

/// Makes and keeps keys: a port of the driver.
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

    /// Adds the keys and chains of an answer, in the step that gives the answer to core.
    fn accept(&self, staged: Staged, input: &Input);

    /// Erases these keys and chains.
    fn erase(&self, erase: &[Handle]);
}

/// A call of [`Keys::make`] that takes long.
pub type SlowMake = Box<dyn FnOnce() -> (Result<MadeKey, KeyFault>, Staged) + Send>;

impl Keys for KeyStore {
    fn make(&self, duration: Option<Span>) -> (Result<MadeKey, KeyFault>, Staged) {
        match Self::make(self, duration) {
            Ok((made, staged)) => (Ok(made), staged),
            Err(error) => {
                tracing::error!("cannot make a key: {error}");
                (Err(KeyFault::Failed), Staged::default())
            }
        }
    }

    fn slow_make(&self, duration: Option<Span>) -> Option<SlowMake> {
        if !self.is_slow() {
            return None;
        }
        let store = self.clone();
        Some(Box::new(move || Keys::make(&store, duration)))
    }

    fn set_template(&self, template: &Template) {
        Self::set_template(self, template);
    }

    fn accept(&self, staged: Staged, input: &Input) {
        if let Err(error) = Self::accept(self, staged, input) {
            tracing::error!("{error}");
        }
    }

    fn erase(&self, erase: &[Handle]) {
        Self::erase(self, erase);
    }
}

/// Returns an identity that is ready to be presented.
///
/// # Errors
///
/// A handle is unknown, or key and chain cannot be used together; either is a bug elsewhere.
pub fn identity(
    store: &KeyStore,
    generation: Generation,
    key: KeyHandle,
    cert: CertHandle,
) -> Result<Identity, IdentityError> {
    let made = store.lend(key, cert, |key, chain, facts| pair(generation, key, chain, facts));
    made.map_err(IdentityError::Gone)?
}

/// Returns the identity of this key and this chain.
pub(crate) fn pair(
    generation: Generation,
    key: &SecretKey,
    chain: &CertChain,
    facts: &CertFacts,
) -> Result<Identity, IdentityError> {
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der()));
    let signer = crate::tls::signer(&der, chain.ders().to_vec()).map_err(|_| IdentityError::NotAPair)?;
    Ok(Identity::new(generation, chain.leaf_summary().clone(), facts, signer))
}

/// Why an identity cannot be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// A handle names nothing.
    Gone(HandleGone),
    /// rustls takes key and chain for no pair.
    NotAPair,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(gone) => gone.fmt(f),
            Self::NotAPair => f.write_str(
                "its key and certificate cannot be used together; restart to judge the files again",
            ),
        }
    }
}

impl std::error::Error for IdentityError {}
