//! Reads a key and a certificate in files of another program, for example a kubelet's or a
//! backup's.

use std::error::Error;
use std::fmt;

use certrotate_core::facts::CertFacts;

use crate::MAX_TEXT;
use crate::ca::ClientCa;
use crate::chain::CertChain;
use crate::error::{KeyError, ReadError};
use crate::key::SecretKey;
use crate::pem::{self, lenient};

/// A readable pair. Core judges whether key and certificate belong together.
#[derive(Debug)]
pub struct Pair {
    /// The private key.
    pub key: SecretKey,
    /// The certificates, written anew: in PEM without text.
    pub chain: CertChain,
    /// The facts of the certificates.
    pub facts: CertFacts,
}

/// Reads a pair as a kubelet does (Go's `tls.X509KeyPair`): the certificates are all of those in the first text, leaf first,
/// and the key is the first private key in the second, which may be the same text. Text around the blocks, and blocks of
/// other kinds, are skipped; headers in a block are ignored, and so is what the label says of the form of the key.
///
/// # Errors
///
/// The missing or unreadable part; see [`PairError`].
pub fn read(certificates: &[u8], key: &[u8], client_ca: Option<&ClientCa>) -> Result<Pair, PairError> {
    let (chain, facts) = chain(certificates, client_ca)?;
    Ok(Pair { key: secret(key)?, chain, facts })
}

/// Reads the certificates of a text, as [`read`] does.
///
/// # Errors
///
/// There is none, or they cannot be read.
pub fn chain(text: &[u8], client_ca: Option<&ClientCa>) -> Result<(CertChain, CertFacts), PairError> {
    ReadError::sized(text, MAX_TEXT).map_err(PairError::Pem)?;
    let blocks: Vec<_> =
        lenient::blocks(text).filter(|block| block.label == pem::CERTIFICATE.as_bytes()).collect();
    if blocks.is_empty() {
        return Err(PairError::NoCertificate);
    }
    let ders = blocks.iter().map(|block| block.der.as_slice());
    CertChain::assemble(ders, client_ca).map_err(PairError::Certificates)
}

/// Reads the first private key of a text, as [`read`] does.
///
/// # Errors
///
/// There is none, or it cannot be read.
pub fn secret(text: &[u8]) -> Result<SecretKey, PairError> {
    ReadError::sized(text, MAX_TEXT).map_err(PairError::Pem)?;
    let is_key = |block: &lenient::Block<'_>| {
        block.label == pem::PKCS8_KEY.as_bytes() || block.label.ends_with(b" PRIVATE KEY")
    };
    let block = lenient::blocks(text).find(is_key).ok_or(PairError::NoKey)?;
    SecretKey::from_any_der(&block.der).map_err(PairError::Key)
}

/// Why a text has no readable pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairError {
    /// The text has more than [`MAX_TEXT`] bytes.
    Pem(ReadError),
    /// There is no certificate.
    NoCertificate,
    /// The certificates cannot be read, or there are too many.
    Certificates(ReadError),
    /// There is no private key.
    NoKey,
    /// The private key cannot be read.
    Key(KeyError),
}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pem(error) => write!(f, "{error}"),
            Self::NoCertificate => f.write_str("there is no intact certificate in it"),
            Self::Certificates(error) => write!(f, "its certificates cannot be read: {error}"),
            Self::NoKey => f.write_str("there is no intact private key in it"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Error for PairError {}

#[cfg(test)]
mod tests;
