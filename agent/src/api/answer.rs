//! The meaning of the server's answers: status, headers and JSON in, objects and faults for core out.
//!
//! The transport is a network, or bytes in memory.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use certrotate_core::facts::Usages;
use certrotate_core::issuer::{Call, IssuerFault, RequestRecord, RequestState};
use certrotate_core::time::Span;
use certrotate_x509::{CertChain, ClientCa, csr, request_name};
use http_body_util::LengthLimitError;
use hyper::header::{HeaderMap, RETRY_AFTER};
use hyper::http::StatusCode;
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use kube_core::WatchEvent;
use kube_core::params::{ListParams, WatchParams};

use crate::connection::{ConnectionError, explain};
use crate::fault_texts::FaultTexts;
use crate::keystore::{KeyStore, SigningRequest, Staged};
use crate::kubernetes::{CallError, Objects, Transport};
use crate::limits;

/// Makes one call.
pub(super) async fn call<T: Transport>(
    requests: &Objects<T, CertificateSigningRequest>,
    call: Call,
    signing_request: Option<&SigningRequest>,
) -> Result<CertificateSigningRequest, Failure> {
    match call {
        Call::Create { .. } => match signing_request {
            Some(signing_request) => {
                let created = requests.create(&object(signing_request)).await.map_err(without_api)?;
                named(created, &signing_request.name)
            }
            // The handle is core's own; without its request there is nothing to send.
            None => Err(Failure::Fault(IssuerFault::HandleGone)),
        },
        Call::Get { request } => {
            let name = request_name(&request);
            named(requests.get(&name).await?, &name)
        }
        Call::Watch { request } => watch(requests, &request_name(&request)).await,
    }
}

/// Returns the object if it has the name that was requested.
fn named(object: CertificateSigningRequest, name: &str) -> Result<CertificateSigningRequest, Failure> {
    match object.metadata.name.as_deref() {
        Some(found) if found == name => Ok(object),
        _ => Err(CallError::Malformed("it is about another object".to_owned()).into()),
    }
}

/// Returns the error of a create. A 404 is not about the object, which need not exist: the server does not have the API.
fn without_api(error: CallError) -> CallError {
    match error {
        CallError::Failure { status: StatusCode::NOT_FOUND, message, .. } => CallError::Malformed(format!(
            "it does not have the API certificates.k8s.io/v1: {} {message}",
            StatusCode::NOT_FOUND.as_u16()
        )),
        other => other,
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
) -> (RequestRecord, Staged) {
    let (spec, status) = (object.spec, object.status.unwrap_or_default());
    let mut read = Staged::default();
    let conditions = status.conditions.unwrap_or_default();
    let has = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
    if let Some(condition) = has("Denied").or(has("Failed")) {
        let reason = condition.reason.as_deref().unwrap_or("no reason given");
        let message = condition.message.as_deref().unwrap_or("no message");
        texts.set_call(&format!("{reason}: {message}"));
    }
    let pem = status.certificate.map(|bytes| bytes.0).filter(|bytes| !bytes.is_empty());
    // kube-apiserver refuses several of these at once; the condition that ends the request counts.
    let state = match pem {
        _ if has("Denied").is_some() => RequestState::Denied,
        _ if has("Failed").is_some() => RequestState::Failed,
        // A certificate without an approval is none.
        _ if has("Approved").is_none() => RequestState::Pending,
        None => RequestState::Approved,
        Some(pem) => issued(&pem, keys, &mut read, client_ca, texts),
    };
    let usages = spec.usages.unwrap_or_default();
    let object = RequestRecord {
        key: csr::read(&spec.request.0).ok().map(|facts| facts.key),
        signer: spec.signer_name,
        usages: usages
            .iter()
            .map(|name| Usages::named(name).unwrap_or(Usages::OTHER))
            .fold(Usages::NONE, Usages::with),
        requester: spec.username.unwrap_or_default(),
        state,
    };
    (object, read)
}

fn issued(
    pem: &[u8],
    keys: &KeyStore,
    read: &mut Staged,
    client_ca: Option<&ClientCa>,
    texts: &FaultTexts,
) -> RequestState {
    match CertChain::read(pem, client_ca) {
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
            let cert = keys.stage_chain(read, chain, facts.clone());
            RequestState::Issued { cert, facts }
        }
        Err(error) => {
            texts.set_call(&error.to_string());
            RequestState::IssuedUnreadable
        }
    }
}

/// Why a call brought no object.
pub(super) enum Failure {
    Call(CallError),
    Fault(IssuerFault),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl Failure {
    /// Returns the fault for core, and the text for the line that reports it. `now` is the time of the answer.
    pub(super) fn explain(self, now: SystemTime) -> (IssuerFault, Option<String>) {
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
    name: &str,
) -> Result<CertificateSigningRequest, Failure> {
    let fields = format!("metadata.name={name}");
    let list = requests.list(&ListParams::default().fields(&fields)).await?;
    let version = list.metadata.resource_version.unwrap_or_default();
    let object = list.items.into_iter().next().ok_or(Failure::Fault(IssuerFault::NotFound))?;
    let object = named(object, name)?;
    if has_news(&object) {
        return Ok(object);
    }
    let seconds = u32::try_from(limits::WATCH_REQUESTED.as_secs()).unwrap_or(u32::MAX);
    let parameters = WatchParams::default().fields(&fields).timeout(seconds);
    let mut events = requests.watch(&parameters, &version).await?;
    let news = async {
        while let Some(event) = events.next().await {
            match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) if has_news(&object) => {
                    return named(object, name);
                }
                Ok(WatchEvent::Deleted(_)) => return Err(Failure::Fault(IssuerFault::NotFound)),
                Ok(WatchEvent::Added(_) | WatchEvent::Modified(_) | WatchEvent::Bookmark(_)) => {}
                // 410 Gone and everything else: the next call lists again.
                Ok(WatchEvent::Error(_)) | Err(_) => break,
            }
        }
        Err(Failure::Fault(IssuerFault::WatchEnded))
    };
    let ended = tokio::time::timeout(limits::WATCH, news).await;
    ended.unwrap_or(Err(Failure::Fault(IssuerFault::WatchEnded)))
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
fn classify(error: &CallError, now: SystemTime) -> (IssuerFault, String) {
    match error {
        CallError::Failure { status, headers, message, is_status } => {
            let fault = match by_code(status.as_u16(), retry_after(headers, now)) {
                // Only an API server knows which objects it has. A load balancer's 404 must not repeat a request.
                IssuerFault::NotFound | IssuerFault::AlreadyExists if !is_status => IssuerFault::Unexpected,
                fault => fault,
            };
            (fault, format!("{} {message}", status.as_u16()))
        }
        CallError::OddStatus(status, text) => {
            (IssuerFault::Unexpected, format!("{} {text}", status.as_u16()))
        }
        CallError::Malformed(text) => (IssuerFault::Unexpected, text.clone()),
        CallError::Transport(error) => no_answer(&**error),
        CallError::Request(error) => (IssuerFault::Invalid, error.to_string()),
    }
}

/// There was no answer, or not all of it.
fn no_answer(error: &(dyn std::error::Error + 'static)) -> (IssuerFault, String) {
    let mut cause = error;
    loop {
        if cause.is::<LengthLimitError>() {
            return (IssuerFault::Unexpected, format!("it has more than {} bytes", limits::MAX_ANSWER));
        }
        if let Some(error) = cause.downcast_ref::<ConnectionError>() {
            let unusable = matches!(error, ConnectionError::NoIdentity | ConnectionError::Endpoint(_));
            let fault = if unusable { IssuerFault::NoCredential } else { IssuerFault::Unreachable };
            return (fault, error.to_string());
        }
        match cause.source() {
            Some(next) => cause = next,
            None => return (IssuerFault::Unreachable, explain(error)),
        }
    }
}

fn by_code(code: u16, retry_after: Option<Span>) -> IssuerFault {
    match code {
        401 => IssuerFault::NotAuthenticated,
        403 => IssuerFault::NotPermitted,
        404 => IssuerFault::NotFound,
        409 => IssuerFault::AlreadyExists,
        429 => IssuerFault::Throttled { retry_after },
        400 | 413 | 422 => IssuerFault::Invalid,
        500..=599 => IssuerFault::Unavailable { retry_after },
        _ => IssuerFault::Unexpected,
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
