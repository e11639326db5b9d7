//! The private key of a certificate authority: whatever kind of key the file holds that aws-lc-rs can sign with.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::base::error::Error;
use crate::signing::pki::der;

/// ecdsa-with-SHA256 (RFC 5758, 3.2).
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// ecdsa-with-SHA384 (RFC 5758, 3.2).
const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
/// sha256WithRSAEncryption (RFC 8017, A.2.4).
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
/// id-Ed25519 (RFC 8410, 3).
const ED25519: &[u8] = &[0x2b, 0x65, 112];

/// The signature schemes of an authority, as Go's `x509.CreateCertificate` chooses them for the same key.
const SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ED25519,
];

/// A key that signs, and its PEM text, zeroised on drop.
pub(crate) struct CaKey {
    key: Arc<dyn SigningKey>,
    pem: Zeroizing<String>,
}

/// A signed body with its algorithm and signature.
pub(crate) struct Signed {
    pub(crate) body: Vec<u8>,
    /// AlgorithmIdentifier, DER.
    pub(crate) algorithm: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl fmt::Debug for CaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaKey").field("algorithm", &self.key.algorithm()).finish_non_exhaustive()
    }
}

impl CaKey {
    /// Reads the first key in `pem`: PKCS#8, PKCS#1 or SEC 1; RSA of 2048 bits or more, P-256, P-384 or Ed25519.
    pub(crate) fn read(pem: Zeroizing<String>) -> Result<Self, Error> {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
            Error::Crypto("there is no PEM private key where the CA key should be".to_owned())
        })?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).map_err(|_| {
            let why = "the CA key is of a kind that cannot sign here: \
                       take RSA of 2048 bits or more, P-256, P-384 or Ed25519, not encrypted";
            Error::Crypto(why.to_owned())
        })?;
        Ok(Self { key, pem })
    }

    /// The text that it was read from.
    pub(crate) fn pem(&self) -> &Zeroizing<String> {
        &self.pem
    }

    /// SubjectPublicKeyInfo, DER; `None` if the key does not reveal it.
    pub(crate) fn public_key(&self) -> Option<Vec<u8>> {
        self.key.public_key().map(|spki| spki.as_ref().to_vec())
    }

    /// Signs the result of `body`, whose argument is the AlgorithmIdentifier (DER): certificates name it inside, too.
    pub(crate) fn sign(&self, body: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<Signed, Error> {
        let cannot = |why: &str| Error::Crypto(format!("the CA key cannot sign: {why}"));
        let signer =
            self.key.choose_scheme(&SCHEMES).ok_or_else(|| cannot("no algorithm for it is known"))?;
        let algorithm = algorithm(signer.scheme()).ok_or_else(|| cannot("its algorithm has no name here"))?;
        let body = body(&algorithm);
        let signature = signer.sign(&body).map_err(|e| cannot(&e.to_string()))?;
        Ok(Signed { body, algorithm, signature })
    }
}

/// AlgorithmIdentifier, DER (RFC 5280, 4.1.1.2).
fn algorithm(scheme: SignatureScheme) -> Option<Vec<u8>> {
    let (oid, null) = match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => (ECDSA_WITH_SHA256, false),
        SignatureScheme::ECDSA_NISTP384_SHA384 => (ECDSA_WITH_SHA384, false),
        SignatureScheme::RSA_PKCS1_SHA256 => (SHA256_WITH_RSA, true),
        SignatureScheme::ED25519 => (ED25519, false),
        _ => return None,
    };
    let mut parts = vec![der::tlv(der::OID, oid)];
    if null {
        parts.push(der::tlv(der::NULL, &[]));
    }
    Some(der::nest(der::SEQUENCE, &parts))
}
