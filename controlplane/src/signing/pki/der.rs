//! The DER (X.690) of a leaf certificate. The crate `der` encodes tags, lengths, numbers and times.
//!
//! rcgen keeps one value per attribute type in a distinguished name, so a subject with two organisations (two groups, in
//! Kubernetes) would lose one. Here subject and key are copied from the request, byte for byte.

use std::time::Duration;

use ::der::asn1::{BitStringRef, GeneralizedTime, UintRef, UtcTime};
use ::der::{Encode, Header, Length, Tag, TagNumber};

pub(crate) const BOOLEAN: Tag = Tag::Boolean;
pub(crate) const BIT_STRING: Tag = Tag::BitString;
pub(crate) const OCTET_STRING: Tag = Tag::OctetString;
pub(crate) const NULL: Tag = Tag::Null;
pub(crate) const OID: Tag = Tag::ObjectIdentifier;
pub(crate) const UTF8_STRING: Tag = Tag::Utf8String;
pub(crate) const SEQUENCE: Tag = Tag::Sequence;
pub(crate) const SET: Tag = Tag::Set;

/// Returns the primitive context-specific tag of this number.
pub(crate) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: false, number: TagNumber(number) }
}

/// Returns the constructed context-specific tag of this number.
pub(crate) const fn constructed(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// Returns one element.
pub(crate) fn tlv(tag: Tag, content: &[u8]) -> Vec<u8> {
    // A certificate is made of a request, and a request body has 3 MiB at most.
    let length = Length::try_from(content.len()).expect("a certificate is shorter than 4 GiB");
    let mut out = encoded(&Header::new(tag, length));
    out.extend_from_slice(content);
    out
}

/// Returns one element made of others.
pub(crate) fn nest(tag: Tag, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

/// Returns a non-negative integer from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    // No bytes are zero; `UintRef` refuses them.
    let bytes = if bytes.is_empty() { &[0] } else { bytes };
    encoded(&UintRef::new(bytes).expect("a number is shorter than 4 GiB"))
}

/// Returns a bit string without unused bits.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    encoded(&BitStringRef::from_bytes(bytes).expect("a signature is shorter than 4 GiB"))
}

/// Returns a named bit list (X.690 11.2.2: no trailing zero bits); bit 0 is the first.
pub(crate) fn named_bits(mask: u16) -> Vec<u8> {
    let reversed = mask.reverse_bits();
    let used = 16 - reversed.trailing_zeros() as usize;
    let count = used.div_ceil(8);
    let unused = (count * 8 - used) as u8;
    let bytes = reversed.to_be_bytes();
    let bits = BitStringRef::new(unused, &bytes[..count]);
    encoded(&bits.expect("fewer than eight bits of the last byte are unused"))
}

/// Returns a time as RFC 5280, 4.1.2.5 requires: UTCTime before 2050, else GeneralizedTime. A time that neither can express
/// (after 9999) becomes the epoch.
pub(crate) fn time(unix_seconds: i64) -> Vec<u8> {
    let since = Duration::from_secs(u64::try_from(unix_seconds).unwrap_or(0));
    if let Ok(time) = UtcTime::from_unix_duration(since) {
        return encoded(&time);
    }
    match GeneralizedTime::from_unix_duration(since) {
        Ok(time) => encoded(&time),
        Err(_) => time_of_epoch(),
    }
}

fn time_of_epoch() -> Vec<u8> {
    encoded(&UtcTime::from_unix_duration(Duration::ZERO).expect("1970 is before 2050"))
}

/// Returns a distinguished name of common name and organisations, in Go's order: organisations first.
pub(crate) fn name(common_name: &str, organizations: &[String]) -> Vec<u8> {
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    const ORGANIZATION: &[u8] = &[0x55, 4, 10];
    let attribute = |oid: &[u8], value: &str| {
        let pair = [tlv(OID, oid), tlv(UTF8_STRING, value.as_bytes())];
        nest(SET, &[nest(SEQUENCE, &pair)])
    };
    let mut parts: Vec<_> = organizations.iter().map(|o| attribute(ORGANIZATION, o)).collect();
    parts.push(attribute(COMMON_NAME, common_name));
    nest(SEQUENCE, &parts)
}

fn encoded(value: &impl Encode) -> Vec<u8> {
    value.to_der().expect("the value has a DER form")
}

#[cfg(test)]
mod tests;
