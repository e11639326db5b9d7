//! Converts a parsed certificate or request to core's facts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use certrotate_core::facts::{Attribute, San, Subject, Usages};
use certrotate_core::time::WallTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::error::ReadError;

/// In the order of the bits of KeyUsage (RFC 5280, section 4.2.1.3).
const KEY_USAGES: [Usages; 9] = [
    Usages::DIGITAL_SIGNATURE,
    Usages::CONTENT_COMMITMENT,
    Usages::KEY_ENCIPHERMENT,
    Usages::DATA_ENCIPHERMENT,
    Usages::KEY_AGREEMENT,
    Usages::CERT_SIGN,
    Usages::CRL_SIGN,
    Usages::ENCIPHER_ONLY,
    Usages::DECIPHER_ONLY,
];

/// Parses one certificate that fills `der`; it is the `block`-th, for the error.
pub(crate) fn certificate(der: &[u8], block: usize) -> Result<X509Certificate<'_>, ReadError> {
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| ReadError::Der { block })?;
    if !rest.is_empty() {
        return Err(ReadError::TrailingBytes { block });
    }
    // Two extensions of one kind: readers disagree on which of them counts.
    certificate.extensions_map().map_err(|_| ReadError::Der { block })?;
    Ok(certificate)
}

/// Parses one certificate that Go reads, too: its serial number is not negative (`crypto/x509`, since Go 1.23).
pub(crate) fn presentable(der: &[u8], block: usize) -> Result<X509Certificate<'_>, ReadError> {
    let certificate = certificate(der, block)?;
    match certificate.raw_serial().first() {
        Some(first) if first & 0x80 != 0 => Err(ReadError::Serial { block }),
        _ => Ok(certificate),
    }
}

/// Splits the content of a block: Go reads several certificates from one block (`crypto/x509`, `ParseCertificates`). The last
/// part holds whatever cannot be split.
pub(crate) fn split(der: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = der;
    while let Ok((next, _)) = X509Certificate::from_der(rest)
        && !next.is_empty()
        && X509Certificate::from_der(next).is_ok()
    {
        parts.push(&rest[..rest.len() - next.len()]);
        rest = next;
    }
    parts.push(rest);
    parts
}

/// Start and end of a certificate.
pub(crate) fn window(certificate: &X509Certificate<'_>) -> (WallTime, WallTime) {
    let validity = certificate.validity();
    (
        WallTime::from_unix_secs(validity.not_before.timestamp()),
        WallTime::from_unix_secs(validity.not_after.timestamp()),
    )
}

/// Returns whether the key usage, if present, lets this key sign certificates (RFC 5280, section
/// 4.2.1.3).
pub(crate) fn may_issue(certificate: &X509Certificate<'_>) -> bool {
    certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

/// The subject. A second common name, and an empty or unreadable organization, is one of the other attributes.
pub(crate) fn subject(name: &X509Name<'_>) -> Subject {
    let mut subject = Subject::default();
    for attribute in name.iter_attributes() {
        let text = attribute.as_str().ok().filter(|text| !text.is_empty());
        match (attribute.attr_type().as_bytes(), text) {
            // 2.5.4.3 and 2.5.4.10
            ([0x55, 0x04, 0x03], Some(text)) if subject.common_name.is_empty() => {
                subject.common_name = text.to_owned();
            }
            ([0x55, 0x04, 0x0a], Some(text)) => subject.organizations.push(text.to_owned()),
            _ => subject.others.push(Attribute {
                oid: attribute.attr_type().to_id_string(),
                text: attribute.as_str().ok().map(str::to_owned),
            }),
        }
    }
    subject
}

/// The facts from the extensions of a leaf or a request.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) sans: Vec<San>,
    pub(crate) usages: Usages,
    pub(crate) ca: bool,
}

impl Extensions {
    /// Reads one extension. Returns false if it is unreadable.
    pub(crate) fn take(&mut self, extension: &ParsedExtension<'_>) -> bool {
        match extension {
            ParsedExtension::ParseError { .. } => return false,
            ParsedExtension::SubjectAlternativeName(names) => {
                self.sans.extend(names.general_names.iter().map(san));
            }
            ParsedExtension::KeyUsage(usage) => {
                for (bit, name) in KEY_USAGES.into_iter().enumerate() {
                    self.add(usage.flags >> bit & 1 == 1, name);
                }
                self.add(usage.flags >> KEY_USAGES.len() != 0, Usages::OTHER);
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.add(usage.any, Usages::ANY);
                self.add(usage.server_auth, Usages::SERVER_AUTH);
                self.add(usage.client_auth, Usages::CLIENT_AUTH);
                self.add(usage.code_signing, Usages::CODE_SIGNING);
                self.add(usage.email_protection, Usages::EMAIL_PROTECTION);
                self.add(usage.time_stamping, Usages::TIMESTAMPING);
                self.add(usage.ocsp_signing, Usages::OCSP_SIGNING);
                self.add(!usage.other.is_empty(), Usages::OTHER);
            }
            ParsedExtension::BasicConstraints(constraints) => self.ca |= constraints.ca,
            _ => {}
        }
        true
    }

    fn add(&mut self, present: bool, usage: Usages) {
        if present {
            self.usages = self.usages.with(usage);
        }
    }
}

fn san(name: &GeneralName<'_>) -> San {
    match name {
        GeneralName::DNSName(name) => San::Dns((*name).to_owned()),
        GeneralName::RFC822Name(address) => San::Email((*address).to_owned()),
        GeneralName::URI(uri) => San::Uri((*uri).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map_or(San::Other, San::Ip),
        _ => San::Other,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into())
}

#[cfg(test)]
mod tests;
