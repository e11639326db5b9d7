//! The meaning of the server's answers: status, headers and JSON in, objects and faults for core out.
//!
//! The transport is a network, or bytes in memory.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use certrotate_core::api::{ApiFault, Call, CsrObject, Issued};
use certrotate_core::facts::Usages;
use certrotate_core::id::RequestDigest;
use certrotate_core::time::Span;
use certrotate_x509::{CertChain, ClientCa, csr, request_name};
use http_body_util::LengthLimitError;
use hyper::header::{HeaderMap, RETRY_AFTER};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use kube_core::WatchEvent;
use kube_core::params::{ListParams, WatchParams};

use crate::connection::ConnectionError;
use crate::fault_texts::FaultTexts;
use crate::keystore::{KeyStore, SigningRequest, Staged};
use crate::kubernetes::{CallError, Objects, Transport};

/// The largest answer that is read, in bytes.
pub(super) const MAX_ANSWER: usize = 4 << 20;
/// How long the server is signing_request to keep a watch open, in seconds; kube takes no more than 294.
const WATCH_SECONDS: u32 = 290;

/// Makes one call.
pub(super) async fn call<T: Transport>(
    requests: &Objects<T, CertificateSigningRequest>,
    call: Call,
    signing_request: Option<&SigningRequest>,
) -> Result<CertificateSigningRequest, Failure> {
    match call {
        Call::Create { .. } => match signing_request {
            Some(signing_request) => Ok(requests.create(&object(signing_request)).await?),
            // The handle is core's own; without its request there is nothing to send.
            None => Err(Failure::Fault(ApiFault::Invalid)),
        },
        Call::Get { request } => Ok(requests.get(&request_name(&request)).await?),
        Call::Watch { request } => watch(requests, &request).await,
    }
}

fn object(signing_request: &SigningRequest) -> CertificateSigningRequest {
    let template = &signing_request.template;
    let mut object = CertificateSigningRequest {
        spec: CertificateSigningRequestSpec {
            request: ByteString(signing_request.csr_pem.clone().into_bytes()),
            signer_name: template.signer.clone(),
            usages: Some(template.usages.names().map(str::to_owned).collect()),
            expiration_seconds: template.duration.and_then(|span| i32::try_from(span.ms() / 1000).ok()),
            ..CertificateSigningRequestSpec::default()
        },
        ..CertificateSigningRequest::default()
    };
    object.metadata.name = Some(signing_request.name.clone());
    object
}

/// Returns what core needs of an object, and its chain.
pub(super) fn read(
    object: CertificateSigningRequest,
    keys: &KeyStore,
    client_ca: Option<&ClientCa>,
    texts: &FaultTexts,
) -> (CsrObject, Staged) {
    let (spec, status) = (object.spec, object.status.unwrap_or_default());
    let mut read = Staged::default();
    let pem = status.certificate.map(|bytes| bytes.0).filter(|bytes| !bytes.is_empty());
    let certificate = pem.map(|pem| match CertChain::read(&pem, client_ca) {
        Ok((chain, facts)) => {
            // The texts of earlier calls say nothing of this certificate.
            drop(texts.take_call());
            let leaf = chain.leaf_summary();
            if (leaf.not_before, leaf.not_after) != (facts.not_before, facts.not_after) {
                let (from, until) = (leaf.not_before, leaf.not_after);
                texts.set_call(&format!(
                    "the certificate itself is valid from {from} until {until}, and an issuer on its path is not"
                ));
            }
            let cert = keys.stage_chain(&mut read, chain, facts.clone());
            Issued::Readable { cert, facts }
        }
        Err(error) => {
            texts.set_call(&error.to_string());
            Issued::Unreadable
        }
    });
    let conditions = status.conditions.unwrap_or_default();
    let has = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
    if let Some(condition) = has("Denied").or(has("Failed")) {
        let reason = condition.reason.as_deref().unwrap_or("no reason given");
        let message = condition.message.as_deref().unwrap_or("no message");
        texts.set_call(&format!("{reason}: {message}"));
    }
    let usages = spec.usages.unwrap_or_default();
    let object = CsrObject {
        key: csr::read(&spec.request.0).ok().map(|facts| facts.key),
        signer: spec.signer_name,
        usages: usages
            .iter()
            .map(|name| Usages::named(name).unwrap_or(Usages::OTHER))
            .fold(Usages::NONE, Usages::with),
        approved: has("Approved").is_some(),
        denied: has("Denied").is_some(),
        failed: has("Failed").is_some(),
        certificate,
    };
    (object, read)
}

/// Why a call brought no object.
pub(super) enum Failure {
    Call(CallError),
    Fault(ApiFault),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Failure {
    /// Returns the fault for core, and the text for the line that reports it. `now` is the time of the answer.
    pub(super) fn explain(self, now: SystemTime) -> (ApiFault, Option<String>) {
        match self {
            Self::Fault(fault) => (fault, None),
            Self::Call(error) => {
                let (fault, text) = classify(&error, now);
                (fault, Some(text))
            }
        }
    }
}

/// Lists and watches one object until its conditions matter to core.
async fn watch<T: Transport>(
    requests: &Objects<T, CertificateSigningRequest>,
    request: &RequestDigest,
) -> Result<CertificateSigningRequest, Failure> {
    let fields = format!("metadata.name={}", request_name(request));
    let list = requests.list(&ListParams::default().fields(&fields)).await?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let object = list.items.into_iter().next().ok_or(Failure::Fault(ApiFault::NotFound))?;
    if has_news(&object) {
        return Ok(object);
    }
    let parameters = WatchParams::default().fields(&fields).timeout(WATCH_SECONDS);
    let mut events = requests.watch(&parameters, &version).await?;
    while let Some(event) = events.next().await {
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) if has_news(&object) => {
                return Ok(object);
            }
            Ok(WatchEvent::Deleted(_)) => return Err(Failure::Fault(ApiFault::NotFound)),
            Ok(WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Bookmark(_)) => {}
            // 410 Gone and everything else: the next call lists again.
            Ok(WatchEvent::Error(_)) | Err(_) => break,
        }
    }
    Err(Failure::Fault(ApiFault::WatchEnded))
}

fn has_news(object: &CertificateSigningRequest) -> bool {
    let Some(status) = &object.status else { return false };
    let mut conditions = status.conditions.iter().flatten();
    let has_certificate = status.certificate.as_ref().is_some_and(|bytes| !bytes.0.is_empty());
    conditions.any(|condition| match condition.type_.as_str() {
        "Denied" | "Failed" => true,
        "Approved" => has_certificate,
        _ => false,
    })
}

/// Returns the meaning of an error, and its text.
fn classify(error: &CallError, now: SystemTime) -> (ApiFault, String) {
    match error {
        CallError::Failure { status, headers, message } => {
            let code = status.as_u16();
            (by_code(code, retry_after(headers, now)), format!("{code} {message}"))
        }
        CallError::OddStatus(status) => {
            (ApiFault::Unexpected, format!("{} is not what Kubernetes sends", status.as_u16()))
        }
        CallError::Malformed => (ApiFault::Unexpected, "it is not what Kubernetes sends".to_owned()),
        CallError::Transport(error) => no_answer(&**error),
        CallError::Request(error) => (ApiFault::Invalid, error.to_string()),
    }
}

/// There was no answer, or not all of it.
fn no_answer(error: &(dyn std::error::Error + 'static)) -> (ApiFault, String) {
    let mut cause = error;
    loop {
        if cause.is::<LengthLimitError>() {
            return (ApiFault::Unexpected, format!("it has more than {MAX_ANSWER} bytes"));
        }
        if let Some(ConnectionError::NoIdentity | ConnectionError::Endpoint(_)) = cause.downcast_ref() {
            return (ApiFault::NoCredential, cause.to_string());
        }
        match cause.source() {
            Some(next) => cause = next,
            // The innermost text is the one that tells something.
            None => return (ApiFault::Unreachable, cause.to_string()),
        }
    }
}

fn by_code(code: u16, retry_after: Option<Span>) -> ApiFault {
    match code {
        401 => ApiFault::Unauthorized,
        403 => ApiFault::Forbidden,
        404 => ApiFault::NotFound,
        409 => ApiFault::AlreadyExists,
        429 => ApiFault::TooManyRequests { retry_after },
        400 | 413 | 422 => ApiFault::Invalid,
        500..=599 => ApiFault::ServerError { retry_after },
        _ => ApiFault::Unexpected,
    }
}

/// Retry-After (RFC 9110, section 10.2.3): seconds, or a date. Absurd values saturate; core clamps them.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Span::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let left = date.duration_since(now).unwrap_or_default();
    Some(Span::from_secs(left.as_secs()))
}
