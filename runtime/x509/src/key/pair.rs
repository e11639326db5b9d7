//! Keys as aws-lc-rs has them, one variant for each algorithm.

use ::der::{AnyRef, Decode};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use zeroize::Zeroizing;

use super::{KeyType, wrap};
use crate::der;
use crate::error::KeyError;

/// The bytes of an Ed25519 private key (RFC 8032).
const SEED: usize = 32;

/// A key that can sign.
pub(super) enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    P521(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Pair {
    /// Reads PKCS#8. It names its algorithm, and each reader accepts only its own.
    pub(super) fn read(pkcs8: &[u8]) -> Result<Self, KeyError> {
        // aws-lc-rs ignores bytes after the key; a key file must hold one DER value and nothing else.
        AnyRef::from_der(pkcs8).map_err(|_| KeyError::Unreadable)?;
        let ecdsa = |curve: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::from_pkcs8(curve, pkcs8);
        ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map(Self::P256)
            .or_else(|_| ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING).map(Self::P384))
            .or_else(|_| ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING).map(Self::P521))
            .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Self::Ed25519))
            .or_else(|_| RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(Box::new(pair))))
            .map_err(|_| KeyError::Unreadable)
    }

    /// Returns the DER SubjectPublicKeyInfo.
    pub(super) fn spki(&self) -> Vec<u8> {
        let (algorithm, public) = match self {
            Self::P256(pair) => (der::EC_P256, pair.public_key().as_ref()),
            Self::P384(pair) => (der::EC_P384, pair.public_key().as_ref()),
            Self::P521(pair) => (der::EC_P521, pair.public_key().as_ref()),
            Self::Ed25519(pair) => (der::ED25519, pair.public_key().as_ref()),
            Self::Rsa(pair) => (der::RSA, pair.public_key().as_ref()),
        };
        der::value(der::SEQUENCE, &[algorithm, &der::value(der::BIT_STRING, &[&[0], public])])
    }

    /// Returns the AlgorithmIdentifier of the signatures.
    pub(super) const fn signature_algorithm(&self) -> &'static [u8] {
        match self {
            Self::P256(_) => der::ECDSA_SHA256,
            Self::P384(_) => der::ECDSA_SHA384,
            Self::P521(_) => der::ECDSA_SHA512,
            Self::Ed25519(_) => der::ED25519,
            Self::Rsa(_) => der::RSA_SHA256,
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let signed = match self {
            Self::P256(pair) | Self::P384(pair) | Self::P521(pair) => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
        };
        signed.map_err(|_| KeyError::Random)
    }
}

/// Makes a key in PKCS#8.
pub(super) fn generate(key_type: KeyType) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let random = SystemRandom::new();
    let ecdsa = |curve| {
        let document = EcdsaKeyPair::generate_pkcs8(curve, &random).map_err(|_| KeyError::Random)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    };
    match key_type {
        KeyType::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
        KeyType::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
        KeyType::Ed25519 => {
            let mut seed = Zeroizing::new([0; SEED]);
            random.fill(&mut *seed).map_err(|_| KeyError::Random)?;
            Ok(around_seed(&seed))
        }
        KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
        KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
        KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
    }
}

fn rsa(size: KeySize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let pair = RsaKeyPair::generate(size).map_err(|_| KeyError::Random)?;
    let document = pair.as_der().map_err(|_| KeyError::Random)?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

/// An Ed25519 key in PKCS#8's version 1, which every other program reads. aws-lc-rs itself writes version 2, with
/// the public key, which OpenSSL 3.0 cannot read.
pub(super) fn plain_ed25519(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let octets = |length| der::head(der::OCTET_STRING, length);
    let before = [der::ED25519, &octets(2 + SEED), &octets(SEED)].concat();
    let start = pkcs8.windows(before.len()).position(|window| window == before);
    let start = start.ok_or(KeyError::Unreadable)? + before.len();
    let seed = pkcs8.get(start..).and_then(|rest| rest.first_chunk::<SEED>());
    Ok(around_seed(seed.ok_or(KeyError::Unreadable)?))
}

fn around_seed(seed: &[u8; SEED]) -> Zeroizing<Vec<u8>> {
    let mut inner = Zeroizing::new(Vec::with_capacity(2 + SEED));
    inner.extend_from_slice(&der::head(der::OCTET_STRING, SEED));
    inner.extend_from_slice(seed);
    wrap(der::ED25519, &inner)
}
