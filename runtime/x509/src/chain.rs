//! An issued certificate chain and its facts.

use std::fmt;
use std::time::Duration;

use certrotate_core::facts::{CertFacts, Chain, Subject};
use certrotate_core::id::{KeyDigest, LeafDigest};
use certrotate_core::time::WallTime;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};
use x509_parser::certificate::X509Certificate;

use crate::ca::ClientCa;
use crate::digest::sha256;
use crate::error::ReadError;
use crate::facts::{self, Extensions};
use crate::pem::{self, Outside};
use crate::{MAX_CERTIFICATES, MAX_INPUT};

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
    /// Reads a chain in PEM, leaf first, and its facts. Only certificates and blank lines may be in
    /// the text; lines may end in CR LF. A missing line end after the last block is added.
    ///
    /// Key, subject, SANs, usages and CA are the leaf's facts. notBefore is the latest and notAfter
    /// the earliest of the chain and, if the path ends at a root of `client_ca`, of that root. RFC
    /// 5280 leaves a root's dates to local policy; kube-apiserver, in Go, heeds them. webpki looks
    /// for the path at a time at which the whole chain is valid; core judges whether that is now.
    /// An issuer whose key usage lacks keyCertSign is on no path.
    ///
    /// # Errors
    ///
    /// The text has more than [`MAX_INPUT`] bytes, no certificate, more than [`MAX_CERTIFICATES`],
    /// other content than certificates, or an unreadable certificate.
    pub fn read(text: &[u8], client_ca: Option<&ClientCa>) -> Result<(Self, CertFacts), ReadError> {
        ReadError::sized(text, MAX_INPUT)?;
        let blocks = pem::blocks(text, Outside::Blank)?;
        if let Some(other) = blocks.iter().find(|block| !block.is(pem::CERTIFICATE)) {
            return Err(ReadError::Kind { line: other.line });
        }
        if blocks.len() > MAX_CERTIFICATES {
            return Err(ReadError::TooMany);
        }
        let ders: Vec<_> = blocks.iter().map(|block| CertificateDer::from(block.der.to_vec())).collect();
        let parsed = ders.iter().zip(1..).map(|(der, block)| facts::certificate(der, block));
        let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
        let leaf = parsed.first().ok_or(ReadError::Nothing)?;
        let facts = chain_facts(&ders, leaf, &parsed, client_ca)?;
        let summary = summary(leaf);
        let mut pem = text.to_vec();
        if pem.last() != Some(&b'\n') {
            pem.push(b'\n');
        }
        Ok((Self { pem, ders, summary }, facts))
    }

    /// Returns the certificates in DER, leaf first.
    #[must_use]
    pub fn ders(&self) -> &[CertificateDer<'static>] {
        &self.ders
    }

    /// Returns the PEM text.
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
    let mut window = (WallTime::MIN, WallTime::MAX);
    for certificate in parsed {
        window = narrower(window, facts::window(certificate));
    }
    let (chain, root) = match client_ca {
        None => (Chain::Unchecked, None),
        Some(ca) => path(ders, parsed, ca, window.0),
    };
    let (not_before, not_after) = root.map_or(window, |root| narrower(window, root));
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

fn narrower(one: (WallTime, WallTime), other: (WallTime, WallTime)) -> (WallTime, WallTime) {
    (one.0.max(other.0), one.1.min(other.1))
}

/// Looks for a path from the leaf to a root of `ca` at the time `at`. Returns that root's notBefore
/// and notAfter.
fn path(
    ders: &[CertificateDer<'_>],
    parsed: &[X509Certificate<'_>],
    ca: &ClientCa,
    at: WallTime,
) -> (Chain, Option<(WallTime, WallTime)>) {
    let none = (Chain::Untrusted, None);
    let Some(leaf) = ders.first() else { return none };
    let Ok(leaf) = EndEntityCert::try_from(leaf) else { return none };
    // webpki ignores key usages; RFC 5280, section 6.1.4 (n), and Go, and so kube-apiserver, do not.
    let issuers = ders.iter().zip(parsed).skip(1).filter(|(_, parsed)| facts::may_issue(parsed));
    let issuers: Vec<_> = issuers.map(|(der, _)| CertificateDer::from(der.as_ref())).collect();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.unix_secs()).unwrap_or(0)));
    let usage = KeyUsage::client_auth();
    let found = leaf.verify_for_usage(ALL_VERIFICATION_ALGS, ca.anchors(), &issuers, at, usage, None, None);
    found.map_or(none, |path| (Chain::Trusted, ca.window(path.anchor())))
}
