//! The bundle: an identity in one PEM file.
//!
//! ```text
//! certrotate bundle v1 generation=7 issued=1795519933456 sha256=<64 hexadecimal digits>
//! -----BEGIN CERTIFICATE-----        leaf, then intermediates
//! -----BEGIN PRIVATE KEY-----        PKCS#8
//! ```
//!
//! PEM readers skip the first line. `issued` is in milliseconds since 1970 by the local clock. The
//! SHA-256 is taken over all other bytes of the file: the first line up to and with `sha256=`, then
//! everything after that line.

use certrotate_core::disk::BundleHeader;
use certrotate_core::facts::CertFacts;
use zeroize::Zeroizing;

use crate::ca::ClientCa;
use crate::chain::CertChain;
use crate::error::Corrupt;
use crate::header;
use crate::key::SecretKey;
use crate::pem::{self, Outside};

/// An intact bundle. Core judges whether key and certificate belong together.
#[derive(Debug)]
pub struct Bundle {
    /// The content of the first line.
    pub header: BundleHeader,
    /// The private key.
    pub key: SecretKey,
    /// The certificates.
    pub chain: CertChain,
    /// The facts of the certificates.
    pub facts: CertFacts,
}

/// Returns the bytes of a bundle.
#[must_use]
pub fn encode(chain: &CertChain, key: &SecretKey, header: BundleHeader) -> Zeroizing<Vec<u8>> {
    let key = key.to_pem();
    header::seal(header::BUNDLE, header.generation, header.issued, &[chain.pem(), key.as_bytes()])
}

/// Reads a bundle; [`encode`] gives back the same bytes.
///
/// # Errors
///
/// The bytes differ from those that [`encode`] writes, by a single bit or more.
pub fn decode(file: &[u8], client_ca: Option<&ClientCa>) -> Result<Bundle, Corrupt> {
    let (generation, issued, rest) = header::open(header::BUNDLE, file)?;
    let header = BundleHeader { generation, issued };
    let key = pem::blocks(rest, Outside::Blank)?.pop().ok_or(Corrupt::KeyBlock)?;
    if !key.is(pem::PKCS8_KEY) {
        return Err(Corrupt::KeyBlock);
    }
    let start = key.start;
    let key = SecretKey::from_block(key)?;
    let (chain, facts) = CertChain::read_own(&rest[..start], client_ca)?;
    if *encode(&chain, &key, header) != file {
        return Err(Corrupt::Form);
    }
    Ok(Bundle { header, key, chain, facts })
}

#[cfg(test)]
mod tests;
