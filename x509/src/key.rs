//! A private key.

use std::fmt;

use certrotate_core::id::KeyDigest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::error::{KeyError, ReadError};
use crate::pem::{self, Outside};
use crate::{MAX_INPUT, der};

/// An ECDSA private key on P-256.
///
/// It is erased when dropped, never shown by `Debug`, and cannot be cloned: there is one place in
/// memory for each key here. (ring makes short-lived copies of its own when a key is made or signs.)
pub struct SecretKey {
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
    digest: KeyDigest,
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] where the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Random)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// Reads PKCS#8 (RFC 5958, version 1, with the public key inside).
    ///
    /// # Errors
    ///
    /// [`KeyError::Unreadable`] where it is anything but one intact P-256 key.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Self::keep(Zeroizing::new(pkcs8.to_vec()))
    }

    /// Reads one PEM block, `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (SEC 1, RFC 5915; what a
    /// kubelet writes). Text around it is skipped.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] where there is not just one such block, [`KeyError::Unreadable`] where it is
    /// anything but one intact P-256 key.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > MAX_INPUT {
            return Err(ReadError::TooLarge { size: text.len() }.into());
        }
        let mut blocks = pem::blocks(text, Outside::Text)?;
        #[cfg(feature = "seeded")]
        if crate::seeded::has(crate::seeded::Bug::X4) {
            blocks.drain(..blocks.len().saturating_sub(1));
        }
        if let Some(extra) = blocks.get(1) {
            return Err(ReadError::Kind { line: extra.line }.into());
        }
        let block = blocks.pop().ok_or(ReadError::Nothing)?;
        Self::from_block(block)
    }

    pub(crate) fn from_block(block: pem::Block<'_>) -> Result<Self, KeyError> {
        if block.is(pem::PKCS8_KEY) {
            Self::keep(block.der)
        } else if block.is(pem::SEC1_KEY) {
            Self::keep(wrap_sec1(&block.der))
        } else {
            Err(ReadError::Kind { line: block.line }.into())
        }
    }

    fn keep(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let pair = pair(&pkcs8)?;
        let point = pair.public_key().as_ref();
        let spki = der::value(der::SEQUENCE, &[der::EC_P256, &der::value(der::BIT_STRING, &[&[0], point])]);
        let digest = KeyDigest(crate::request::sha256(&[&spki]));
        Ok(Self { pkcs8, spki, digest })
    }

    /// SHA-256 of [`SecretKey::spki_der`].
    #[must_use]
    pub const fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// The public half: a DER SubjectPublicKeyInfo (RFC 5480).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The key itself in PKCS#8 DER. Whoever copies it erases the copy.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The key itself in PKCS#8 PEM, erased when dropped.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(pem::PKCS8_KEY, &self.pkcs8)
    }

    /// An ECDSA signature (DER) over the SHA-256 of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature =
            pair(&self.pkcs8)?.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Random)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for SecretKey {
    /// The digest of the public half; nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("digest", &self.digest).finish_non_exhaustive()
    }
}

fn pair(pkcs8: &[u8]) -> Result<EcdsaKeyPair, KeyError> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new())
        .map_err(|_| KeyError::Unreadable)
}

/// PKCS#8 around SEC 1.
fn wrap_sec1(sec1: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = der::head(der::OCTET_STRING, sec1.len());
    let length = der::ZERO.len() + der::EC_P256.len() + inner.len() + sec1.len();
    let outer = der::head(der::SEQUENCE, length);
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(outer.len() + length));
    for part in [&outer, der::ZERO, der::EC_P256, &inner, sec1] {
        pkcs8.extend_from_slice(part);
    }
    pkcs8
}

#[cfg(test)]
mod tests;
