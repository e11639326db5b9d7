//! What a PKCS#10 request says (RFC 2986).

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

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
    request
        .verify_signature()
        .map_err(|_| "the signature does not verify under the request's own key".to_owned())?;
    let info = &request.certification_request_info;
    Ok(Request {
        common_name: common_names(&info.subject)?.pop().unwrap_or_default(),
        organizations: organizations(&info.subject)?,
        subject: info.subject.as_raw().to_vec(),
        public_key: info.subject_pki.raw.to_vec(),
        names: alternative_names(&request)?,
    })
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
