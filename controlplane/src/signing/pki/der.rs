//! The little DER that a leaf certificate needs (X.690).
//!
//! rcgen keeps one value per attribute type in a distinguished name, so a subject with two
//! organisations (two groups, to Kubernetes) would lose one; here subject and key are copied as they came.

use time::OffsetDateTime;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

/// One element made of others.
pub(crate) fn nest(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(tag, &parts.concat())
}

/// A non-negative integer from big-endian bytes.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let leading = bytes.iter().take_while(|b| **b == 0).count();
    let mut content = bytes[leading..].to_vec();
    if content.first().is_none_or(|b| b & 0x80 != 0) {
        content.insert(0, 0);
    }
    tlv(INTEGER, &content)
}

/// A bit string without unused bits.
pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    let mut content = vec![0];
    content.extend_from_slice(bytes);
    tlv(BIT_STRING, &content)
}

/// A named bit list (X.690 11.2.2: no trailing zero bits); bit 0 is the first.
pub(crate) fn named_bits(mask: u16) -> Vec<u8> {
    let reversed = mask.reverse_bits();
    if reversed == 0 {
        return tlv(BIT_STRING, &[0]);
    }
    let used = 16 - reversed.trailing_zeros() as usize;
    let count = used.div_ceil(8);
    let mut content = vec![(count * 8 - used) as u8];
    content.extend_from_slice(&reversed.to_be_bytes()[..count]);
    tlv(BIT_STRING, &content)
}

/// A time as RFC 5280, 4.1.2.5 asks: UTCTime before 2050, else GeneralizedTime.
pub(crate) fn time(unix_seconds: i64) -> Vec<u8> {
    let at = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (month, day) = (u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    match at.year() {
        year @ 1950..2050 => tlv(UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes()),
        year => tlv(GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes()),
    }
}

/// A distinguished name of common name and organisations, in Go's order: organisations first.
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

#[cfg(test)]
mod tests;
