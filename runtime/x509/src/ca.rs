//! The client CA: the roots of issued certificates.

use std::fmt;

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use crate::error::ReadError;
use crate::facts;
use crate::pem::{self, lenient};
use crate::{MAX_CLIENT_CAS, MAX_TEXT};

/// The certificates of a client CA file: the roots that a path may end at.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCa {
    /// Each is one certificate that can be read.
    ders: Vec<Vec<u8>>,
}

impl ClientCa {
    /// Reads one or more certificates in PEM, as kube-apiserver reads its `--client-ca-file` (client-go `util/cert`,
    /// `ParseCertsPEM`): text around the blocks, blocks of other kinds and blocks with headers are skipped.
    ///
    /// # Errors
    ///
    /// Where the text has more than [`MAX_TEXT`] bytes, no certificate, more than
    /// [`MAX_CLIENT_CAS`], or one that cannot be read.
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        ReadError::sized(text, MAX_TEXT)?;
        let mut ders = Vec::new();
        let blocks = lenient::blocks(text).filter(|block| block.is_plain(pem::CERTIFICATE));
        for (block, index) in blocks.zip(1..) {
            for der in facts::split(&block.der) {
                facts::certificate(der, index)?;
                ders.push(der.to_vec());
            }
            if ders.len() > MAX_CLIENT_CAS {
                return Err(ReadError::TooMany { most: MAX_CLIENT_CAS });
            }
        }
        if ders.is_empty() { Err(ReadError::Nothing) } else { Ok(Self { ders }) }
    }

    /// The certificates.
    pub(crate) fn roots(&self) -> Vec<X509Certificate<'_>> {
        self.ders.iter().filter_map(|der| facts::certificate(der, 1).ok()).collect()
    }
}

/// The certificates of a CA bundle, at most [`MAX_CLIENT_CAS`] of the first [`MAX_TEXT`] bytes. Text around the blocks, blocks of
/// other kinds and blocks with headers are skipped (Go's `CertPool.AppendCertsFromPEM`); the caller skips a certificate that it
/// cannot read.
#[must_use]
pub fn plain_certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let text = text.get(..MAX_TEXT).unwrap_or(text);
    let blocks = lenient::blocks(text).filter(|block| block.is_plain(pem::CERTIFICATE));
    blocks.take(MAX_CLIENT_CAS).map(|block| CertificateDer::from(block.der.to_vec())).collect()
}

impl fmt::Debug for ClientCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCa").field("certificates", &self.ders.len()).finish_non_exhaustive()
    }
}
