//! A key and a certificate in files of another program: what a kubelet leaves, or a backup brings.

use certrotate_core::facts::CertFacts;

use crate::MAX_FILE;
use crate::ca::ClientCa;
use crate::chain::CertChain;
use crate::error::{KeyError, ReadError};
use crate::key::SecretKey;
use crate::pem::{self, Outside};

/// A pair that was read. Whether key and certificate belong together, core judges.
#[derive(Debug)]
pub struct Pair {
    /// The private key.
    pub key: SecretKey,
    /// The certificates, written anew: in PEM without text between them.
    pub chain: CertChain,
    /// What they say.
    pub facts: CertFacts,
}

/// Reads a pair as a kubelet does (client-go `util/certificate/certificate_store.go`, Go's `tls.X509KeyPair`): the
/// certificates are all of those in the first text, leaf first, and the key is the first in the second, which may be the same
/// text. Text around the blocks, and blocks of other kinds, are skipped.
///
/// # Errors
///
/// [`KeyError::Pem`] where a text has more than [`MAX_FILE`] bytes, is not PEM, or has no certificate, too many or no key;
/// [`KeyError::Unreadable`] where the key is not an intact one of a type that is read.
pub fn read(certificates: &[u8], key: &[u8], client_ca: Option<&ClientCa>) -> Result<Pair, KeyError> {
    if let Some(large) = [certificates, key].into_iter().find(|text| text.len() > MAX_FILE) {
        return Err(ReadError::TooLarge { size: large.len() }.into());
    }
    let mut text = Vec::new();
    for block in pem::blocks(certificates, Outside::Text)?.iter().filter(|it| it.is(pem::CERTIFICATE)) {
        text.extend_from_slice(&certificates[block.start..block.end]);
    }
    if text.is_empty() {
        return Err(ReadError::Nothing.into());
    }
    let (chain, facts) = CertChain::read(&text, client_ca)?;
    let is_key = |block: &pem::Block<'_>| {
        block.is(pem::PKCS8_KEY) || block.is(pem::SEC1_KEY) || block.is(pem::PKCS1_KEY)
    };
    let block = pem::blocks(key, Outside::Text)?.into_iter().find(is_key).ok_or(ReadError::Nothing)?;
    Ok(Pair { key: SecretKey::from_block(block)?, chain, facts })
}

#[cfg(test)]
mod tests;
