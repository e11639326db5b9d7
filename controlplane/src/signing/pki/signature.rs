//! The signature of a PKCS#10 request, by the algorithms that Go's `crypto/x509` accepts there: RSA from 1024 bits (PKCS#1 also
//! with SHA-1), RSA-PSS, ECDSA with P-256, P-384 and P-521, Ed25519. Go also accepts P-224, which AWS-LC's Rust crate lacks.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use crate::base::budgets::{QUOTE_BYTES, cut};

/// Why a signature is refused; the text is part of the answer.
pub(crate) fn verify(request: &X509CertificationRequest<'_>) -> Result<(), String> {
    let key = &request.certification_request_info.subject_pki;
    let algorithm = algorithm(&request.signature_algorithm, &key.algorithm).ok_or_else(|| {
        let (signature, key) = (&request.signature_algorithm.algorithm, named(&key.algorithm));
        let signature = signature.to_id_string();
        format!(
            "the signature algorithm {} with a key of {} is not supported",
            cut(&signature, QUOTE_BYTES),
            cut(&key, QUOTE_BYTES)
        )
    })?;
    let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
    key.verify(request.certification_request_info.raw, &request.signature_value.data)
        .map_err(|_| "the signature does not verify under the request's own key".to_owned())
}

/// The identifiers of a key's algorithm and of its curve.
fn named(key: &AlgorithmIdentifier<'_>) -> String {
    match curve(key) {
        Some(curve) => format!("{} on the curve {curve}", key.algorithm.to_id_string()),
        None => key.algorithm.to_id_string(),
    }
}

fn curve(key: &AlgorithmIdentifier<'_>) -> Option<String> {
    Some(key.parameters.as_ref()?.as_oid().ok()?.to_id_string())
}

fn algorithm(
    signature: &AlgorithmIdentifier<'_>,
    key: &AlgorithmIdentifier<'_>,
) -> Option<&'static dyn VerificationAlgorithm> {
    let algorithm: &'static dyn VerificationAlgorithm = match &*signature.algorithm.to_id_string() {
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.11" => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.12" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "1.2.840.113549.1.1.13" => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.1.1.10" => {
            let parameters = RsaSsaPssParams::try_from(signature.parameters.as_ref()?).ok()?;
            match &*parameters.hash_algorithm_oid().to_id_string() {
                "2.16.840.1.101.3.4.2.1" => &signature::RSA_PSS_2048_8192_SHA256,
                "2.16.840.1.101.3.4.2.2" => &signature::RSA_PSS_2048_8192_SHA384,
                "2.16.840.1.101.3.4.2.3" => &signature::RSA_PSS_2048_8192_SHA512,
                _ => return None,
            }
        }
        "1.3.101.112" => &signature::ED25519,
        ecdsa => return ecdsa_algorithm(ecdsa, &curve(key)?),
    };
    Some(algorithm)
}

/// Every hash goes with every curve: Go takes the curve from the key.
fn ecdsa_algorithm(signature: &str, curve: &str) -> Option<&'static dyn VerificationAlgorithm> {
    const P256: &str = "1.2.840.10045.3.1.7";
    const P384: &str = "1.3.132.0.34";
    const P521: &str = "1.3.132.0.35";
    Some(match (signature, curve) {
        ("1.2.840.10045.4.1", P256) => &signature::ECDSA_P256_SHA1_ASN1,
        ("1.2.840.10045.4.1", P521) => &signature::ECDSA_P521_SHA1_ASN1,
        ("1.2.840.10045.4.3.2", P256) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P256) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", P256) => &signature::ECDSA_P256_SHA512_ASN1,
        ("1.2.840.10045.4.3.2", P384) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P384) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", P384) => &signature::ECDSA_P384_SHA512_ASN1,
        ("1.2.840.10045.4.3.2", P521) => &signature::ECDSA_P521_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", P521) => &signature::ECDSA_P521_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", P521) => &signature::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
