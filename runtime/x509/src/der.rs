//! The little DER (X.690) that a certificate request needs.
//!
//! rcgen writes requests too, but keeps one value for each kind of attribute, and a subject may have
//! several organizations; it also keeps keys in memory that it does not erase.

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const UTF8_STRING: u8 = 0x0c;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// INTEGER 0.
pub(crate) const ZERO: &[u8] = &[0x02, 0x01, 0x00];

/// id-ecPublicKey with the curve prime256v1 (RFC 5480), as an AlgorithmIdentifier.
pub(crate) const EC_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07,
];
/// id-ecPublicKey with the curve secp384r1 (RFC 5480), as an AlgorithmIdentifier.
pub(crate) const EC_P384: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22,
];
/// id-Ed25519 (RFC 8410), of keys and of signatures, as an AlgorithmIdentifier.
pub(crate) const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
/// rsaEncryption (RFC 3279), as an AlgorithmIdentifier.
pub(crate) const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// ecdsa-with-SHA256 (RFC 5758), as an AlgorithmIdentifier.
pub(crate) const ECDSA_SHA256: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// ecdsa-with-SHA384 (RFC 5758), as an AlgorithmIdentifier.
pub(crate) const ECDSA_SHA384: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// sha256WithRSAEncryption (RFC 4055), as an AlgorithmIdentifier.
pub(crate) const RSA_SHA256: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
/// The object identifier of a common name.
pub(crate) const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
/// The object identifier of an organization.
pub(crate) const ORGANIZATION: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x0a];
/// The object identifier of the extension subjectAltName.
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];
/// The object identifier of the attribute extensionRequest (RFC 2985).
pub(crate) const EXTENSION_REQUEST: &[u8] =
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];

/// Tag and length of a value of `length` bytes.
pub(crate) fn head(tag: u8, length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[skipped..];
    match (length, digits.len()) {
        (0..=127, _) => vec![tag, digits.first().copied().unwrap_or(0)],
        (_, count) => [&[tag, 0x80 | count as u8], digits].concat(),
    }
}

/// A value of `parts`, one after the other. Not for key bytes: its buffer is not erased.
pub(crate) fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut der = head(tag, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A PrintableString where the text allows one, as Go's encoder does, else a UTF8String.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let printable = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte));
    value(if printable { PRINTABLE_STRING } else { UTF8_STRING }, &[text.as_bytes()])
}

#[cfg(test)]
mod tests;
