//! The signature on a certificate, verified by the algorithms of webpki (aws-lc-rs).

use certrotate_core::facts::PathFault;
use webpki::ALL_VERIFICATION_ALGS;
use x509_parser::asn1_rs::{Oid, ToDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AlgorithmIdentifier;

/// Signature algorithms on SHA-1, MD5 or MD2 (RFC 3279), by the bytes of their object identifiers. Go refuses them.
const WEAK: [&[u8]; 6] = [
    // RSA with MD2, MD5 and SHA-1, under two numbers
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05],
    &[0x2b, 0x0e, 0x03, 0x02, 0x1d],
    // DSA and ECDSA with SHA-1
    &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01],
];

/// Whether the key of `issuer` signed `child`.
///
/// # Errors
///
/// The algorithm is weak or not supported, so the signature cannot be verified.
pub(super) fn verify(child: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Result<bool, PathFault> {
    let signature = &child.signature_algorithm;
    if WEAK.contains(&signature.algorithm.as_bytes()) {
        return Err(PathFault::WeakSignature);
    }
    let unsupported = PathFault::SignatureAlgorithm;
    let (signature_id, key_id) = (content(signature), content(&issuer.public_key().algorithm));
    let of_signature: Vec<_> = ALL_VERIFICATION_ALGS
        .iter()
        .filter(|known| signature_id.as_deref() == Some(known.signature_alg_id().as_ref()))
        .collect();
    if of_signature.is_empty() {
        return Err(unsupported);
    }
    let known =
        of_signature.into_iter().find(|known| key_id.as_deref() == Some(known.public_key_alg_id().as_ref()));
    let key = &issuer.public_key().subject_public_key.data;
    match known {
        Some(known) => {
            let signed = child.tbs_certificate.as_ref();
            let is_valid = known.verify_signature(key, signed, &child.signature_value.data).is_ok();
            if is_valid || is_verifiable(issuer) { Ok(is_valid) } else { Err(unsupported) }
        }
        // A key that can be used, but not with this algorithm, did not sign.
        None if is_verifiable(issuer) => Ok(false),
        None => Err(unsupported),
    }
}

/// Whether the key of a certificate is one with which signatures are verified: not, say, RSA of 1024 bits.
fn is_verifiable(issuer: &X509Certificate<'_>) -> bool {
    let id = content(&issuer.public_key().algorithm);
    let is_known =
        ALL_VERIFICATION_ALGS.iter().any(|known| id.as_deref() == Some(known.public_key_alg_id().as_ref()));
    is_known
        && match issuer.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => (2048..=8192).contains(&bits(key.modulus)),
            _ => true,
        }
}

/// The length of a number, in bits.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    8 * (number.len() - zeros) - first
}

/// The content of an AlgorithmIdentifier in DER, as `rustls_pki_types::AlgorithmIdentifier` has it.
fn content(algorithm: &AlgorithmIdentifier<'_>) -> Option<Vec<u8>> {
    let oid: &Oid<'_> = &algorithm.algorithm;
    let mut content = oid.to_der_vec().ok()?;
    if let Some(parameters) = &algorithm.parameters {
        content.extend(parameters.to_der_vec().ok()?);
    }
    Some(content)
}

#[cfg(test)]
mod tests;
