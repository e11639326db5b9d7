//! TLS settings: rustls on aws-lc-rs, named explicitly and never through a process-wide default.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The one crypto provider.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Returns a certificate chain with its key, ready to sign handshakes. rustls parses the key and keeps no copy of the bytes.
///
/// # Errors
///
/// The key cannot be read, or is not the one in the leaf.
pub fn signer(
    key: &PrivateKeyDer<'_>,
    chain: Vec<CertificateDer<'static>>,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let pair = CertifiedKey::new(chain, rustls::crypto::aws_lc_rs::sign::any_supported_type(key)?);
    match pair.keys_match() {
        // rustls cannot compare every key. A wrong one fails at the first handshake.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(pair))
        }
        Err(error) => Err(error),
    }
}

/// Returns the settings of a client that trusts `roots` and authenticates with `identity`.
///
/// Sessions are never resumed: a resumed session carries the identity of the original one, which may be replaced (F75).
///
/// # Errors
///
/// A root is not a certificate, or there is no root.
pub fn client(
    roots: &[CertificateDer<'static>],
    identity: Option<Arc<dyn ResolvesClientCert>>,
) -> Result<ClientConfig, rustls::Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    if store.is_empty() {
        return Err(rustls::Error::General("no CA to trust the server by".to_owned()));
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store);
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Presents one identity to every server.
#[derive(Debug)]
pub struct Always(
    /// The identity.
    pub Arc<CertifiedKey>,
);

impl ResolvesClientCert for Always {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).is_some().then(|| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
