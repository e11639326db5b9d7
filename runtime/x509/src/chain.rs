//! An issued certificate chain and its facts.

use std::fmt;

use certrotate_core::facts::{CertFacts, Subject};
use certrotate_core::id::{KeyDigest, LeafDigest};
use certrotate_core::time::WallTime;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use crate::ca::ClientCa;
use crate::digest::sha256;
use crate::error::ReadError;
use crate::facts::{self, Extensions};
use crate::path::{self, Path};
use crate::pem::{self, Outside, lenient};
use crate::{MAX_CERTIFICATES, MAX_INPUT, MAX_TEXT};

/// A certificate chain, leaf first: the judged bytes, and the DER inside them.
#[derive(Clone, PartialEq, Eq)]
pub struct CertChain {
    pem: Vec<u8>,
    ders: Vec<CertificateDer<'static>>,
    summary: LeafSummary,
}

/// The fields of a leaf that `status` shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafSummary {
    /// The serial number in lower-case hexadecimal, without leading zero bytes.
    pub serial: String,
    /// The subject.
    pub subject: Subject,
    /// The notBefore of the leaf.
    pub not_before: WallTime,
    /// The notAfter of the leaf; X.509 includes this second.
    pub not_after: WallTime,
}

impl fmt::Display for LeafSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { serial, subject, not_before, not_after } = self;
        write!(f, "serial {serial}, {subject}, valid from {not_before} until {not_after}")
    }
}

impl CertChain {
    /// Reads an issued chain in PEM, leaf first, and its facts, as client-go does (`util/cert`, `ParseCertsPEM`): text around
    /// the blocks, blocks of other kinds and blocks with headers are skipped. A certificate after the leaf that cannot be
    /// read is left out: TLS could not present it. The chain is written anew, without any text.
    ///
    /// The facts of key, subject, SANs, usages and CA are the leaf's; start and end are those of the certification path
    /// (docs/pem.md). The path is looked for without regard to the present: core judges the time.
    ///
    /// # Errors
    ///
    /// Where the text has more than [`MAX_TEXT`] bytes, no certificate, more than [`MAX_CERTIFICATES`], or a leaf that cannot
    /// be read; where the chain has more than [`MAX_INPUT`] bytes in PEM.
    pub fn read(text: &[u8], client_ca: Option<&ClientCa>) -> Result<(Self, CertFacts), ReadError> {
        ReadError::sized(text, MAX_TEXT)?;
        let blocks: Vec<_> = lenient::blocks(text).filter(|block| block.is_plain(pem::CERTIFICATE)).collect();
        Self::assemble(blocks.iter().flat_map(|block| facts::split(&block.der)), client_ca)
    }

    /// The chain of these certificates, leaf first, and its facts.
    pub(crate) fn assemble<'a>(
        ders: impl Iterator<Item = &'a [u8]>,
        client_ca: Option<&ClientCa>,
    ) -> Result<(Self, CertFacts), ReadError> {
        let ders: Vec<_> = ders.take(MAX_CERTIFICATES + 1).collect();
        if ders.len() > MAX_CERTIFICATES {
            return Err(ReadError::TooMany { most: MAX_CERTIFICATES });
        }
        facts::presentable(ders.first().ok_or(ReadError::Nothing)?, 1)?;
        let readable = ders.iter().filter(|der| facts::presentable(der, 1).is_ok());
        let ders: Vec<_> = readable.map(|der| CertificateDer::from(der.to_vec())).collect();
        let pem: Vec<u8> =
            ders.iter().flat_map(|der| pem::write(pem::CERTIFICATE, der).as_bytes().to_vec()).collect();
        ReadError::sized(&pem, MAX_INPUT)?;
        Self::of(pem, ders, client_ca)
    }

    /// Reads the chain of a bundle of ours: only certificates and blank lines may be in it, and its bytes are kept. A missing
    /// line end after the last block is added.
    pub(crate) fn read_own(
        text: &[u8],
        client_ca: Option<&ClientCa>,
    ) -> Result<(Self, CertFacts), ReadError> {
        ReadError::sized(text, MAX_INPUT)?;
        let blocks = pem::blocks(text, Outside::Blank)?;
        if let Some(other) = blocks.iter().find(|block| !block.is(pem::CERTIFICATE)) {
            return Err(ReadError::Kind { line: other.line });
        }
        if blocks.len() > MAX_CERTIFICATES {
            return Err(ReadError::TooMany { most: MAX_CERTIFICATES });
        }
        let ders: Vec<_> = blocks.iter().map(|block| CertificateDer::from(block.der.to_vec())).collect();
        let mut pem = text.to_vec();
        if pem.last() != Some(&b'\n') {
            pem.push(b'\n');
        }
        Self::of(pem, ders, client_ca)
    }

    fn of(
        pem: Vec<u8>,
        ders: Vec<CertificateDer<'static>>,
        client_ca: Option<&ClientCa>,
    ) -> Result<(Self, CertFacts), ReadError> {
        let parsed = ders.iter().zip(1..).map(|(der, block)| facts::certificate(der, block));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let leaf = parsed.first().ok_or(ReadError::Nothing)?;
        let facts = chain_facts(&ders, leaf, &parsed, client_ca)?;
        let summary = summary(leaf);
        Ok((Self { pem, ders, summary }, facts))
    }

    /// Returns the certificates in DER, leaf first.
    #[must_use]
    pub fn ders(&self) -> &[CertificateDer<'static>] {
        &self.ders
    }

    /// The chain in PEM.
    #[must_use]
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// Returns the leaf's serial number in lower-case hexadecimal.
    #[must_use]
    pub fn leaf_serial_hex(&self) -> &str {
        &self.summary.serial
    }

    /// Returns the leaf's fields for `status`.
    #[must_use]
    pub const fn leaf_summary(&self) -> &LeafSummary {
        &self.summary
    }
}

impl fmt::Debug for CertChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertChain")
            .field("leaf", &self.summary)
            .field("certificates", &self.ders.len())
            .finish_non_exhaustive()
    }
}

fn summary(leaf: &X509Certificate<'_>) -> LeafSummary {
    let (not_before, not_after) = facts::window(leaf);
    let serial = leaf.raw_serial();
    let zeros = serial.iter().take_while(|byte| **byte == 0).count().min(serial.len().saturating_sub(1));
    let serial = serial[zeros..].iter().map(|byte| format!("{byte:02x}")).collect();
    LeafSummary { serial, subject: facts::subject(leaf.subject()), not_before, not_after }
}

fn chain_facts(
    ders: &[CertificateDer<'_>],
    leaf: &X509Certificate<'_>,
    parsed: &[X509Certificate<'_>],
    client_ca: Option<&ClientCa>,
) -> Result<CertFacts, ReadError> {
    let mut extensions = Extensions::default();
    for extension in leaf.extensions() {
        if !extensions.take(extension.parsed_extension()) {
            return Err(ReadError::Der { block: 1 });
        }
    }
    let roots = client_ca.map(ClientCa::roots);
    let Path { chain, window: (not_before, not_after) } = path::find(parsed, roots.as_deref());
    Ok(CertFacts {
        leaf: LeafDigest(sha256(&[ders.first().map_or(&[][..], |der| der)])),
        key: KeyDigest(sha256(&[leaf.public_key().raw])),
        subject: facts::subject(leaf.subject()),
        sans: extensions.sans,
        usages: extensions.usages,
        ca: extensions.ca,
        not_before,
        not_after,
        chain,
    })
}
