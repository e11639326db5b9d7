//! PKCS#10 requests (RFC 2986).

use std::collections::BTreeSet;
use std::sync::Mutex;

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::base::sync::lock;
use crate::signing::pki::signature;

/// A request whose signature verifies under its own key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    /// The last common name, as Go reads it; empty if there is none.
    pub(crate) common_name: String,
    pub(crate) organizations: Vec<String>,
    /// Subject as it came, DER.
    pub(crate) subject: Vec<u8>,
    /// SubjectPublicKeyInfo as it came, DER.
    pub(crate) public_key: Vec<u8>,
    pub(crate) names: Vec<AlternativeName>,
}

/// The four kinds of subject alternative name that Go's `x509` reads and Kubernetes copies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AlternativeName {
    Email(String),
    Dns(String),
    Uri(String),
    Ip(Vec<u8>),
}

/// Reads the first PEM block of `pem`; the error is what kube-apiserver puts into `spec.request`.
pub(crate) fn read(pem: &[u8]) -> Result<Request, String> {
    const WRONG_TYPE: &str = "PEM block type must be CERTIFICATE REQUEST";
    let block = match Pem::iter_from_buffer(pem).next() {
        Some(Ok(block)) if block.label == "CERTIFICATE REQUEST" => block,
        _ => return Err(WRONG_TYPE.to_owned()),
    };
    let (rest, request) = X509CertificationRequest::from_der(&block.contents)
        .map_err(|_| "malformed certificate request".to_owned())?;
    if !rest.is_empty() {
        return Err("trailing data after the certificate request".to_owned());
    }
    verified(&block.contents, || signature::verify(&request))?;
    let info = &request.certification_request_info;
    // Both are copied into the certificate as they are, and the reader overlooks much.
    if !is_name(info.subject.as_raw()) {
        return Err("the subject is no distinguished name".to_owned());
    }
    if !is_public_key(info.subject_pki.raw) {
        return Err("the public key is no SubjectPublicKeyInfo".to_owned());
    }
    Ok(Request {
        common_name: common_names(&info.subject)?.pop().unwrap_or_default(),
        organizations: organizations(&info.subject)?,
        subject: info.subject.as_raw().to_vec(),
        public_key: info.subject_pki.raw.to_vec(),
        names: alternative_names(&request)?,
    })
}

/// The last common name of a request that was read before; empty if it has none. The signature is not verified again.
pub(crate) fn common_name(pem: &[u8]) -> String {
    let Some(Ok(block)) = Pem::iter_from_buffer(pem).next() else { return String::new() };
    let request = X509CertificationRequest::from_der(&block.contents);
    let names = request.ok().map(|(_, request)| common_names(&request.certification_request_info.subject));
    names.and_then(Result::ok).and_then(|mut names| names.pop()).unwrap_or_default()
}

/// Requests whose signatures are remembered as good.
const REMEMBERED: usize = 10_000;

/// What `verify` says of these bytes. A request is read by the API, the approver, the signer and the statistics, and verifying costs
/// more than all else that is done with it, so that good ones are remembered by their digests for a while.
fn verified(der: &[u8], verify: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    static GOOD: Mutex<BTreeSet<[u8; 32]>> = Mutex::new(BTreeSet::new());
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref());
    if lock(&GOOD).contains(&digest) {
        return Ok(());
    }
    let good = verify();
    if good.is_ok() {
        let mut verified = lock(&GOOD);
        if verified.len() >= REMEMBERED {
            verified.clear();
        }
        verified.insert(digest);
    }
    good
}

/// Identifier octets of the elements that the two checks below look for.
const BIT_STRING: u8 = 0x03;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Whether this is a SEQUENCE of SETs of SEQUENCEs of an identifier and a value, and nothing else (RFC 5280, 4.1.2.4).
fn is_name(name: &[u8]) -> bool {
    let is_attribute = |(tag, content): &(u8, &[u8])| {
        *tag == SEQUENCE && matches!(elements(content).as_deref(), Some([(OID, _), (..)]))
    };
    let is_set = |(tag, content): &(u8, &[u8])| {
        let attributes = elements(content).filter(|list| !list.is_empty());
        *tag == SET && attributes.is_some_and(|list| list.iter().all(is_attribute))
    };
    match elements(name).as_deref() {
        Some([(SEQUENCE, sets)]) => elements(sets).is_some_and(|list| list.iter().all(is_set)),
        _ => false,
    }
}

/// Whether this is a SEQUENCE of an algorithm and a bit string, and nothing else (RFC 5280, 4.1).
fn is_public_key(key: &[u8]) -> bool {
    match elements(key).as_deref() {
        Some([(SEQUENCE, parts)]) => {
            matches!(elements(parts).as_deref(), Some([(SEQUENCE, _), (BIT_STRING, _)]))
        }
        _ => false,
    }
}

/// Tags and contents of the DER elements that `bytes` are, one after the other; `None` if they are not.
fn elements(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut out = Vec::new();
    while let [tag, first, rest @ ..] = bytes {
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x83 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        out.push((*tag, content));
        bytes = rest;
    }
    bytes.is_empty().then_some(out)
}

/// The common names of a distinguished name.
pub(crate) fn common_names(name: &X509Name<'_>) -> Result<Vec<String>, String> {
    texts(name.iter_common_name())
}

/// The organisations of a distinguished name: groups, to Kubernetes.
pub(crate) fn organizations(name: &X509Name<'_>) -> Result<Vec<String>, String> {
    texts(name.iter_organization())
}

fn texts<'a>(
    attributes: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>,
) -> Result<Vec<String>, String> {
    attributes
        .map(|attribute| attribute.as_str().map(str::to_owned))
        .collect::<Result<_, _>>()
        .map_err(|_| "a name in the subject is not text".to_owned())
}

fn alternative_names(request: &X509CertificationRequest<'_>) -> Result<Vec<AlternativeName>, String> {
    let mut names = Vec::new();
    for extension in request.requested_extensions().into_iter().flatten() {
        match extension {
            ParsedExtension::SubjectAlternativeName(san) => {
                for name in &san.general_names {
                    names.extend(alternative_name(name)?);
                }
            }
            ParsedExtension::ParseError { .. } => {
                return Err("malformed extension in the certificate request".to_owned());
            }
            _ => {}
        }
    }
    Ok(names)
}

fn alternative_name(name: &GeneralName<'_>) -> Result<Option<AlternativeName>, String> {
    Ok(Some(match name {
        GeneralName::RFC822Name(text) => AlternativeName::Email((*text).to_owned()),
        GeneralName::DNSName(text) => AlternativeName::Dns((*text).to_owned()),
        GeneralName::URI(text) => AlternativeName::Uri((*text).to_owned()),
        GeneralName::IPAddress(bytes) if matches!(bytes.len(), 4 | 16) => AlternativeName::Ip(bytes.to_vec()),
        GeneralName::IPAddress(_) | GeneralName::Invalid(..) => {
            return Err("malformed subject alternative name".to_owned());
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests;
