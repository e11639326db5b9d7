//! Reads a key and a certificate in files of another program, for example a kubelet's or a
//! backup's.

use std::error::Error;
use std::fmt;

use certrotate_core::facts::CertFacts;

use crate::MAX_FILE;
use crate::ca::ClientCa;
use crate::chain::CertChain;
use crate::error::{KeyError, ReadError};
use crate::key::SecretKey;
use crate::pem::{self, Outside};

/// A readable pair. Core judges whether key and certificate belong together.
#[derive(Debug)]
pub struct Pair {
    /// The private key.
    pub key: SecretKey,
    /// The certificates, written anew: in PEM without text between them.
    pub chain: CertChain,
    /// The facts of the certificates.
    pub facts: CertFacts,
}

/// Reads a pair as a kubelet does (client-go `util/certificate/certificate_store.go`, Go's `tls.X509KeyPair`): the
/// certificates are all of those in the first text, leaf first, and the key is the first in the second, which may be the same
/// text. Text around the blocks, and blocks of other kinds, are skipped.
///
/// # Errors
///
/// The missing or unreadable part; see [`PairError`].
pub fn read(certificates: &[u8], key: &[u8], client_ca: Option<&ClientCa>) -> Result<Pair, PairError> {
    let text = chain(certificates)?.ok_or(PairError::NoCertificate)?;
    let (chain, facts) = CertChain::read(&text, client_ca).map_err(PairError::Certificates)?;
    let is_key = |block: &pem::Block<'_>| {
        block.is(pem::PKCS8_KEY) || block.is(pem::SEC1_KEY) || block.is(pem::PKCS1_KEY)
    };
    let block = blocks(key)?.into_iter().find(is_key).ok_or(PairError::NoKey)?;
    Ok(Pair { key: SecretKey::from_block(block).map_err(PairError::Key)?, chain, facts })
}

/// The certificates of a text, in PEM without text between them; `None` if there is none.
fn chain(certificates: &[u8]) -> Result<Option<Vec<u8>>, PairError> {
    let mut text = Vec::new();
    for block in blocks(certificates)?.iter().filter(|it| it.is(pem::CERTIFICATE)) {
        text.extend_from_slice(&certificates[block.start..block.end]);
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn blocks(text: &[u8]) -> Result<Vec<pem::Block<'_>>, PairError> {
    ReadError::sized(text, MAX_FILE).and_then(|()| pem::blocks(text, Outside::Text)).map_err(PairError::Pem)
}

/// Why a text has no readable pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairError {
    /// The text is not PEM, or has more than [`MAX_FILE`] bytes.
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
            Self::Pem(error) => write!(f, "it is not plain PEM: {error}"),
            Self::NoCertificate => f.write_str("there is no certificate in it"),
            Self::Certificates(error) => write!(f, "its certificates cannot be read: {error}"),
            Self::NoKey => f.write_str("there is no private key in it"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Error for PairError {}

#[cfg(test)]
mod tests;
