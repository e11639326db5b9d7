//! Certificate requests (PKCS#10, RFC 2986).

use certrotate_core::config::Template;
use certrotate_core::facts::{San, Subject};
use certrotate_core::id::KeyDigest;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::prelude::FromDer;

use crate::digest::sha256;
use crate::error::{ReadError, RequestError};
use crate::facts::{self, Extensions};
use crate::key::SecretKey;
use crate::pem::{self, lenient};
use crate::{MAX_TEXT, der};

/// The content of a certificate request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrFacts {
    /// The digest of the key that signed the request and that it is for.
    pub key: KeyDigest,
    /// The subject.
    pub subject: Subject,
    /// The subject alternative names.
    pub sans: Vec<San>,
    /// The public key: a DER SubjectPublicKeyInfo.
    pub spki_der: Vec<u8>,
}

/// Reads one request in PEM and verifies that its own key signed it. As in kube-apiserver, the first block counts, and text
/// around it does not.
///
/// # Errors
///
/// Where the text has more than [`MAX_TEXT`] bytes, where its first block is no `CERTIFICATE REQUEST`, or
/// where that cannot be read or is not signed by its key.
pub fn read(text: &[u8]) -> Result<CsrFacts, ReadError> {
    ReadError::sized(text, MAX_TEXT)?;
    let first = lenient::blocks(text).next();
    let request = first.filter(|block| block.label == pem::REQUEST.as_bytes()).ok_or(ReadError::Nothing)?;
    read_der(&request.der)
}

pub(crate) fn read_der(der: &[u8]) -> Result<CsrFacts, ReadError> {
    let unreadable = ReadError::Der { block: 1 };
    let (rest, request) = X509CertificationRequest::from_der(der).map_err(|_| unreadable)?;
    if !rest.is_empty() {
        return Err(ReadError::TrailingBytes { block: 1 });
    }
    request.verify_signature().map_err(|_| ReadError::Signature)?;
    let info = &request.certification_request_info;
    let mut extensions = Extensions::default();
    for attribute in info.iter_attributes() {
        if let ParsedCriAttribute::ExtensionRequest(asked) = attribute.parsed_attribute() {
            for extension in &asked.extensions {
                if !extensions.take(extension.parsed_extension()) {
                    return Err(unreadable);
                }
            }
        }
    }
    Ok(CsrFacts {
        key: KeyDigest(sha256(&[info.subject_pki.raw])),
        subject: facts::subject(&info.subject),
        sans: extensions.sans,
        spki_der: info.subject_pki.raw.to_vec(),
    })
}

/// Returns the DER of a request for `template`, signed by `key`.
///
/// Like a kubelet's (client-go `util/csr`) it has no usages: they are in `spec.usages`.
pub(crate) fn write(template: &Template, key: &SecretKey) -> Result<Vec<u8>, RequestError> {
    let subject = name(&template.subject)?;
    let attributes = match template.sans.as_slice() {
        [] => Vec::new(),
        sans => san_attribute(sans)?,
    };
    let attributes = der::value(der::CONTEXT_0, &[&attributes]);
    let info = der::value(der::SEQUENCE, &[der::ZERO, &subject, key.spki_der(), &attributes]);
    let signature = der::value(der::BIT_STRING, &[&[0], &key.sign(&info)?]);
    Ok(der::value(der::SEQUENCE, &[&info, key.signature_algorithm(), &signature]))
}

/// Organizations, other attributes, then the common name. Go orders organizations and common name so (`crypto/x509/pkix`,
/// `ToRDNSequence`).
fn name(subject: &Subject) -> Result<Vec<u8>, RequestError> {
    if subject.organizations.iter().any(String::is_empty) {
        return Err(RequestError::Subject);
    }
    let attribute =
        |kind: &[u8], text: &[u8]| der::value(der::SET, &[&der::value(der::SEQUENCE, &[kind, text])]);
    let mut names: Vec<Vec<u8>> = Vec::new();
    names.extend(subject.organizations.iter().map(|text| attribute(der::ORGANIZATION, &der::text(text))));
    for other in &subject.others {
        let (kind, text) = der::attribute(other).ok_or(RequestError::Subject)?;
        names.push(attribute(&kind, &text));
    }
    if !subject.common_name.is_empty() {
        names.push(attribute(der::COMMON_NAME, &der::text(&subject.common_name)));
    }
    Ok(der::value(der::SEQUENCE, &[&names.concat()]))
}

/// The attribute extensionRequest with the one extension subjectAltName.
fn san_attribute(sans: &[San]) -> Result<Vec<u8>, RequestError> {
    let names = sans.iter().map(general_name).collect::<Result<Vec<_>, _>>()?;
    let names = der::value(der::SEQUENCE, &[&names.concat()]);
    let content = der::value(der::OCTET_STRING, &[&names]);
    let extension = der::value(der::SEQUENCE, &[der::SUBJECT_ALT_NAME, &content]);
    let extensions = der::value(der::SEQUENCE, &[&extension]);
    let values = der::value(der::SET, &[&extensions]);
    Ok(der::value(der::SEQUENCE, &[der::EXTENSION_REQUEST, &values]))
}

/// A GeneralName (RFC 5280, section 4.2.1.6): context tags 1, 2, 6 and 7.
fn general_name(san: &San) -> Result<Vec<u8>, RequestError> {
    match san {
        San::Email(text) if text.is_ascii() => Ok(der::value(der::context(1), &[text.as_bytes()])),
        San::Dns(text) if text.is_ascii() => Ok(der::value(der::context(2), &[text.as_bytes()])),
        San::Uri(text) if text.is_ascii() => Ok(der::value(der::context(6), &[text.as_bytes()])),
        San::Ip(std::net::IpAddr::V4(address)) => Ok(der::value(der::context(7), &[&address.octets()])),
        San::Ip(std::net::IpAddr::V6(address)) => Ok(der::value(der::context(7), &[&address.octets()])),
        San::Email(_) | San::Dns(_) | San::Uri(_) | San::Other => Err(RequestError::San),
    }
}

#[cfg(test)]
mod tests;
