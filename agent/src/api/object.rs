//! CertificateSigningRequests as core sees them, and as they are sent.

use certrotate_core::api::{CsrObject, Issued};
use certrotate_core::facts::Usages;
use certrotate_x509::{CertChain, ClientCa, csr};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition, CertificateSigningRequestSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::details::Details;
use crate::keystore::{Asked, KeyStore};

/// The object to create. Who asks the server knows itself.
pub(super) fn write(asked: Asked) -> CertificateSigningRequest {
    let Asked { name, csr_pem, template } = asked;
    let seconds = |span: certrotate_core::time::Span| i32::try_from(span.ms() / 1000).unwrap_or(i32::MAX);
    CertificateSigningRequest {
        metadata: ObjectMeta { name: Some(name), ..ObjectMeta::default() },
        spec: CertificateSigningRequestSpec {
            request: ByteString(csr_pem.into_bytes()),
            signer_name: template.signer,
            usages: Some(template.usages.names().map(str::to_owned).collect()),
            expiration_seconds: template.duration.map(seconds),
            ..CertificateSigningRequestSpec::default()
        },
        status: None,
    }
}

fn condition<'a>(
    object: &'a CertificateSigningRequest,
    kind: &str,
) -> Option<&'a CertificateSigningRequestCondition> {
    // As Kubernetes itself, without a look at the condition's status.
    object.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

fn certificate(object: &CertificateSigningRequest) -> Option<&[u8]> {
    let bytes = &object.status.as_ref()?.certificate.as_ref()?.0;
    (!bytes.is_empty()).then_some(bytes)
}

/// Whether a watch should end with it.
pub(super) fn tells(object: &CertificateSigningRequest) -> bool {
    let has = |kind| condition(object, kind).is_some();
    has("Denied") || has("Failed") || (has("Approved") && certificate(object).is_some())
}

/// What core is to know of it. The chain is kept in `keys`; what a person wrote about it goes into `details`.
pub(super) fn read(
    object: &CertificateSigningRequest,
    client_ca: Option<&ClientCa>,
    keys: &KeyStore,
    details: &Details,
) -> CsrObject {
    let (denied, failed) = (condition(object, "Denied"), condition(object, "Failed"));
    if let Some(condition) = denied.or(failed) {
        details.set_call(&reason(condition));
    }
    let issued = certificate(object).map(|pem| match CertChain::read(pem, client_ca) {
        Ok((chain, facts)) => {
            let cert = keys.keep_chain(chain, facts.clone());
            Issued::Readable { cert, facts }
        }
        Err(error) => {
            details.set_call(&error.to_string());
            Issued::Unreadable
        }
    });
    let names = object.spec.usages.iter().flatten();
    CsrObject {
        key: csr::read(&object.spec.request.0).ok().map(|facts| facts.key),
        signer: object.spec.signer_name.clone(),
        usages: names.fold(Usages::NONE, |set, name| set.with(Usages::named(name).unwrap_or(Usages::OTHER))),
        approved: condition(object, "Approved").is_some(),
        denied: denied.is_some(),
        failed: failed.is_some(),
        certificate: issued,
    }
}

fn reason(condition: &CertificateSigningRequestCondition) -> String {
    let CertificateSigningRequestCondition { reason, message, .. } = condition;
    match (reason.as_deref().unwrap_or_default(), message.as_deref().unwrap_or_default()) {
        ("", "") => "no reason given".to_owned(),
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}
