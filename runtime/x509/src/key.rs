//! A private key.

mod pair;

use std::fmt;
use std::str::FromStr;

use certrotate_core::id::KeyDigest;
use zeroize::Zeroizing;

use crate::error::{KeyError, KeyTypeError, ReadError};
use crate::pem::{self, Outside};
use crate::{MAX_INPUT, der};
use pair::Pair;

/// The type of a new key. Existing keys are read and used whatever their type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// ECDSA on P-256: what a kubelet generates (client-go `util/keyutil`).
    #[default]
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519 (RFC 8032). Not every signer accepts it.
    Ed25519,
    /// RSA (RFC 8017) of 2048 bits. Generating one takes a hundred times as long as an ECDSA key, and more.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// All types.
    pub const ALL: [Self; 6] =
        [Self::P256, Self::P384, Self::Ed25519, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// Returns the name: `p256`, `p384`, `ed25519`, `rsa2048`, `rsa3072` or `rsa4096`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyType {
    type Err = KeyTypeError;

    /// Reads a name; case and hyphens do not matter (`P-256`, `RSA-2048`).
    ///
    /// # Errors
    ///
    /// [`KeyTypeError`] for any other text.
    fn from_str(text: &str) -> Result<Self, KeyTypeError> {
        let plain = text.to_ascii_lowercase().replace('-', "");
        Self::ALL.into_iter().find(|known| known.name() == plain).ok_or(KeyTypeError)
    }
}

/// A private key: ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 to 8192 bits.
///
/// It is erased when dropped, never shown by `Debug`, and cannot be cloned: there is one place in
/// memory for each key here. (aws-lc-rs makes short-lived copies of its own when a key is generated or signs.)
pub struct SecretKey {
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
    digest: KeyDigest,
    signature_algorithm: &'static [u8],
}

impl SecretKey {
    /// Makes a P-256 key.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::generate_as`].
    pub fn generate() -> Result<Self, KeyError> {
        Self::generate_as(KeyType::default())
    }

    /// Makes a key of this type.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] if the operating system gives no random bytes.
    pub fn generate_as(key_type: KeyType) -> Result<Self, KeyError> {
        Self::keep(pair::generate(key_type)?)
    }

    /// Reads PKCS#8: for an ECDSA key RFC 5958's version 1 with the public key inside, for RSA and
    /// Ed25519 version 1, for Ed25519 also version 2.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unreadable`] if it is not one intact key.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Self::keep(Zeroizing::new(pkcs8.to_vec()))
    }

    /// Reads one PEM block, `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1, RFC 5915; what a
    /// kubelet writes) or `RSA PRIVATE KEY` (PKCS#1, RFC 8017). Text around it is skipped.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] where there is not just one such block, [`KeyError::Unreadable`] where it is
    /// anything but one intact key.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        ReadError::sized(text, MAX_INPUT)?;
        let mut blocks = pem::blocks(text, Outside::Text)?;
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
            // SEC 1 need not name its curve.
            Self::from_sec1(&block.der)
        } else if block.is(pem::PKCS1_KEY) {
            Self::keep(wrap(der::RSA, &block.der))
        } else {
            Err(ReadError::Kind { line: block.line }.into())
        }
    }

    fn from_sec1(key: &[u8]) -> Result<Self, KeyError> {
        let curves = [der::EC_P256, der::EC_P384, der::EC_P521];
        let read = curves.into_iter().find_map(|curve| Self::keep(wrap(curve, key)).ok());
        read.ok_or(KeyError::Unreadable)
    }

    /// Reads the content of a block as Go does (`crypto/tls`, `parsePrivateKey`): whatever its label says.
    pub(crate) fn from_any_der(key: &[u8]) -> Result<Self, KeyError> {
        Self::from_pkcs8_der(key)
            .or_else(|_| Self::keep(wrap(der::RSA, key)))
            .or_else(|_| Self::from_sec1(key))
    }

    fn keep(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let pair = Pair::read(&pkcs8)?;
        let spki = pair.spki();
        let signature_algorithm = pair.signature_algorithm();
        let pkcs8 = if matches!(pair, Pair::Ed25519(_)) { pair::plain_ed25519(&pkcs8)? } else { pkcs8 };
        let digest = KeyDigest(crate::digest::sha256(&[&spki]));
        Ok(Self { pkcs8, spki, digest, signature_algorithm })
    }

    /// Returns the SHA-256 of [`SecretKey::spki_der`].
    #[must_use]
    pub const fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// Returns the public key: a DER SubjectPublicKeyInfo (RFC 5480, RFC 8410, RFC 3279).
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the private key in PKCS#8 DER. A caller that copies it must erase the copy.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Returns the private key in PKCS#8 PEM, erased when dropped.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(pem::PKCS8_KEY, &self.pkcs8)
    }

    /// Returns the algorithm of [`SecretKey::sign`]: a DER AlgorithmIdentifier.
    pub(crate) const fn signature_algorithm(&self) -> &'static [u8] {
        self.signature_algorithm
    }

    /// Returns a signature over `message`, in X.509's form.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Pair::read(&self.pkcs8)?.sign(message)
    }
}

impl fmt::Debug for SecretKey {
    /// Prints the digest of the public key; nothing of the private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// PKCS#8 around the form that an algorithm has of its own.
fn wrap(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let inner = der::head(der::OCTET_STRING, key.len());
    let length = der::ZERO.len() + algorithm.len() + inner.len() + key.len();
    let outer = der::head(der::SEQUENCE, length);
    let mut pkcs8 = Zeroizing::new(Vec::with_capacity(outer.len() + length));
    for part in [&outer, der::ZERO, algorithm, &inner, key] {
        pkcs8.extend_from_slice(part);
    }
    pkcs8
}

#[cfg(test)]
mod tests;
