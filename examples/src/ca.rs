//! A certificate authority in memory, for issuers that answer at once.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A CA that signs every request for client and server authentication.
pub struct LocalCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    lifetime: Duration,
}

impl std::fmt::Debug for LocalCa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalCa").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl LocalCa {
    /// Makes a CA whose certificates are valid for this time.
    ///
    /// # Errors
    ///
    /// The system gives no key.
    pub fn new(lifetime: Duration) -> Result<Self, rcgen::Error> {
        let mut root = CertificateParams::default();
        root.distinguished_name.push(DnType::CommonName, "a CA of the examples");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(root, KeyPair::generate()?)?, lifetime })
    }

    /// Returns its own certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Returns its own certificate.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// Makes a key and a certificate for a server on 127.0.0.1.
    ///
    /// # Errors
    ///
    /// The system gives no key.
    pub fn server_pair(&self) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
        let key = KeyPair::generate()?;
        let leaf = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &self.issuer)?;
        Ok((leaf.der().clone(), PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()))))
    }

    /// Signs a request for a client certificate, as [`Self::sign`].
    ///
    /// # Errors
    ///
    /// The request cannot be read.
    pub fn sign_client(&self, request: &str) -> Result<String, rcgen::Error> {
        self.sign(request, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Signs a certificate request (PKCS#10, PEM) for this usage, and returns the certificate in PEM.
    ///
    /// # Errors
    ///
    /// The request cannot be read.
    pub fn sign(&self, request: &str, usage: ExtendedKeyUsagePurpose) -> Result<String, rcgen::Error> {
        let mut request = CertificateSigningRequestParams::from_pem(request)?;
        let now = SystemTime::now();
        request.params.not_before = now.into();
        request.params.not_after = (now + self.lifetime).into();
        request.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        request.params.extended_key_usages = vec![usage];
        Ok(request.signed_by(&self.issuer)?.pem())
    }
}
