//! The identity that TLS presents.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::clocks;

/// A chain and its key, ready for TLS.
#[derive(Debug)]
pub struct Identity {
    /// Its generation.
    pub generation: Generation,
    /// The first moment at which it is valid.
    pub not_before: WallTime,
    /// The first moment at which it is no longer valid.
    pub not_after: WallTime,
    /// Chain and key.
    pub pair: Arc<CertifiedKey>,
}

/// A slot with the live identity, for rustls clients and servers. Cheap to clone: a clone is the same slot.
///
/// It checks the wall clock at each handshake (S1): between two steps a certificate may expire.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<(Mutex<Option<Arc<Identity>>>, Condvar)>);

impl Identity {
    /// Returns an identity that is ready for rustls.
    ///
    /// # Errors
    ///
    /// rustls does not take the key, or it is not the one of the first certificate.
    pub fn new(
        generation: Generation,
        (not_before, not_after): (WallTime, WallTime),
        key: &PrivateKeyDer<'_>,
        chain: Vec<CertificateDer<'static>>,
    ) -> Result<Self, rustls::Error> {
        let pair = CertifiedKey::new(chain, any_supported_type(key)?);
        pair.keys_match()?;
        Ok(Self { generation, not_before, not_after, pair: Arc::new(pair) })
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Identity>>> {
        // It is only replaced as a whole.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a slot of its own that has this identity for good.
    #[must_use]
    pub fn fixed(identity: &Arc<Identity>) -> Self {
        let live = Self::default();
        *live.lock() = Some(Arc::clone(identity));
        live
    }

    /// Carries out `GoLive` with an identity, or `Withdraw` with none.
    pub fn set(&self, identity: Option<Identity>) {
        *self.lock() = identity.map(Arc::new);
        self.0.1.notify_all();
    }

    /// Returns the live identity, if it is valid now.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Identity>> {
        let wall = clocks::wall();
        self.lock().clone().filter(|identity| identity.not_before <= wall && wall < identity.not_after)
    }

    /// Waits until this generation or a later one is live.
    ///
    /// # Errors
    ///
    /// It is not live after `longest`.
    pub fn wait(&self, generation: u32, longest: Duration) -> Result<Arc<Identity>, String> {
        let is_older = |live: &mut Option<Arc<Identity>>| {
            live.as_ref().is_none_or(|identity| identity.generation < Generation(generation))
        };
        let (live, _) = self
            .0
            .1
            .wait_timeout_while(self.lock(), longest, is_older)
            .unwrap_or_else(PoisonError::into_inner);
        let found = live.clone().filter(|identity| identity.generation >= Generation(generation));
        found.ok_or_else(|| format!("generation {generation} is not live after {longest:?}"))
    }

    fn resolve_for(&self, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let pair = Arc::clone(&self.current()?.pair);
        pair.key.choose_scheme(schemes).is_some().then_some(pair)
    }
}

impl ResolvesClientCert for Live {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.resolve_for(schemes)
    }

    fn has_certs(&self) -> bool {
        self.current().is_some()
    }
}

impl ResolvesServerCert for Live {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.resolve_for(hello.signature_schemes())
    }
}
