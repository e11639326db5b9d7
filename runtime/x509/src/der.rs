//! The DER (X.690) of certificate requests and keys. The crate `der` encodes tags, lengths and strings.
//!
//! rcgen writes requests too, but it keeps one value for each type of attribute, and a subject may have several
//! organizations. It also keeps keys in memory that it does not erase.

use ::der::asn1::{Ia5StringRef, PrintableStringRef};
use ::der::{Encode as _, Header, Length, Tag, TagNumber};
use certrotate_core::facts::Attribute;
use x509_parser::der_parser::oid::Oid;

pub(crate) const SEQUENCE: Tag = Tag::Sequence;
pub(crate) const SET: Tag = Tag::Set;
pub(crate) const OCTET_STRING: Tag = Tag::OctetString;
pub(crate) const BIT_STRING: Tag = Tag::BitString;
pub(crate) const PRINTABLE_STRING: Tag = Tag::PrintableString;
pub(crate) const UTF8_STRING: Tag = Tag::Utf8String;
pub(crate) const IA5_STRING: Tag = Tag::Ia5String;
const OBJECT_IDENTIFIER: Tag = Tag::ObjectIdentifier;
/// The type of an e-mail address in a subject (PKCS #9).
const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };

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
/// id-ecPublicKey with the curve secp521r1 (RFC 5480), as an AlgorithmIdentifier.
pub(crate) const EC_P521: &[u8] = &[
    0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x23,
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
/// ecdsa-with-SHA512 (RFC 5758), as an AlgorithmIdentifier.
pub(crate) const ECDSA_SHA512: &[u8] =
    &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
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

/// Returns the primitive context-specific tag of this number, as a GeneralName has it.
pub(crate) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: false, number: TagNumber(number) }
}

/// Returns tag and length of a value of `length` bytes.
pub(crate) fn head(tag: Tag, length: usize) -> Vec<u8> {
    // Every value here is part of one request or key, which are far smaller than the largest length (4 GiB).
    let length = Length::try_from(length).expect("a request or a key is shorter than 4 GiB");
    Header::new(tag, length).to_der().expect("a header has a DER form")
}

/// Returns a value made of `parts`, one after the other. Not for key bytes: its buffer is not erased.
pub(crate) fn value(tag: Tag, parts: &[&[u8]]) -> Vec<u8> {
    let mut der = head(tag, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// Returns a PrintableString where the alphabet allows one, as Go's encoder does, else a UTF8String.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let printable = PrintableStringRef::new(text).is_ok();
    value(if printable { PRINTABLE_STRING } else { UTF8_STRING }, &[text.as_bytes()])
}

/// Returns object identifier and value of an attribute. `None` if it is a common name or an organization, has no or an empty
/// text, or one that its type does not allow.
pub(crate) fn attribute(attribute: &Attribute) -> Option<(Vec<u8>, Vec<u8>)> {
    if [Attribute::COMMON_NAME, Attribute::ORGANIZATION].contains(&attribute.oid.as_str()) {
        return None;
    }
    let content = attribute.text.as_deref().filter(|text| !text.is_empty())?;
    let content_der = match attribute.oid.as_str() {
        // RFC 5280, appendix A.1: a PrintableString.
        Attribute::COUNTRY if content.len() != 2 => return None,
        Attribute::COUNTRY | Attribute::SERIAL_NUMBER if PrintableStringRef::new(content).is_err() => {
            return None;
        }
        Attribute::DOMAIN_COMPONENT | EMAIL_ADDRESS => {
            value(IA5_STRING, &[Ia5StringRef::new(content).ok()?.as_bytes()])
        }
        _ => text(content),
    };
    let oid: Oid<'_> = attribute.oid.parse().ok()?;
    Some((value(OBJECT_IDENTIFIER, &[oid.as_bytes()]), content_der))
}

#[cfg(test)]
mod tests;
