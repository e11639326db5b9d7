//! The client CA: the roots of issued certificates.

use std::fmt;

use certrotate_core::time::WallTime;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;

use crate::error::ReadError;
use crate::facts;
use crate::pem::{self, Outside};
use crate::{MAX_CERTIFICATES, MAX_INPUT};

/// The certificates of a client CA file: the roots that a path may end at.
#[derive(Clone)]
pub struct ClientCa {
    anchors: Vec<TrustAnchor<'static>>,
    /// notBefore and notAfter, in the order of the anchors.
    windows: Vec<(WallTime, WallTime)>,
}

impl ClientCa {
    /// Reads one or more certificates in PEM, and skips the text between them.
    ///
    /// # Errors
    ///
    /// The text has more than [`MAX_INPUT`] bytes, no certificate, more than [`MAX_CERTIFICATES`],
    /// a block of another kind, or an unreadable certificate.
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        ReadError::sized(text, MAX_INPUT)?;
        let blocks = pem::blocks(text, Outside::Text)?;
        if blocks.is_empty() {
            return Err(ReadError::Nothing);
        }
        if blocks.len() > MAX_CERTIFICATES {
            return Err(ReadError::TooMany);
        }
        let (mut anchors, mut windows) = (Vec::new(), Vec::new());
        for (block, index) in blocks.iter().zip(1..) {
            if !block.is(pem::CERTIFICATE) {
                return Err(ReadError::Kind { line: block.line });
            }
            windows.push(facts::window(&facts::certificate(&block.der, index)?));
            let der = CertificateDer::from(block.der.as_slice());
            let anchor = anchor_from_trusted_cert(&der).map_err(|_| ReadError::Der { block: index })?;
            anchors.push(anchor.to_owned());
        }
        Ok(Self { anchors, windows })
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// Returns notBefore and notAfter of the CA with the name and key of `anchor`. A CA that was
    /// renewed with its key has several certificates in the file: the earliest notBefore and the
    /// latest notAfter count.
    pub(crate) fn window(&self, anchor: &TrustAnchor<'_>) -> Option<(WallTime, WallTime)> {
        let same = |known: &TrustAnchor<'_>| {
            known.subject == anchor.subject && known.subject_public_key_info == anchor.subject_public_key_info
        };
        let known = self.anchors.iter().zip(&self.windows).filter(|(known, _)| same(known));
        known.map(|(_, window)| *window).reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    }
}

impl fmt::Debug for ClientCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCa").field("certificates", &self.anchors.len()).finish_non_exhaustive()
    }
}
